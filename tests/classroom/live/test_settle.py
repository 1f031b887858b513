"""Counts and tallies: told soon, told exactly, and at most ten times a second."""

from classroom.live import commands as c
from classroom.live import events as e
from classroom.live import talk_events as t
from classroom.live.publications import EVERYBODY
from classroom.live.settle import TELL_EVERY, settle_due
from classroom.live.views import snapshot
from classroom.times import MINUTE, Moment
from tests.classroom.live.room import NINE, TEACHER, started, student, students


def test_the_counts_are_told_once_for_a_whole_rush() -> None:
    room = started(max_students=3)
    room.join(*students(10))
    assert room.settle() == (e.CountChanged(3, 7),)
    assert settle_due(room.state) is None
    room.wait(10)
    assert room.settle() == ()


def test_what_changed_since_waits_for_the_next_tenth_of_a_second() -> None:
    room = started(max_students=3)
    room.join(*students(1))
    room.settle()
    room.join(*students(2))
    assert settle_due(room.state) == room.now + TELL_EVERY
    room.wait(0.099999)
    assert room.settle() == ()
    room.wait(0.000001)
    assert room.settle() == (e.CountChanged(2, 0),)


def test_counts_that_came_back_to_what_was_told_are_told_to_who_was_shown_the_others() -> None:
    room = started()
    ada, ben = student("ada"), student("ben")
    room.join(ada)
    room.settle()
    room.join(ben)
    assert snapshot(room.state, EVERYBODY, ben)["session"]["currentStudents"] == 2
    room.do(ada, c.Leave())
    room.wait(1)
    assert room.settle() == (e.CountChanged(1, 0),)


def test_a_clock_that_was_set_back_does_not_silence_the_class() -> None:
    room = started()
    room.join(student("ada"))
    room.settle()
    room.now = Moment(NINE - MINUTE)
    room.join(student("ben"))
    assert room.settle() == (e.CountChanged(2, 0),)


def test_tallies_are_told_with_the_counts_and_only_of_open_polls() -> None:
    room = started()
    ada = student("ada")
    room.join(ada)
    room.settle()
    [opened] = room.do(TEACHER, c.OpenPoll("Which?", ("a", "b")))
    assert isinstance(opened, t.PollOpened)
    assert settle_due(room.state) is None
    room.do(ada, c.Vote(opened.poll_id, (1,)))
    room.wait(0.1)
    assert room.settle() == (t.PollTallied(opened.poll_id, (0, 1), 1),)
    room.do(ada, c.Vote(opened.poll_id, (0,)))
    room.do(TEACHER, c.ClosePoll(opened.poll_id))
    room.wait(1)
    assert room.settle() == ()


def test_a_class_that_is_over_has_nothing_more_to_count() -> None:
    room = started()
    room.join(student("ada"))
    room.do(TEACHER, c.End())
    room.wait(1)
    assert room.settle() == ()
    assert settle_due(room.state) is None
