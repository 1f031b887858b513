"""One command's way through a host: order, durability, repetition."""

import asyncio

from classroom.answers import Accepted, Refused
from classroom.live import commands as c
from classroom.refusals import NotEnrolled, Unavailable
from tests.actors.school import TEACHER, School, refusals, until


async def test_seats_and_places_go_in_the_order_of_arrival_also_when_enrolments_are_read_first(school: School) -> None:
    room = await school.open_class(seats=10)
    known, new = school.students(10, "known"), school.students(20, "new")
    for student in known[:5]:
        await school.join(room, student)
    crowd = [student for pair in zip(known[5:], new, strict=False) for student in pair] + new[5:]

    results = await asyncio.gather(*(school.join(room, student) for student in crowd))

    seated = [result["seat"]["number"] for result in results if result["outcome"] == "seated"]
    waiting = [result["position"] for result in results if result["outcome"] == "waitlisted"]
    assert seated == [6, 7, 8, 9, 10]
    assert waiting == list(range(1, 21))
    assert [result["outcome"] for result in results[:5]] == ["seated"] * 5


async def test_nobody_is_answered_before_the_commit(school: School) -> None:
    room = await school.open_class()
    sam = school.student("sam")
    school.store.open.clear()
    join = asyncio.ensure_future(school.join(room, sam))
    await asyncio.sleep(1)
    assert not join.done()
    assert "seat.taken" not in school.log(room)
    school.store.open.set()
    assert (await join)["outcome"] == "seated"
    assert "seat.taken" in school.log(room)


async def test_reads_are_answered_behind_the_writes_they_saw(school: School) -> None:
    room = await school.open_class()
    sam = school.student("sam")
    await school.look(room, sam)
    school.store.open.clear()
    join = asyncio.ensure_future(school.join(room, sam))
    await asyncio.sleep(0.1)
    look = asyncio.ensure_future(school.look(room, sam))
    await asyncio.sleep(1)
    assert not look.done()
    school.store.open.set()
    assert (await look)["you"]["outcome"] == "seated"
    assert join.done()
    assert look.result()["currentStudents"] == 1


async def test_what_gathers_behind_a_commit_goes_in_one_and_is_answered_in_order(school: School) -> None:
    room = await school.open_class(seats=100)
    students = school.students(60)
    await school.join(room, students[0])
    school.store.open.clear()
    answered: list[int] = []
    joins = []
    for number, student in enumerate(students):
        join = asyncio.ensure_future(school.join(room, student))
        join.add_done_callback(lambda _, number=number: answered.append(number))
        joins.append(join)
        await asyncio.sleep(0.001)
    before = school.store.commits
    school.store.open.set()
    await asyncio.gather(*joins)
    assert answered == list(range(60))
    assert school.store.commits - before < 10


async def test_a_commit_that_was_lost_is_done_again_and_once(school: School) -> None:
    for losing in ("before", "after"):
        room = await school.open_class(seats=1)
        sam, kim = school.students(2, losing)
        await school.look(room, sam)
        school.store.losing = losing
        join = asyncio.ensure_future(school.join(room, sam, "c1"))
        await asyncio.sleep(0.01)
        school.store.losing = None
        assert (await join)["outcome"] == "seated"
        assert (await school.join(room, kim))["position"] == 1
        assert school.log(room).count("seat.taken") == 1


async def test_a_store_that_stays_away_is_told_and_nothing_was_acknowledged(school: School) -> None:
    room = await school.open_class()
    sam = school.student("sam")
    school.tables.away = True
    assert await school.answer(room, sam, c.TakeSeat(), "c1") == Refused(Unavailable())
    school.tables.away = False
    assert (await school.look(room, sam))["you"]["outcome"] == "none"
    assert (await school.join(room, sam, "c1"))["outcome"] == "seated"


async def test_the_store_goes_away_with_commands_under_way_and_all_goes_on_when_it_is_back(school: School) -> None:
    room = await school.open_class(seats=5)
    students = school.students(20)
    school.tables.away = True
    joins = [asyncio.ensure_future(school.answer(room, student, c.TakeSeat(), "c1")) for student in students]
    await asyncio.sleep(1.5)
    school.tables.away = False
    answers = await asyncio.gather(*joins)
    assert all(isinstance(answer, Accepted) for answer in answers), answers
    assert sorted(seat.user_id for seat in school.record(room).seats) == sorted(s.user_id for s in students[:5])


async def test_a_repeated_command_adds_nothing_before_during_and_after_its_commit_and_a_kill(school: School) -> None:
    room = await school.open_class()
    sam = school.student("sam")
    await school.look(room, sam)
    school.store.open.clear()
    first = asyncio.ensure_future(school.join(room, sam, "c1"))
    second = asyncio.ensure_future(school.join(room, sam, "c1"))
    await asyncio.sleep(0.1)
    third = asyncio.ensure_future(school.join(room, sam, "c1"))
    await asyncio.sleep(0.1)
    assert not any(join.done() for join in (first, second, third))
    school.store.open.set()
    results = [await first, await second, await third, await school.join(room, sam, "c1")]
    school.kill()
    results.append(await school.join(room, sam, "c1"))
    assert {result["seat"]["number"] for result in results} == {1}
    assert school.log(room).count("seat.taken") == 1


async def test_a_repeated_message_is_posted_once_and_keeps_its_id(school: School) -> None:
    room = await school.open_class()
    said = [await school.ask(room, TEACHER, c.PostChat("Hello"), "c1") for _ in range(2)]
    school.kill()
    said.append(await school.ask(room, TEACHER, c.PostChat("Hello"), "c1"))
    assert len({each["messageId"] for each in said}) == 1
    assert school.log(room).count("chat.posted") == 1


async def test_a_late_copy_of_a_leave_that_changed_nothing_goes_on_changing_nothing(school: School) -> None:
    room = await school.open_class()
    sam = school.student("sam")
    await school.ask(room, sam, c.Leave(), "c1")
    await school.join(room, sam, "c2")
    await school.ask(room, sam, c.Leave(), "c1")
    assert [seat.user_id for seat in school.record(room).seats] == [sam.user_id]


async def test_what_changed_nothing_is_known_after_a_kill_once_anything_has_changed(school: School) -> None:
    room = await school.open_class()
    sam, kim = school.students(2)
    await school.ask(room, sam, c.Leave(), "c1")
    await school.ask(room, kim, c.LowerHand(), "c1")
    await school.join(room, sam, "c2")
    for _ in range(2):
        school.kill()
        await school.ask(room, sam, c.Leave(), "c1")
        await school.join(room, sam, "c2")
        assert [seat.user_id for seat in school.record(room).seats] == [sam.user_id]
    await school.join(room, kim, "c2")
    await school.ask(room, kim, c.RaiseHand(), "c3")
    school.kill()
    await school.ask(room, kim, c.LowerHand(), "c1")
    assert list(school.record(room).hands) == [kim.user_id]


async def test_commands_that_change_nothing_make_no_event_grow_without_bound(school: School) -> None:
    room = await school.open_class()
    sam = school.student("sam")
    for number in range(400):
        await school.ask(room, sam, c.Leave(), f"c{number}")
    await school.join(room, sam)
    longest = max(len(entry.command_id or "") for entry in school.tables.live_events[room.id])
    assert longest < 256 * 80
    school.kill()
    await school.ask(room, sam, c.Leave(), "c399")
    assert len(school.record(room).seats) == 1


async def test_a_join_repeated_by_who_is_inside_no_more_hears_why_and_is_not_done_again(school: School) -> None:
    room = await school.open_class()
    sam, kim = school.students(2)
    for student in (sam, kim):
        await school.join(room, student, "c1")
    await school.ask(room, sam, c.Leave())
    assert refusals([await school.answer(room, sam, c.TakeSeat(), "c1")]) == {"not_seated"}
    assert [seat.user_id for seat in school.record(room).seats] == [kim.user_id]
    await school.ask(room, TEACHER, c.End())
    for _ in range(2):
        assert refusals([await school.answer(room, kim, c.TakeSeat(), "c1")]) == {"class_ended"}
        school.kill()


async def test_one_id_under_two_commands_of_a_person_are_two_commands(school: School) -> None:
    room = await school.open_class()
    sam = school.student("sam")
    await school.join(room, sam, "k")
    await school.ask(room, sam, c.Leave(), "k")
    assert list(school.record(room).seats) == []


async def test_the_same_id_of_two_people_are_two_commands(school: School) -> None:
    room = await school.open_class()
    for student in school.students(2):
        await school.join(room, student, "c1")
    assert len(school.record(room).seats) == 2


async def test_leaving_and_coming_back_at_once_finds_the_enrolment(school: School) -> None:
    room = await school.open_class(seats=1)
    sam = school.student("sam")
    await school.join(room, sam)
    school.kill()
    await school.look(room)
    left, back = await asyncio.gather(school.answer(room, sam, c.Leave()), school.answer(room, sam, c.TakeSeat()))
    assert isinstance(left, Accepted)
    assert isinstance(back, Accepted)
    assert back.outcome == "seated"


async def test_who_was_put_out_of_the_course_and_of_the_class_does_not_come_back(school: School) -> None:
    room = await school.open_class()
    sam = school.student("sam")
    await school.join(room, sam)
    del school.tables.students[next(iter(school.tables.students))][sam.user_id]
    await school.ask(room, sam, c.Leave())
    answer = await school.answer(room, sam, c.TakeSeat())
    assert isinstance(answer, Refused)
    assert isinstance(answer.refusal, NotEnrolled)


async def test_a_clock_that_is_set_back_keeps_no_old_enrolment(school: School) -> None:
    room = await school.open_class()
    sam = school.student("sam")
    await school.look(room, sam)
    school.skew = -3600
    await asyncio.sleep(20)
    del school.tables.students[next(iter(school.tables.students))][sam.user_id]
    assert isinstance(await school.answer(room, sam, c.TakeSeat()), Refused)


async def test_times_of_a_log_never_run_backwards(school: School) -> None:
    room = await school.open_class(seats=10)
    for student in school.students(6):
        school.skew -= 100
        await school.join(room, student)
    times = [entry.at for entry in school.tables.live_events[room.id]]
    assert times == sorted(times)


async def test_an_unknown_class_is_not_found_and_not_remembered(school: School) -> None:
    room = await school.open_class()
    host = await school.owner(room)
    before = host.stats()["grains"]
    unknown = type(room)(type(room.id)(school.new_id()))
    while school.host_of(unknown) != host.name:
        unknown = type(room)(type(room.id)(school.new_id()))
    answer = await school.answer(unknown, TEACHER, c.Look())
    assert isinstance(answer, Refused)
    assert answer.refusal.code == "not_found"
    await until(lambda: host.stats()["grains"] == before, "the empty grain is gone", 10)
    assert await school.look(room) is not None


async def test_a_crowd_at_a_slow_store_gets_in_bit_by_bit(school: School) -> None:
    """With two thousand events a second and five seconds for a commit, one for everybody would be lost again and again."""
    room = await school.open_class(seats=12_000)
    crowd = school.students(12_000)
    school.kill()  # so that all wait in the mailbox while the class is read
    school.store.seconds_an_event = 1 / 2_000
    answers = await asyncio.gather(*(school.answer(room, student, c.TakeSeat()) for student in crowd))
    assert school.store.largest <= 2_000
    assert sum(isinstance(answer, Accepted) for answer in answers) > 10_000, "the rest waited for longer than a call may"


async def test_closing_commits_what_was_decided_and_keeps_snapshots(school: School) -> None:
    room = await school.open_class(seats=50)
    students = school.students(30)
    await asyncio.gather(*(school.look(room, student) for student in students))
    school.store.open.clear()
    joins = [asyncio.ensure_future(school.answer(room, student, c.TakeSeat())) for student in students]
    await asyncio.sleep(0.1)
    closing = asyncio.ensure_future((await school.owner(room)).close(5))
    await asyncio.sleep(0.1)
    school.store.open.set()
    await closing
    assert len(school.record(room).seats) == 30
    assert school.tables.snapshots[room.id][0] == len(school.log(room))
    assert all(isinstance(answer, Accepted) for answer in await asyncio.gather(*joins))


async def test_closing_ends_in_time_when_the_store_hangs(school: School) -> None:
    room = await school.open_class()
    sam = school.student("sam")
    await school.look(room, sam)
    school.store.open.clear()
    joining = asyncio.ensure_future(school.answer(room, sam, c.TakeSeat()))
    await asyncio.sleep(0.1)
    loop = asyncio.get_running_loop()
    asked = loop.time()
    await (await school.owner(room)).close(3)
    assert loop.time() - asked < 3.5
    school.kill()
    school.store.open.set()
    assert isinstance(await joining, Accepted)


async def test_a_killed_host_sends_nothing_and_wakes_nobody(school: School) -> None:
    gate, room = await school.gate(), await school.open_class()
    await gate.subscribe(room.live, TEACHER)
    sam = school.student("sam")
    await school.join(room, sam)
    gate.pause()
    await asyncio.sleep(1)
    gate.parcels.clear()
    school.store.open.clear()
    joining = asyncio.ensure_future(school.answer(room, sam, c.Leave()))
    await asyncio.sleep(0.1)
    school.lyceum.down.update(school.lyceum.dispatcher.hosts)
    school.kill()
    school.store.open.set()
    assert isinstance(await joining, Refused)
    await asyncio.sleep(100)
    assert not gate.parcels
    assert "seat.released" not in school.log(room)


async def test_hundreds_of_classes_that_are_due_at_once_all_end(school: School) -> None:
    rooms = [await school.open_class(duration_minutes=1) for _ in range(300)]
    school.kill()
    await asyncio.sleep(120)
    for host in school.lyceum.dispatcher.hosts:
        await school.lyceum.host(host)
    await until(lambda: all(school.log(room)[-1] == "session.ended" for room in rooms), "all have ended", 5)
