import asyncio
from typing import Any

import pytest

from actors.archive import COURSE_READS_AT_ONCE
from actors.host import CONNECTIONS
from classroom.ids import CourseId
from classroom.progress import commands as c
from persistence.learning import Found
from persistence.memory.live_learning import MemoryLearningLog
from tests.actors.desk import Desk
from tests.actors.school import COURSE as COURSE_ID
from tests.actors.school import until


async def test_a_course_is_unloaded_when_nobody_needs_it_and_goes_on_as_it_was(desk: Desk) -> None:
    sam = desk.school.student("sam")
    await desk.done(sam, 0)
    await asyncio.sleep(400)
    assert desk.grain is None
    assert (await desk.done(sam, 1))["percent"] == 50


async def test_of_many_learners_only_those_in_use_stay_in_memory(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.learners.KEPT", 10)
    students = desk.school.students(60)
    await asyncio.gather(*(desk.done(student, 0) for student in students))
    await asyncio.gather(*(desk.done(student, 1) for student in students))
    assert {it.thousandths for it, _ in desk.school.tables.learners[COURSE_ID].values()} == {500}
    await desk.done(students[0], 2)
    assert desk.grain is not None
    assert len(desk.grain.learners) <= 10


async def test_who_is_on_the_way_to_the_store_is_not_read_from_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.learners.KEPT", 1)
    sam, *others = desk.school.students(5)
    await desk.ask(sam, c.Look(sam.user_id))
    desk.school.store.open.clear()
    doing = [asyncio.ensure_future(desk.done(sam, 0))]
    for other in others:
        await asyncio.sleep(1)
        doing.append(asyncio.ensure_future(desk.done(other, 0)))
    await asyncio.sleep(1)
    doing.append(asyncio.ensure_future(desk.done(sam, 1)))
    await asyncio.sleep(1)
    desk.school.store.open.set()
    assert [each["percent"] for each in await asyncio.gather(*doing)] == [25, 25, 25, 25, 25, 50]


async def test_courses_that_are_slow_to_read_hold_up_no_class(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    room, [sam, kim] = await desk.school.open_class(), desk.school.students(2)
    real, go_on, reading, most = MemoryLearningLog.find, asyncio.Event(), 0, 0

    async def find(self: MemoryLearningLog, *asked: Any) -> Found:
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        await go_on.wait()
        reading -= 1
        return await real(self, *asked)

    monkeypatch.setattr(MemoryLearningLog, "find", find)
    courses = [CourseId(desk.school.new_id()) for _ in range(300)]
    look = c.Look(sam.user_id)
    asking = [asyncio.ensure_future(desk.school.lyceum.progress.tell(each, sam, look)) for each in courses]
    await until(lambda: reading > 0, "courses are read")
    await asyncio.sleep(1)
    async with asyncio.timeout(1):
        assert (await desk.school.join(room, kim))["outcome"] == "seated"
    assert most <= len(desk.school.lyceum.dispatcher.hosts) * COURSE_READS_AT_ONCE
    assert COURSE_READS_AT_ONCE <= CONNECTIONS - 4, "two journals have one each, and classes read too"
    go_on.set()
    await asyncio.gather(*asking)
