import asyncio
from typing import Any

from persistence.ids import new_id
from persistence.sign_ins import NotRotated, Rotated, end_all

DAY = 86_400_000_000


async def signed_in(platform: Any) -> tuple[str, str, str]:
    user, family, token = await platform.person(), new_id(), f"token-{new_id()}"
    await platform.sign_ins.open(family, user, "-", token, platform.now, platform.now + DAY)
    return user, family, token


async def test_a_token_is_replaced_by_its_successor_and_so_on(platform: Any) -> None:
    user, family, token = await signed_in(platform)
    for number in range(3):
        successor = f"{token}-{number}"
        rotated = await platform.sign_ins.rotate(token if number == 0 else f"{token}-{number - 1}", successor, platform.now)
        assert rotated == Rotated(user, family, platform.now + DAY)


async def test_using_an_old_token_again_ends_the_whole_family(platform: Any) -> None:
    _, family, token = await signed_in(platform)
    await platform.sign_ins.rotate(token, f"{token}-1", platform.now)

    assert await platform.sign_ins.rotate(token, f"{token}-x", platform.now) == NotRotated(reused=True, family_id=family)
    assert await platform.sign_ins.rotate(f"{token}-1", f"{token}-2", platform.now) == NotRotated(reused=False)


async def test_of_two_at_once_with_one_token_only_one_gets_a_successor(platform: Any) -> None:
    _, _, token = await signed_in(platform)
    answers = await asyncio.gather(*(platform.sign_ins.rotate(token, f"{token}-{n}", platform.now) for n in range(4)))
    assert sum(isinstance(answer, Rotated) for answer in answers) == 1


async def test_unknown_expired_and_signed_out_tokens_do_not_rotate(platform: Any) -> None:
    refused = NotRotated(reused=False)
    assert await platform.sign_ins.rotate("unknown", "next", platform.now) == refused

    _, _, late = await signed_in(platform)
    assert await platform.sign_ins.rotate(late, f"{late}-1", platform.now + DAY) == refused

    _, family, token = await signed_in(platform)
    assert await platform.sign_ins.revoke(token, platform.now) == family
    assert await platform.sign_ins.revoke(token, platform.now) == family
    assert await platform.sign_ins.revoke("unknown", platform.now) is None
    assert await platform.sign_ins.rotate(token, f"{token}-1", platform.now) == refused

    _, family, token = await signed_in(platform)
    await platform.sign_ins.revoke_family(family, platform.now)
    assert await platform.sign_ins.rotate(token, f"{token}-1", platform.now) == refused


async def test_one_sign_in_ends_without_the_others(platform: Any) -> None:
    _, _, token = await signed_in(platform)
    _, _, other = await signed_in(platform)
    await platform.sign_ins.revoke(token, platform.now)
    assert isinstance(await platform.sign_ins.rotate(other, f"{other}-1", platform.now), Rotated)


async def test_all_sign_ins_of_a_person_end_with_their_cause(platform: Any, database: Any) -> None:
    user, other = await platform.person(), await platform.person()
    tokens = {}
    for who in (user, user, other):
        family, token = new_id(), f"token-{new_id()}"
        await platform.sign_ins.open(family, who, "-", token, platform.now, platform.now + DAY)
        tokens[family] = (who, token)
    async with database.writing() as connection:
        ended = await end_all(connection, user, platform.now, "ban")
    assert sorted(ended) == sorted(family for family, (who, _) in tokens.items() if who == user)
    for who, token in tokens.values():
        rotated = await platform.sign_ins.rotate(token, f"{token}-1", platform.now)
        assert isinstance(rotated, NotRotated if who == user else Rotated)
    async with database.writing() as connection:
        assert await end_all(connection, user, platform.now, "ban") == []
