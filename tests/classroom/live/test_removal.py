"""A class that is locked, and people who are sent out of it."""

import pytest

from classroom.live import commands as c
from classroom.live import events as e
from classroom.live import talk_events as t
from classroom.refusals import ClassLocked, Forbidden, NotSeated, RemovedFromClass, TooMany
from tests.classroom.live.room import ADMIN, TEACHER, started, student

ada, ben, cyd, dan, eve = (student(name) for name in ("ada", "ben", "cyd", "dan", "eve"))


def test_locked_class_lets_nobody_in_and_puts_nobody_out() -> None:
    room = started(max_students=1)
    room.join(ada, ben)
    room.do(TEACHER, c.Lock())
    assert room.ask(cyd, c.TakeSeat()) == ClassLocked()
    assert room.do(ada, c.TakeSeat()) == ()
    assert (room.seated(), room.waiting()) == (["ada"], ["ben"])


def test_unlocking_promotes_for_every_seat_that_came_free_meanwhile() -> None:
    room = started(max_students=2)
    room.join(ada, ben, cyd, dan, eve)
    room.do(TEACHER, c.Lock())
    room.do(ada, c.Leave())
    room.do(ben, c.Leave())
    assert room.seated() == []
    events = room.do(TEACHER, c.Unlock())
    assert [type(event) for event in events] == [e.SessionUnlocked, e.SeatPromoted, e.SeatPromoted]
    assert (room.seated(), room.waiting()) == (["cyd", "dan"], ["eve"])


def test_removed_student_may_come_back_unless_banned() -> None:
    room = started()
    room.join(ada)
    room.do(TEACHER, c.RemoveMember(ada.user_id))
    assert room.seated() == []
    room.join(ada)
    room.do(TEACHER, c.RemoveMember(ada.user_id, ban=True))
    assert room.ask(ada, c.TakeSeat()) == RemovedFromClass()


def test_removing_the_seated_promotes_and_removing_a_waiter_closes_the_gap() -> None:
    room = started(max_students=1)
    room.join(ada, ben, cyd, dan)
    room.do(TEACHER, c.RemoveMember(ben.user_id))
    assert room.waiting() == ["cyd", "dan"]
    room.do(TEACHER, c.RemoveMember(ada.user_id, ban=True))
    assert (room.seated(), room.waiting()) == (["cyd"], ["dan"])


def test_a_ban_holds_for_who_never_came_and_is_said_once() -> None:
    room = started()
    assert room.do(TEACHER, c.RemoveMember(eve.user_id, ban=True)) == (t.MemberRemoved(eve.user_id, ban=True),)
    assert room.do(TEACHER, c.RemoveMember(eve.user_id, ban=True)) == ()
    assert room.ask(eve, c.TakeSeat()) == RemovedFromClass()


def test_removing_without_ban_needs_somebody_inside() -> None:
    assert started().ask(TEACHER, c.RemoveMember(ada.user_id)) == NotSeated("ada")


def test_only_staff_remove_and_nobody_removes_the_instructor() -> None:
    room = started()
    room.join(ada, ben)
    assert isinstance(room.ask(ada, c.RemoveMember(ben.user_id)), Forbidden)
    assert isinstance(room.ask(ADMIN, c.RemoveMember(TEACHER.user_id)), Forbidden)
    assert isinstance(room.ask(TEACHER, c.RemoveMember(ben.user_id)), tuple)


def test_the_list_of_banned_people_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classroom.live.door.WAITLIST_LIMIT", 1)
    room = started()
    room.do(TEACHER, c.RemoveMember(ada.user_id, ban=True))
    assert room.ask(TEACHER, c.RemoveMember(ben.user_id, ban=True)) == TooMany("removed people", 1)
