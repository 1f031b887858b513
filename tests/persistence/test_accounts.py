import asyncio
from dataclasses import replace
from typing import Any

from classroom.callers import Role
from persistence.accounts import NewAccount
from persistence.ids import new_id


def made_up(platform: Any, **changes: Any) -> NewAccount:
    user_id = new_id()
    return replace(NewAccount(user_id, f"{user_id}@Example.org", "Ada", Role.STUDENT, "hash-1", platform.now), **changes)


async def test_an_account_is_found_by_id_and_by_address_in_any_case(platform: Any) -> None:
    new = made_up(platform)
    account = await platform.accounts.create(new)

    assert account.email == new.email.lower()
    assert (account.name, account.role, account.status, account.email_verified_at) == ("Ada", Role.STUDENT, "active", None)
    assert account.created_at == platform.now
    assert await platform.accounts.find(new.id) == account
    assert await platform.accounts.find_by_email(f" {new.email.upper()} ") == (account, "hash-1")


async def test_who_is_not_there_is_not_found(platform: Any) -> None:
    assert await platform.accounts.find(new_id()) is None
    assert await platform.accounts.find_by_email("nobody@example.org") is None
    assert await platform.accounts.revise(new_id(), {"name": "X"}, platform.now) is None


async def test_an_address_belongs_to_one_account_even_when_two_come_at_once(platform: Any) -> None:
    first = made_up(platform)
    rivals = [made_up(platform, email=first.email.upper()) for _ in range(4)]
    answers = await asyncio.gather(*(platform.accounts.create(new) for new in (first, *rivals)))
    assert sum(answer is not None for answer in answers) == 1


async def test_the_same_request_again_opens_no_second_account(platform: Any) -> None:
    new = made_up(platform)
    assert await platform.accounts.create(new) == await platform.accounts.create(new) is not None


async def test_a_profile_changes_where_it_is_asked_to_and_nowhere_else(platform: Any) -> None:
    account = await platform.accounts.create(made_up(platform))
    changes = {"bio": "Sails.", "avatar_url": "https://x.example/a.png", "role": "admin", "email": "x@example.org"}
    revised = await platform.accounts.revise(account.id, changes, platform.now)

    assert revised == replace(account, bio="Sails.", avatar_url="https://x.example/a.png")
    assert (await platform.accounts.revise(account.id, {"avatar_url": None}, platform.now)).avatar_url is None


async def test_a_newer_password_hash_replaces_the_old_one(platform: Any) -> None:
    new = made_up(platform)
    await platform.accounts.create(new)
    await platform.accounts.renew_password_hash(new.id, new.password_hash, "hash-2")
    assert (await platform.accounts.find_by_email(new.email))[1] == "hash-2"
    await platform.accounts.renew_password_hash(new.id, new.password_hash, "hash-3")
    assert (await platform.accounts.find_by_email(new.email))[1] == "hash-2"
