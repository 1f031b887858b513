"""Everybody at once: exactly the seats there are, places without a hole, each answer durable before it is given."""

from typing import Any

import pytest

from loadtests.storm import check_postgres, check_promises, stampede
from tests.end_to_end.crowds import crowd_at, prepare, witness

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


@pytest.mark.parametrize(("over", "students", "seats"), [("socket", 1_500, 300), ("rest", 600, 120)])
async def test_exactly_the_seats_are_given(
    over: str, students: int, seats: int, lyceum: Any, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared = await prepare(lyceum, students, seats)
    async with (
        witness(lyceum, prepared, each=20) as looking,
        crowd_at(lyceum, prepared, over, looking.hear) as crowd,
    ):
        run = await stampede(crowd, prepared.session_id, patience_seconds=120)
        looked, found = await looking.verdict()
        tally = check_promises(run.journeys, seats)
        await check_postgres(lyceum.database_url, prepared.session_id, run.journeys)
    assert (tally.seated, tally.waiting) == (seats, students - seats)
    assert looked == students // 20
    assert found == looked
    record_property("answers_per_second", round(run.per_second))
    with capsys.disabled():
        print(f"\n{students} over {over}: {run.seconds:.2f} s, 99 % within {run.wait(0.99) * 1000:.0f} ms")


@pytest.mark.parametrize("over", ["socket", "rest"])
async def test_asking_again_gives_the_same_seat_or_place(over: str, lyceum: Any) -> None:
    prepared = await prepare(lyceum, 40, 15)
    async with crowd_at(lyceum, prepared, over) as crowd:
        first = await stampede(crowd, prepared.session_id)
        again = await stampede(crowd, prepared.session_id)
        await check_postgres(lyceum.database_url, prepared.session_id, first.journeys)
    answers = {each.student_id: each.answer for each in first.journeys}
    assert answers == {each.student_id: each.answer for each in again.journeys}
    check_promises(again.journeys, 15)


async def test_both_doors_sell_the_same_seats_once(lyceum: Any) -> None:
    prepared = await prepare(lyceum, 60, 25)
    async with crowd_at(lyceum, prepared, "socket") as sockets, crowd_at(lyceum, prepared, "rest") as rest:
        over_socket = await stampede(sockets, prepared.session_id)
        over_rest = await stampede(rest, prepared.session_id)
        await check_postgres(lyceum.database_url, prepared.session_id, over_rest.journeys)
    assert {each.student_id: each.answer for each in over_socket.journeys} == {
        each.student_id: each.answer for each in over_rest.journeys
    }
