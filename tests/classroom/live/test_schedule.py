"""The life of a class: scheduled, revised, started, warned, ended, cancelled, locked."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from classroom.live import commands as c
from classroom.live import events as e
from classroom.live.codec import camel
from classroom.live.state import LiveClass, Status, next_deadline
from classroom.refusals import AlreadyEnded, AlreadyLive, ClassCancelled, Forbidden, Malformed, NotFound, NotLive
from classroom.times import MINUTE, SECOND, Moment, from_datetime
from tests.classroom.live.room import ADMIN, NINE, SESSION, TEACHER, Room, plan, scheduled, started, student

ada, ben = student("ada"), student("ben")
STAFF_ONLY = [c.Start(), c.End(), c.Cancel(), c.Revise(title="Sums"), c.Lock(), c.Unlock()]


def end_of(room: Room) -> float:
    """The planned or actual end, in minutes after nine."""
    return (room.state.ends_at - NINE) / MINUTE


def test_a_class_is_scheduled_once() -> None:
    room = scheduled(title="Fractions")
    assert room.do(TEACHER, plan(title="Something else")) == ()
    assert room.state.known.title == "Fractions"
    assert room.state.status is Status.SCHEDULED
    assert end_of(room) == 60


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "   "),
        ("title", "x" * 201),
        ("title", "nul \0"),
        ("starts_at", -1),
        ("starts_at", from_datetime(datetime(3000, 1, 1, tzinfo=UTC))),
        ("starts_at", from_datetime(datetime(9999, 12, 31, 23, 59, tzinfo=UTC))),
        ("duration_minutes", 0),
        ("duration_minutes", -5),
        ("duration_minutes", 1441),
        ("max_students", 0),
        ("max_students", -1),
        ("max_students", 100_001),
        ("doors_open_minutes", -1),
        ("doors_open_minutes", 1441),
    ],
)
def test_out_of_bounds_is_refused_by_field_when_scheduled_and_when_revised(field: str, value: Any) -> None:
    named = "startTime" if field == "starts_at" else camel(field)
    room = Room()
    for refusal in (
        room.ask(TEACHER, plan(**{field: value})),
        scheduled().ask(TEACHER, c.Revise(**{field: value})),
    ):
        assert isinstance(refusal, Malformed)
        assert [name for name, _ in refusal.fields] == [named]
    assert room.state.plan is None


@pytest.mark.parametrize("changes", [{"max_students": 1, "duration_minutes": 1}, {"max_students": 100_000}])
def test_the_bounds_themselves_are_allowed(changes: dict[str, Any]) -> None:
    assert scheduled(**changes).state.plan is not None


@pytest.mark.parametrize("command", [*STAFF_ONLY, c.TakeSeat(), c.Look(), c.Leave(), c.Tick()])
def test_a_class_that_was_never_scheduled_is_not_found(command: c.Command) -> None:
    assert Room().ask(TEACHER, command) == NotFound("live session", SESSION)


@pytest.mark.parametrize("command", STAFF_ONLY)
def test_students_do_not_run_the_class(command: c.Command) -> None:
    for room in (scheduled(), started()):
        room.join(ada)
        assert isinstance(room.ask(ada, command), Forbidden)


def test_admins_run_every_class() -> None:
    room = scheduled()
    room.do(ADMIN, c.Start())
    room.do(ADMIN, c.End())
    assert room.state.status is Status.ENDED


def test_starting_sets_the_end_from_the_moment_of_the_start() -> None:
    room = scheduled(duration_minutes=60)
    room.now = Moment(NINE + 7 * MINUTE)
    assert room.do(TEACHER, c.Start()) == (e.SessionStarted(Moment(NINE + 67 * MINUTE)),)
    assert room.state.started_at == room.now


def test_start_and_end_repeated_change_nothing() -> None:
    room = started()
    assert room.do(TEACHER, c.Start()) == ()
    room.do(TEACHER, c.End())
    assert room.do(TEACHER, c.End()) == ()


def test_end_before_start_and_start_after_end_are_refused() -> None:
    room = scheduled()
    assert room.ask(TEACHER, c.End()) == NotLive()
    room.do(TEACHER, c.Start())
    room.do(TEACHER, c.End())
    assert room.ask(TEACHER, c.Start()) == AlreadyEnded()


def test_ending_empties_the_class_and_gives_no_seat_away() -> None:
    room = started(max_students=1)
    room.join(ada, ben)
    assert room.do(TEACHER, c.End()) == (e.SessionEnded("staff", room.now),)
    assert (room.seated(), room.waiting()) == ([], [])
    assert room.state.ended_at == room.state.ends_at == room.now


def test_nothing_is_left_to_do_for_who_was_there_when_it_was_over() -> None:
    for over in (c.Cancel(), c.End()):
        room = scheduled(max_students=1)
        if isinstance(over, c.End):
            room.do(TEACHER, c.Start())
        room.join(ada, ben)
        for caller in (ada, ben):
            room.connect(caller)
        room.disconnect(ben)
        room.do(ada, c.RaiseHand())
        room.do(TEACHER, over)
        assert (room.state.connections, room.state.lost, room.state.hands) == ({}, {}, {})
        assert next_deadline(room.state) is None


def test_cancelling_is_for_classes_that_have_not_started() -> None:
    assert started().ask(TEACHER, c.Cancel()) == AlreadyLive()
    ended = started()
    ended.do(TEACHER, c.End())
    assert ended.ask(TEACHER, c.Cancel()) == AlreadyEnded()


def test_a_cancelled_class_stays_cancelled_and_lets_everybody_go() -> None:
    room = scheduled(max_students=1)
    room.join(ada, ben)
    room.do(TEACHER, c.Cancel())
    assert room.do(TEACHER, c.Cancel()) == ()
    assert (room.seated(), room.waiting()) == ([], [])
    for command in (c.Start(), c.End(), c.Revise(title="Sums"), c.Lock(), c.Unlock()):
        assert room.ask(TEACHER, command) == ClassCancelled()
    assert next_deadline(room.state) is None


def test_revising_says_the_whole_plan_once_and_only_what_changed() -> None:
    room = scheduled()
    later = Moment(NINE + 30 * MINUTE)
    assert room.do(TEACHER, c.Revise()) == ()
    assert room.do(TEACHER, c.Revise(title="Fractions", max_students=2)) == ()
    events = room.do(TEACHER, c.Revise(title="Sums", starts_at=later))
    assert events == (e.SessionRevised("Sums", later, 60, 10, waitlist_enabled=True),)
    assert end_of(room) == 90


def test_the_capacity_has_an_event_of_its_own() -> None:
    room = scheduled()
    assert room.do(TEACHER, c.Revise(max_students=9)) == (e.CapacityChanged(9),)


def test_title_waitlist_capacity_and_duration_change_while_live_but_not_the_start() -> None:
    room = started()
    room.do(TEACHER, c.Revise(title="Sums", waitlist_enabled=False, max_students=9, duration_minutes=90))
    assert end_of(room) == 90
    assert room.ask(TEACHER, c.Revise(starts_at=Moment(NINE + MINUTE))) == AlreadyLive()
    assert room.ask(TEACHER, c.Revise(doors_open_minutes=5)) == AlreadyLive()
    assert room.do(TEACHER, c.Revise(starts_at=NINE, doors_open_minutes=10)) == ()


@pytest.mark.parametrize("begin", [scheduled, started])
def test_a_start_that_has_passed_may_be_repeated_but_not_chosen(begin: Callable[[], Room]) -> None:
    room = begin()
    room.now = Moment(NINE + 20 * MINUTE)
    assert room.do(TEACHER, c.Revise(title="Fractions", starts_at=NINE)) == ()
    refusal = room.ask(TEACHER, c.Revise(starts_at=Moment(NINE + MINUTE)))
    assert isinstance(refusal, Malformed)
    assert [name for name, _ in refusal.fields] == ["startTime"]


def test_a_start_a_moment_ago_is_a_slow_click() -> None:
    room = scheduled()
    room.now = Moment(NINE + 20 * MINUTE)
    [revised] = room.do(TEACHER, c.Revise(starts_at=Moment(room.now - 20 * SECOND)))
    assert isinstance(revised, e.SessionRevised)
    assert isinstance(room.ask(TEACHER, c.Revise(starts_at=Moment(room.now - 61 * SECOND))), Malformed)


def test_a_class_cannot_be_made_shorter_than_it_has_lasted() -> None:
    room = started()
    room.wait(600)
    refusal = room.ask(TEACHER, c.Revise(duration_minutes=10))
    assert isinstance(refusal, Malformed)
    assert refusal.fields[0][0] == "durationMinutes"
    room.do(TEACHER, c.Revise(duration_minutes=11))
    assert end_of(room) == 11


def test_an_ended_class_is_not_revised() -> None:
    room = started()
    room.do(TEACHER, c.End())
    assert room.ask(TEACHER, c.Revise(max_students=9)) == AlreadyEnded()


@pytest.mark.parametrize(
    "command", [c.Revise(title="Sums"), c.Revise(duration_minutes=120), c.Start(), c.Lock(), c.Unlock()]
)
def test_when_time_is_up_staff_are_told_that_the_class_has_ended(command: c.Command) -> None:
    room = started()
    room.wait(3600)
    assert room.ask(TEACHER, command) == AlreadyEnded()
    assert room.tick() == [e.SessionEnded("time", Moment(NINE + 60 * MINUTE))]


def test_the_class_warns_five_minutes_before_it_ends_itself() -> None:
    room = started(duration_minutes=60)
    assert next_deadline(room.state) == NINE + 55 * MINUTE
    room.wait(55 * 60 - 0.000001)
    assert room.tick() == []
    room.wait(0.000001)
    assert room.tick() == [e.SessionEnding(Moment(NINE + 60 * MINUTE))]
    assert next_deadline(room.state) == NINE + 60 * MINUTE
    room.wait(300 - 0.000001)
    assert room.tick() == []
    room.wait(0.000001)
    assert room.tick() == [e.SessionEnded("time", Moment(NINE + 60 * MINUTE))]
    assert next_deadline(room.state) is None


@pytest.mark.parametrize("minutes", [1, 5])
def test_a_class_of_five_minutes_or_less_warns_at_once(minutes: int) -> None:
    room = started(duration_minutes=minutes)
    assert next_deadline(room.state) == NINE
    assert room.tick() == [e.SessionEnding(Moment(NINE + minutes * MINUTE))]


def test_a_longer_class_warns_again_before_its_new_end() -> None:
    room = started(duration_minutes=60)
    room.wait(56 * 60)
    assert len(room.tick()) == 1
    room.do(TEACHER, c.Revise(duration_minutes=90))
    assert room.tick() == []
    assert next_deadline(room.state) == NINE + 85 * MINUTE
    room.wait(29 * 60)
    assert room.tick() == [e.SessionEnding(Moment(NINE + 90 * MINUTE))]


def test_a_class_prolonged_within_its_last_five_minutes_does_not_warn_twice() -> None:
    room = started(duration_minutes=60)
    room.wait(56 * 60)
    room.tick()
    room.do(TEACHER, c.Revise(duration_minutes=61))
    assert room.tick() == []
    assert next_deadline(room.state) == NINE + 61 * MINUTE


def test_a_class_that_slept_through_its_end_ends_without_a_warning() -> None:
    room = started(duration_minutes=60)
    room.wait(7200)
    assert room.tick() == [e.SessionEnded("time", Moment(NINE + 60 * MINUTE))]


def test_a_class_that_never_started_has_nothing_due() -> None:
    room = scheduled()
    room.wait(86_400)
    assert next_deadline(room.state) is None
    assert room.tick() == []


def test_the_earliest_of_end_warning_and_grace_is_next() -> None:
    room = started(duration_minutes=60)
    room.join(ada, ben)
    for caller in (ada, ben):
        room.connect(caller)
        room.wait(1)
        room.disconnect(caller)
    assert next_deadline(room.state) == NINE + 61 * SECOND
    room.connect(ada)
    assert next_deadline(room.state) == NINE + 62 * SECOND


def test_locking_and_unlocking_are_said_once() -> None:
    room = started()
    assert room.do(TEACHER, c.Unlock()) == ()
    assert room.do(TEACHER, c.Lock()) == (e.SessionLocked(),)
    assert room.do(TEACHER, c.Lock()) == ()
    assert room.do(TEACHER, c.Unlock()) == (e.SessionUnlocked(),)


def test_plan_of_an_unknown_class_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="never scheduled"):
        _ = LiveClass(SESSION).known
