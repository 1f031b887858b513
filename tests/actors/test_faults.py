"""A fault in a rule, a row that cannot be read, a call that hangs: whom it concerns, and whom not."""

import asyncio
from typing import Any

import pytest

import actors.live_grain as grains
from actors.envelopes import LIVE, Envelope
from actors.listeners import Listeners
from classroom.answers import Accepted, Refused
from classroom.live import commands as c
from classroom.live.decide import Ask
from classroom.refusals import Unavailable
from persistence.memory.live_log import MemoryLiveLog
from tests.actors.school import TEACHER, School, until


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Deciding a message `poison` is a fault; moving a class by a message `venom` as well, after half of the move."""
    decide, evolve = grains.decide, grains.evolve

    def faulty_decide(state: Any, ask: Ask) -> Any:
        if isinstance(ask.command, c.PostChat) and ask.command.text == "poison":
            raise ZeroDivisionError("a fault in a rule")
        return decide(state, ask)

    def faulty_evolve(state: Any, event: Any, at: Any, command_id: Any = None) -> None:
        evolve(state, event, at, command_id)
        if getattr(event, "text", "") == "venom":
            raise ZeroDivisionError("a fault in a move")

    monkeypatch.setattr(grains, "decide", faulty_decide)
    monkeypatch.setattr(grains, "evolve", faulty_evolve)
    return monkeypatch


@pytest.mark.parametrize("text", ["poison", "venom"])
async def test_a_faulty_command_is_nobody_elses_trouble(school: School, poisoned: Any, text: str) -> None:
    room = await school.open_class(seats=100)
    students = school.students(30)
    for student in students[:5]:
        await school.join(room, student)
    school.store.open.clear()
    early = [asyncio.ensure_future(school.answer(room, student, c.TakeSeat())) for student in students[5:10]]
    await asyncio.sleep(0.1)
    batch = [school.answer(room, student, c.TakeSeat()) for student in students[10:20]]
    bad = asyncio.ensure_future(school.answer(room, TEACHER, c.PostChat(text), "bad"))
    more = [school.answer(room, student, c.TakeSeat()) for student in students[20:]]
    all_of_them = asyncio.gather(*batch, bad, *more)
    await asyncio.sleep(0.1)
    school.store.open.set()
    answers = [*await asyncio.gather(*early), *await all_of_them]

    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert refused == [Refused(Unavailable())]
    assert bad.result() == Refused(Unavailable())
    assert [seat.user_id for seat in school.record(room).seats] == [student.user_id for student in students]
    assert "chat.posted" not in school.log(room)
    assert (await school.look(room))["currentStudents"] == 30


async def test_a_grain_is_read_back_only_when_its_last_commits_are_over(school: School, poisoned: Any) -> None:
    gate = await school.gate()
    room = await school.open_class(seats=100)
    follower = await gate.subscribe(room.staff, TEACHER)
    sam, kim = school.students(2)
    await school.join(room, sam)
    school.store.open.clear()
    joining = asyncio.ensure_future(school.join(room, kim))
    await asyncio.sleep(0.1)
    bad = asyncio.ensure_future(school.answer(room, TEACHER, c.PostChat("venom")))
    await asyncio.sleep(0.1)
    look = asyncio.ensure_future(school.look(room))
    await asyncio.sleep(0.5)
    assert not look.done()
    school.store.open.set()
    await joining
    assert (await look)["currentStudents"] == 2
    assert isinstance(await bad, Refused)
    await until(lambda: len(follower.heard("seat.taken")) == 2, "both seats told")
    await school.ask(room, TEACHER, c.PostChat("all is well", "staff"))
    await until(lambda: follower.heard("chat.posted"), "the feed goes on")


async def test_followers_of_a_dropped_grain_hear_everything_once(school: School, poisoned: Any) -> None:
    gate = await school.gate()
    room = await school.open_class(seats=100)
    students = school.students(40)
    follower = await gate.subscribe(room.staff, TEACHER)
    for number, student in enumerate(students):
        if number % 10 == 5:
            assert isinstance(await school.answer(room, TEACHER, c.PostChat("venom")), Refused)
        await school.join(room, student)
    await until(lambda: len(follower.heard("seat.taken")) == 40, "all seats told")
    assert [data["userId"] for data in follower.heard("seat.taken")] == [student.user_id for student in students]
    assert not gate.lost


async def test_a_class_that_cannot_be_read_answers_so_and_does_not_spin(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await school.open_class()
    school.kill()
    loads = 0

    async def unreadable(self: MemoryLiveLog, session_id: Any) -> Any:
        nonlocal loads
        loads += 1
        raise ValueError("not a class")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryLiveLog, "load", unreadable)
        assert await school.answer(room, TEACHER, c.Look()) == Refused(Unavailable())
        loads = 0
        await asyncio.sleep(600)
        assert loads < 25
    other = await school.open_class()
    assert await school.look(other)
    assert await school.look(room)


async def test_one_class_that_is_slow_to_read_delays_itself_only(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick = await school.open_class(), await school.open_class()
    while school.host_of(slow) != school.host_of(quick):
        quick = await school.open_class()
    school.kill()
    await school.look(quick)
    load = MemoryLiveLog.load

    async def slowly(self: MemoryLiveLog, session_id: Any) -> Any:
        if session_id == slow.id:
            await asyncio.sleep(5)
        return await load(self, session_id)

    monkeypatch.setattr(MemoryLiveLog, "load", slowly)
    loop = asyncio.get_running_loop()
    waiting = []
    for _ in range(6):
        waiting.append(asyncio.ensure_future(school.look(slow)))
        await asyncio.sleep(0.01)
    asked = loop.time()
    await school.look(quick)
    assert loop.time() - asked < 1.5
    assert all([await each for each in waiting])


async def test_a_store_that_hangs_is_given_up(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    room = await school.open_class()
    school.kill()

    async def hangs(self: MemoryLiveLog, session_id: Any) -> Any:
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(MemoryLiveLog, "load", hangs)
        assert await school.answer(room, TEACHER, c.Look()) == Refused(Unavailable())
    assert await school.look(room)


async def test_missed_events_that_cannot_be_read_are_no_reason_to_wait_for_ever(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = await school.gate()
    room = await school.open_class()
    school.kill()

    async def faulty(self: MemoryLiveLog, *of: Any) -> Any:
        raise ValueError("no such event")

    monkeypatch.setattr(MemoryLiveLog, "after", faulty)
    loop = asyncio.get_running_loop()
    asked = loop.time()
    with pytest.raises(Exception, match="unavailable"):
        await gate.subscribe(room.live, TEACHER, since=(1, 0))
    assert loop.time() - asked < 3


async def test_a_full_mailbox_refuses(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.hosting.MAILBOX", 10)
    room = await school.open_class()
    school.kill()
    load = MemoryLiveLog.load

    async def slowly(self: MemoryLiveLog, session_id: Any) -> Any:
        await asyncio.sleep(5)
        return await load(self, session_id)

    monkeypatch.setattr(MemoryLiveLog, "load", slowly)
    answers = await asyncio.gather(*(school.answer(room, TEACHER, c.Look()) for _ in range(30)))
    assert sum(isinstance(answer, Accepted) for answer in answers) == 10


async def test_a_fault_that_is_nobodys_command_is_answered_and_passes(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await school.open_class(seats=2)
    [sam] = school.students(1)
    owner = await school.owner(room)
    faults = 0

    def faulty(*_: Any) -> bool:
        nonlocal faults
        faults += 1
        raise ZeroDivisionError("a fault at the end of a class")

    with monkeypatch.context() as patched:
        patched.setattr(grains.LiveClass, "is_past_its_end", faulty)
        [answer] = await owner.execute([Envelope(LIVE, room.id, sam, c.TakeSeat(), "c1")])
        assert answer == Refused(Unavailable())
        assert faults < 5
    assert (await school.join(room, sam))["outcome"] == "seated"


async def test_what_a_host_keeps_doing_it_does_again_after_a_fault(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = await school.gate()
    room = await school.open_class(seats=2)
    sam, kim = school.students(2)
    await gate.subscribe(room.live, TEACHER)
    await school.join(room, sam)
    await gate.subscribe(room.live, sam)
    with monkeypatch.context() as patched:
        patched.setattr(Listeners, "forget_silent", lambda _: 1 / 0)
        await asyncio.sleep(30)
    gate.die()
    await asyncio.sleep(60 + 60)
    assert (await school.join(room, kim))["seat"]["number"] == 1
