"""Attendance: every stay, from the moment it began to the moment it ended, in the events' own words."""

import pytest

from classroom.live import commands as c
from classroom.live import events as e
from classroom.live.attendance import touched_intervals
from classroom.times import MINUTE, Moment
from tests.classroom.live.room import NINE, TEACHER, Room, scheduled, started, student

ada, ben = student("ada"), student("ben")


@pytest.fixture
def room() -> Room:
    return started(max_students=1, duration_minutes=60)


def test_a_stay_lasts_from_the_seat_to_the_leave(room: Room) -> None:
    room.wait(10)
    room.join(ada)
    assert room.stays(ada) == [(10, None, None)]
    room.wait(20)
    room.do(ada, c.Leave())
    assert room.stays(ada) == [(10, 30, "left")]


def test_waiting_is_no_stay_and_promotion_begins_one(room: Room) -> None:
    room.join(ada, ben)
    assert room.stays(ben) == []
    room.wait(5)
    room.do(ada, c.Leave())
    assert room.stays(ben) == [(5, None, None)]


def test_a_lost_connection_ends_the_stay_and_coming_back_begins_the_next(room: Room) -> None:
    room.join(ada)
    room.connect(ada)
    room.wait(10)
    room.disconnect(ada)
    assert room.stays(ada) == [(0, 10, "lost")]
    room.wait(30)
    room.connect(ada, "again")
    assert room.stays(ada) == [(0, 10, "lost"), (40, None, None)]


def test_the_end_of_the_grace_period_adds_nothing_to_the_stay(room: Room) -> None:
    room.join(ada)
    room.connect(ada)
    room.wait(10)
    room.disconnect(ada)
    room.wait(60)
    room.tick()
    assert room.stays(ada) == [(0, 10, "lost")]


def test_a_second_socket_is_no_second_stay(room: Room) -> None:
    room.join(ada)
    for name in ("a", "b"):
        room.wait(1)
        room.connect(ada, name)
    room.disconnect(ada, "a")
    assert room.stays(ada) == [(0, None, None)]


def test_removal_end_and_cancellation_name_their_reason(room: Room) -> None:
    room.join(ada, ben)
    room.wait(10)
    room.do(TEACHER, c.RemoveMember(ada.user_id))
    room.wait(10)
    room.do(TEACHER, c.End())
    assert room.stays(ada) == [(0, 10, "removed")]
    assert room.stays(ben) == [(10, 20, "ended")]
    cancelled = scheduled()
    cancelled.join(ada)
    cancelled.wait(60)
    cancelled.do(TEACHER, c.Cancel())
    assert cancelled.stays(ada) == [(-600, -540, "cancelled")]


def test_the_end_does_not_touch_who_was_gone_before(room: Room) -> None:
    room.join(ada)
    room.connect(ada)
    room.wait(10)
    room.disconnect(ada)
    room.wait(10)
    room.do(TEACHER, c.End())
    assert room.stays(ada) == [(0, 10, "lost")]


def test_what_came_after_the_end_counts_for_nobody(room: Room) -> None:
    room.do(TEACHER, c.Revise(max_students=2))
    room.join(ada, ben)
    room.connect(ben)
    room.disconnect(ben)
    room.wait(4 * 3600)
    room.connect(ben)
    assert room.tick() == [e.SessionEnded("time", Moment(NINE + 60 * MINUTE))]
    assert room.stays(ada) == [(0, 3600, "ended")]
    assert room.stays(ben) == [(0, 0, "lost"), (4 * 3600, 4 * 3600, "ended")]
    assert room.state.ended_at == room.state.ends_at == NINE + 60 * MINUTE


def test_an_end_that_was_logged_by_an_earlier_release_is_when_it_was_logged(room: Room) -> None:
    room.join(ada)
    room.wait(4 * 3600)
    room.move([e.SessionEnded("time")])
    assert room.stays(ada) == [(0, 4 * 3600, "ended")]
    assert room.state.ended_at == room.now


def test_coming_back_after_leaving_is_the_next_stay(room: Room) -> None:
    for _ in range(3):
        room.join(ada)
        room.wait(10)
        room.do(ada, c.Leave())
    assert room.stays(ada) == [(0, 10, "left"), (10, 20, "left"), (20, 30, "left")]


def test_other_events_touch_nobody(room: Room) -> None:
    room.join(ada)
    for event in (*room.do(TEACHER, c.Revise(max_students=4)), *room.do(ada, c.PostChat("hi"))):
        assert touched_intervals(room.state, event) == []
