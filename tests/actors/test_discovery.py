"""In real time: threads know no other."""

import asyncio
import threading

from actors.discovery import LOOK_SECONDS, Names


def test_names_are_those_of_now_or_those_of_the_last_time() -> None:
    answers: list[list[str] | Exception] = [["one"], ConnectionError("away"), ["one", "two"]]

    def find() -> list[str]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def ask() -> None:
        names = Names(find, ("first",))
        heard = [tuple(await names.latest()) for _ in range(3)]
        assert heard == [("one",), ("one",), ("one", "two")]

    asyncio.run(ask())


def test_who_asks_waits_for_a_second_at_most_and_one_question_is_under_way() -> None:
    may_tell, asked = threading.Event(), 0

    def find() -> list[str]:
        nonlocal asked
        asked += 1
        assert may_tell.wait(30)
        return ["found"]

    async def ask() -> None:
        names, loop = Names(find, ("first",)), asyncio.get_running_loop()
        asked_at = loop.time()
        assert await asyncio.gather(*(names.latest() for _ in range(5))) == [("first",)] * 5
        assert LOOK_SECONDS <= loop.time() - asked_at < 10 * LOOK_SECONDS
        may_tell.set()
        assert await names.latest() == ("found",)
        assert asked == 1

    asyncio.run(ask())
