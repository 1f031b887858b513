"""A follower comes back after cuts with what it has seen, and names a gap, a repeat or a door that is closed for good."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from loadtests.follower import Follower, TopicBroken

OpenDoor = Callable[[Any], Awaitable[Any]]
Follow = Callable[[Any, str], Awaitable[Follower]]


@pytest.fixture
async def follow() -> AsyncIterator[Follow]:
    followers: list[Follower] = []

    async def start(door: Any, token: str) -> Follower:
        async def find_url() -> str:
            return str(door.socket_url)

        follower = Follower(find_url, token, "t")
        followers.append(follower)
        await follower.start(10)
        return follower

    yield start
    for follower in followers:
        await follower.stop()


def _texts(follower: Follower) -> list[str]:
    return [data for _, _, data in follower.events]


async def test_what_was_missed_during_a_cut_follows_once(door_twin: Any, open_door: OpenDoor, follow: Follow) -> None:
    door = await open_door(door_twin(capacity=1))
    await door.publish("before")
    follower = await follow(door, "token")
    await door.publish("one")
    await follower.wait_until(lambda: len(follower.events) == 1)
    follower.cut()
    await door.publish("two")
    await door.publish("three")
    await follower.wait_until(lambda: len(follower.events) == 3)
    await door.publish("four")
    await follower.wait_until(lambda: len(follower.events) == 4)
    assert _texts(follower) == ["one", "two", "three", "four"]
    assert (follower.snapshots, follower.resumed) == (1, 1)


async def test_a_snapshot_instead_of_missed_events_is_counted(door_twin: Any, open_door: OpenDoor, follow: Follow) -> None:
    door = await open_door(door_twin(capacity=1, forgets=True))
    follower = await follow(door, "token")
    follower.cut()
    await follower.wait_until(lambda: follower.snapshots == 2)
    await door.publish("one")
    await follower.wait_until(lambda: len(follower.events) == 1)
    assert follower.resumed == 0


async def test_a_gap_is_named(door_twin: Any, open_door: OpenDoor, follow: Follow) -> None:
    door = await open_door(door_twin(capacity=1, skips=1))
    follower = await follow(door, "token")
    await door.publish("lost")
    await door.publish("two")
    with pytest.raises(TopicBroken, match="offset 2 came where 1 was due"):
        await follower.wait_until(lambda: len(follower.events) == 2)


async def test_being_sent_away_for_good_ends_the_following(door_twin: Any, open_door: OpenDoor, follow: Follow) -> None:
    door = await open_door(door_twin(capacity=1))
    with pytest.raises(TopicBroken, match="for good with 4500"):
        await follow(door, "stranger")


@pytest.mark.parametrize("forgets", [False, True])
async def test_a_topic_that_goes_back_is_named(forgets: bool, door_twin: Any, open_door: OpenDoor, follow: Follow) -> None:
    door = await open_door(door_twin(capacity=1, forgets=forgets))
    follower = await follow(door, "token")
    await door.publish("one")
    await follower.wait_until(lambda: len(follower.events) == 1)
    door.log.clear()
    follower.cut()
    with pytest.raises(TopicBroken, match="went back from offset 1 to 0"):
        await follower.wait_until(lambda: len(follower.events) == 2)


async def test_a_topic_that_goes_back_to_an_earlier_owner_is_named(
    door_twin: Any, open_door: OpenDoor, follow: Follow
) -> None:
    door = await open_door(door_twin(capacity=1, epoch=3))
    follower = await follow(door, "token")
    door.epoch = 2
    follower.cut()
    with pytest.raises(TopicBroken, match="went back from epoch 3 to 2"):
        await follower.wait_until(lambda: follower.resumed == 2)
