"""A tab comes back after a cut or says that it cannot, and what it no longer follows is not held against the topic."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

OpenDoor = Callable[[Any], Awaitable[Any]]
Play = Callable[[Any, str], Awaitable[str]]
_REPOSITORY = Path(__file__).resolve().parents[2]

# Tabs live on gevent, which must patch a process before anything else is imported
_SCRIPT = """
from gevent import monkey; monkey.patch_all()
import sys
from loadtests import tab as tabs
from loadtests.promises import BrokenPromise
from loadtests.stage import Stage
from loadtests.topic_watch import TopicWatch
tabs.PATIENCE_SECONDS = 3
tab = tabs.Tab(Stage("", sys.argv[1], lambda fact: None, lambda *measured: None), "token", lambda broken: None)
tab.open()
heard = []
first = TopicWatch("t", lambda kind, data: heard.append(data))
assert tab.follow(first) is None
try:
{}
except BrokenPromise as broken:
    print("broken:", broken)
"""


@pytest.fixture
def play() -> Play:
    """Runs these lines of a tab that follows a topic, against a door; what they printed."""

    async def run(door: Any, lines: str) -> str:
        script = _SCRIPT.format("\n".join(f"    {line}" for line in lines.splitlines()))
        command = (sys.executable, "-c", script, door.socket_url)
        process = await asyncio.create_subprocess_exec(
            *command, cwd=_REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            async with asyncio.timeout(90):
                said, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            raise
        assert process.returncode == 0, said.decode()
        return said.decode()

    return run


async def test_a_tab_that_was_cut_sees_what_it_missed(door_twin: Any, open_door: OpenDoor, play: Play) -> None:
    door = await open_door(door_twin(capacity=1))
    lines = ["tab.cut()", "tab.command('session.join', {}, 'one')", "seen = tab.wait_until(lambda: heard, 3)"]
    said = await play(door, "\n".join([*lines, "print(seen, tab.came_back, first.resumed)"]))
    assert said == "True 1 1\n"


async def test_a_tab_that_cannot_come_back_says_so(door_twin: Any, open_door: OpenDoor, play: Play) -> None:
    door = await open_door(door_twin(capacity=1, closes_after=1))
    assert await play(door, "tab.cut()\ntab.stay(30)") == "broken: Nobody could come back within 3 s.\n"


async def test_a_topic_can_be_left_and_followed_again_while_it_goes_on(
    door_twin: Any, open_door: OpenDoor, play: Play
) -> None:
    door = await open_door(door_twin(capacity=1))

    async def talk() -> None:
        while True:
            await door.publish("word")
            await asyncio.sleep(0)

    talking = asyncio.create_task(talk())
    said = await play(
        door,
        "for _ in range(20):\n    tab.unfollow('t')\n    tab.follow(TopicWatch('t'))\ntab.stay(0.1)\nprint('whole')",
    )
    talking.cancel()
    assert said == "whole\n"
