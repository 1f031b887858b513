"""Seats, the waitlist, promotion, the doors: what the class promises and refuses."""

import pytest

from classroom.callers import Caller, Role
from classroom.ids import ConnectionId, UserId
from classroom.live import commands as c
from classroom.live import events as e
from classroom.live import talk_events as t
from classroom.refusals import (
    ClassCancelled,
    ClassEnded,
    ClassFull,
    DoorsClosed,
    Forbidden,
    NotEnrolled,
    WaitlistFull,
)
from classroom.times import MINUTE, Moment
from tests.classroom.live.room import ADMIN, COURSE, NINE, TEACHER, Room, scheduled, started, student, students

ada, ben, cyd, dan = (student(name) for name in ("ada", "ben", "cyd", "dan"))


def numbers(room: Room) -> dict[str, int]:
    return {seat.user_id: seat.number for seat in room.state.seats}


def test_first_come_sit_and_the_rest_wait_in_order() -> None:
    room = started(max_students=2)
    room.join(ada, ben, cyd, dan)
    assert room.seated() == ["ada", "ben"]
    assert room.waiting() == ["cyd", "dan"]
    assert numbers(room) == {"ada": 1, "ben": 2}
    assert room.state.waitlist.place(dan.user_id) == 2


def test_joining_again_keeps_seat_and_place_and_adds_nothing() -> None:
    room = started(max_students=1)
    room.join(ada, ben)
    for caller in (ada, ben):
        assert room.do(caller, c.TakeSeat()) == ()
        assert room.do(caller, c.TakeSeat(waitlist=False)) == ()
    assert (room.seated(), room.waiting()) == (["ada"], ["ben"])


def test_joining_again_from_another_socket_only_adds_the_presence() -> None:
    room = started(max_students=1)
    room.do(ada, c.TakeSeat(connection=ConnectionId("one")))
    again = c.TakeSeat(connection=ConnectionId("two"))
    assert room.do(ada, again) == (e.PresenceConnected(ada.user_id, ConnectionId("two"), first=False),)
    assert room.do(ada, again) == ()
    assert numbers(room) == {"ada": 1}


def test_last_seat_goes_to_head_of_waitlist_in_the_decision_that_freed_it() -> None:
    room = started(max_students=1)
    room.join(ada, ben, cyd)
    events = room.do(ada, c.Leave())
    assert events == (
        e.SeatReleased(ada.user_id, 1, "left"),
        e.SeatPromoted(ben.user_id, "Ben", 1, 1),
    )
    assert (room.seated(), room.waiting()) == (["ben"], ["cyd"])


def test_promotion_is_by_ticket_whoever_left_the_queue_between() -> None:
    room = started(max_students=1)
    room.join(ada, ben, cyd, dan)
    room.do(ben, c.Leave())
    room.do(ben, c.TakeSeat())
    assert room.waiting() == ["cyd", "dan", "ben"]
    for leaver, promoted in ((ada, "cyd"), (cyd, "dan"), (dan, "ben")):
        room.do(leaver, c.Leave())
        assert room.seated() == [promoted]


def test_leaving_gives_nothing_when_not_inside() -> None:
    room = started()
    assert room.do(ada, c.Leave()) == ()
    room.join(ada)
    room.do(ada, c.Leave())
    assert room.do(ada, c.Leave()) == ()


def test_who_left_and_returns_goes_to_the_end() -> None:
    room = started(max_students=1)
    room.join(ada, ben)
    room.do(ada, c.Leave())
    room.join(ada)
    assert (room.seated(), room.waiting()) == (["ben"], ["ada"])


def test_full_class_refuses_who_does_not_want_to_wait() -> None:
    room = started(max_students=1)
    room.join(ada)
    assert room.ask(ben, c.TakeSeat(waitlist=False)) == ClassFull(1, waitlist_enabled=True)
    assert room.waiting() == []


def test_full_class_without_waitlist_refuses() -> None:
    room = started(max_students=1, waitlist_enabled=False)
    room.join(ada)
    assert room.ask(ben, c.TakeSeat()) == ClassFull(1, waitlist_enabled=False)


def test_free_seat_is_given_also_to_who_does_not_want_to_wait() -> None:
    room = started(max_students=1, waitlist_enabled=False)
    room.do(ada, c.TakeSeat(waitlist=False))
    assert room.seated() == ["ada"]


def test_who_waits_keeps_the_place_when_the_waitlist_is_switched_off() -> None:
    room = started(max_students=1)
    room.join(ada, ben)
    room.do(TEACHER, c.Revise(waitlist_enabled=False))
    assert room.ask(cyd, c.TakeSeat()) == ClassFull(1, waitlist_enabled=False)
    room.do(ada, c.Leave())
    assert room.seated() == ["ben"]


def test_waitlist_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classroom.live.door.WAITLIST_LIMIT", 2)
    room = started(max_students=1)
    room.join(ada, ben, cyd)
    assert room.ask(dan, c.TakeSeat()) == WaitlistFull(2)
    assert room.do(ben, c.TakeSeat()) == ()


def test_doors_open_at_their_minute_and_not_before() -> None:
    room = scheduled(doors_open_minutes=10)
    opening = Moment(NINE - 10 * MINUTE)
    room.now = Moment(opening - 1)
    assert room.ask(ada, c.TakeSeat()) == DoorsClosed(opening)
    room.now = opening
    room.join(ada)
    assert room.seated() == ["ada"]


def test_a_class_that_started_early_lets_in_before_the_doors() -> None:
    room = scheduled()
    room.now = Moment(NINE - 30 * MINUTE)
    room.do(TEACHER, c.Start())
    room.join(ada)
    assert room.seated() == ["ada"]


def test_only_enrolled_students_come_in() -> None:
    room = started()
    assert room.ask(ada, c.TakeSeat(), enrolled=False) == NotEnrolled(COURSE)


def test_who_is_inside_stays_when_the_enrolment_is_gone() -> None:
    room = started()
    room.join(ada)
    assert room.ask(ada, c.TakeSeat(), enrolled=False) == ()


@pytest.mark.parametrize("caller", [TEACHER, ADMIN, Caller(UserId("ida"), "Ida", Role.INSTRUCTOR)])
def test_staff_and_other_instructors_take_no_seat(caller: Caller) -> None:
    room = started()
    assert isinstance(room.ask(caller, c.TakeSeat()), Forbidden)
    assert room.seated() == []


def test_nobody_joins_after_the_end() -> None:
    room = started()
    room.do(TEACHER, c.End())
    assert room.ask(ada, c.TakeSeat()) == ClassEnded()


def test_nobody_joins_a_cancelled_class() -> None:
    room = scheduled()
    room.do(TEACHER, c.Cancel())
    assert room.ask(ada, c.TakeSeat()) == ClassCancelled()


def test_nobody_joins_when_time_is_up_though_the_class_has_not_noticed_yet() -> None:
    room = started(duration_minutes=60)
    room.wait(3600 - 0.000001)
    room.join(ada)
    room.wait(0.000001)
    assert room.ask(ben, c.TakeSeat()) == ClassEnded()


def test_nobody_is_promoted_when_time_is_up_though_the_class_has_not_noticed_yet() -> None:
    room = started(max_students=1)
    room.join(ada, ben, cyd)
    room.wait(3600)
    assert room.do(ada, c.Leave()) == (e.SeatReleased(ada.user_id, 1, "left"),)
    assert room.do(TEACHER, c.RemoveMember(ben.user_id))[-1] == e.WaitlistLeft(ben.user_id, 1, "removed")
    assert room.seated() == []


def test_the_hand_of_who_goes_is_lowered_for_everybody() -> None:
    room = started()
    room.join(ada)
    room.do(ada, c.RaiseHand())
    events = room.do(ada, c.Leave())
    assert t.HandLowered(ada.user_id) in events
    assert [told.type for told in room.told[""]][-1] == "hand.lowered"


def test_looking_is_for_the_course_for_staff_and_for_who_is_inside() -> None:
    room = started()
    room.join(ada)
    for caller in (TEACHER, ADMIN):
        assert room.ask(caller, c.Look(), enrolled=False) == ()
    assert room.ask(ben, c.Look(), enrolled=True) == ()
    assert room.ask(ada, c.Look(), enrolled=False) == ()
    assert room.ask(ben, c.Look(), enrolled=False) == NotEnrolled(COURSE)
    assert isinstance(room.ask(Caller(UserId("ida"), "Ida", Role.INSTRUCTOR), c.Look(), enrolled=False), Forbidden)


def test_raising_the_capacity_seats_as_many_as_there_are_new_seats() -> None:
    room = started(max_students=1)
    everybody = students(6)
    room.join(*everybody)
    room.do(TEACHER, c.Revise(max_students=4))
    assert room.seated() == ["s1", "s2", "s3", "s4"]
    assert sorted(numbers(room).values()) == [1, 2, 3, 4]
    assert room.waiting() == ["s5", "s6"]


def test_lowering_the_capacity_evicts_nobody_and_gives_no_seat_until_below() -> None:
    room = started(max_students=3)
    room.join(*students(5))
    room.do(TEACHER, c.Revise(max_students=1))
    assert room.seated() == ["s1", "s2", "s3"]
    assert room.state.free_seats == 0
    room.do(student("s1"), c.Leave())
    room.do(student("s2"), c.Leave())
    assert room.seated() == ["s3"]
    room.do(student("s3"), c.Leave())
    assert room.seated() == ["s4"]
    assert numbers(room) == {"s4": 1}


def test_raising_while_locked_promotes_only_after_unlocking() -> None:
    room = started(max_students=1)
    room.join(ada, ben)
    room.do(TEACHER, c.Lock())
    room.do(TEACHER, c.Revise(max_students=2))
    assert room.waiting() == ["ben"]
    room.do(TEACHER, c.Unlock())
    assert room.seated() == ["ada", "ben"]
