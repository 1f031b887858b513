import asyncio
from typing import Any

from persistence.ids import new_id


def named(members: Any) -> dict[str, Any]:
    return {member.host: member for member in members}


async def test_hosts_hear_of_each_other_and_that_they_live_on(live: Any) -> None:
    one, two = f"one-{new_id()}", f"two-{new_id()}"
    assert one not in named(await live.membership.enter(one, "run-1"))
    first = named(await live.membership.enter(two, "run-2"))[one]
    assert (first.run, first.has_left) == ("run-1", False)
    assert 0 <= first.silent_seconds < 60

    await asyncio.sleep(0.01)
    again = named(await live.membership.note(two, "run-2"))[one]
    assert again.seen == first.seen
    assert again.silent_seconds > first.silent_seconds
    assert await live.membership.note(one, "run-1") is not None
    assert named(await live.membership.note(two, "run-2"))[one].seen > first.seen


async def test_a_name_belongs_to_its_latest_run(live: Any) -> None:
    one = f"one-{new_id()}"
    await live.membership.enter(one, "run-1")
    await live.membership.enter(one, "run-2")
    assert await live.membership.note(one, "run-1") is None
    await live.membership.leave(one, "run-1")
    member = named(await live.membership.note(one, "run-2"))[one]
    assert (member.run, member.has_left) == ("run-2", False)


async def test_who_left_is_known_to_have_left_until_it_comes_back(live: Any) -> None:
    one, two = f"one-{new_id()}", f"two-{new_id()}"
    await live.membership.enter(one, "run-1")
    await live.membership.leave(one, "run-1")
    assert named(await live.membership.enter(two, "run"))[one].has_left
    await live.membership.enter(one, "run-2")
    assert not named(await live.membership.note(two, "run"))[one].has_left


async def test_who_lives_on_although_the_table_was_emptied_is_a_member_again(live: Any) -> None:
    one, two = f"one-{new_id()}", f"two-{new_id()}"
    assert await live.membership.note(one, "run-1") is not None
    assert one in named(await live.membership.enter(two, "run"))


async def test_members_of_yesterday_are_forgotten(postgres_live: Any) -> None:
    old, new = f"old-{new_id()}", f"new-{new_id()}"
    await postgres_live.membership.enter(old, "run")
    await postgres_live.pool.execute("UPDATE grain_hosts SET seen_at = now() - interval '25 hours' WHERE name = $1", old)
    await postgres_live.membership.enter(new, "run")
    assert old not in named(await postgres_live.membership.note(new, "run"))
