import asyncio
from typing import Any

import pytest

from classroom.times import MINUTE, Moment
from persistence.account_tokens import AN_HOUR_AT_MOST, RESET, VERIFY, AccountTokens, Addressee
from persistence.ids import new_id


@pytest.fixture
def tokens(database: Any) -> AccountTokens:
    return AccountTokens(database)


async def somebody(platform: Any, tokens: AccountTokens) -> Addressee:
    found = await tokens.find_addressee(user_id=await platform.person())
    assert found is not None
    return found


async def test_of_many_at_once_no_more_than_an_hour_allows(platform: Any, tokens: AccountTokens) -> None:
    to, now = await somebody(platform, tokens), platform.now
    until = Moment(now + MINUTE)
    made = await asyncio.gather(*(tokens.issue(to, VERIFY, new_id(), now, until) for _ in range(9)))
    assert sum(made) == AN_HOUR_AT_MOST
    assert await tokens.issue(to, RESET, new_id(), now, until) is True  # each purpose has its own
    assert await tokens.issue(to, VERIFY, new_id(), Moment(now + 61 * MINUTE), until) is True


async def test_what_could_not_be_mailed_is_none(platform: Any, tokens: AccountTokens) -> None:
    to, now = await somebody(platform, tokens), platform.now
    await tokens.issue(to, VERIFY, "given back", now, Moment(now + MINUTE))
    await tokens.withdraw("given back")
    assert await tokens.verify_email("given back", now) is None


async def test_of_two_new_passwords_at_once_one_is_set(platform: Any, tokens: AccountTokens) -> None:
    to, now, token = await somebody(platform, tokens), platform.now, new_id()
    await tokens.issue(to, RESET, token, now, Moment(now + MINUTE))
    assert await tokens.is_good(RESET, token, now)
    done = await asyncio.gather(*(tokens.reset_password(token, f"hash-{each}", now) for each in range(4)))
    assert len([each for each in done if each is not None]) == 1
    assert not await tokens.is_good(RESET, token, now)
    account, password_hash = await platform.accounts.find_by_email(to.email)
    assert account.email_verified_at == now
    assert password_hash == f"hash-{[each is not None for each in done].index(True)}"


async def test_a_token_proves_the_address_that_it_was_mailed_to_and_no_later_one(
    platform: Any, tokens: AccountTokens
) -> None:
    to, now, token = await somebody(platform, tokens), platform.now, new_id()
    elsewhere = Addressee(to.id, to.name, "old@example.org", verified=False)
    await tokens.issue(elsewhere, VERIFY, token, now, Moment(now + MINUTE))
    assert await tokens.verify_email(token, now) is None
    assert (await platform.accounts.find(to.id)).email_verified_at is None


async def test_old_tokens_go(platform: Any, tokens: AccountTokens, database: Any) -> None:
    to, now, token = await somebody(platform, tokens), platform.now, new_id()
    await tokens.issue(to, VERIFY, token, now, Moment(now + MINUTE))
    await tokens.forget_old(Moment(now + 24 * 60 * MINUTE))
    assert await tokens.is_good(VERIFY, token, now)
    await tokens.forget_old(Moment(now + 25 * 60 * MINUTE))
    assert not await tokens.is_good(VERIFY, token, now)
