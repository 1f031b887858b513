import asyncio

from actors.placement import keep_placing
from tests.actors.school import until


async def test_each_look_is_told_of_the_nodes_of_the_last_good_one() -> None:
    seen: list[frozenset[str]] = []
    answers: list[frozenset[str] | Exception] = [frozenset("a"), ConnectionError("away"), frozenset("ab"), frozenset("b")]

    def extend(known: frozenset[str]) -> frozenset[str]:
        seen.append(known)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    placing = asyncio.ensure_future(keep_placing(extend))
    await until(lambda: len(seen) >= 5, "five looks", 1e9)  # made-up seconds, while threads take real ones
    placing.cancel()
    assert seen[:5] == [frozenset(), frozenset("a"), frozenset("a"), frozenset("ab"), frozenset("b")]
