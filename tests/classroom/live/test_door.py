"""Seats, the waitlist, promotion, grace: what the door promises and refuses."""

import pytest

from classroom.callers import Caller, Role
from classroom.ids import ConnectionId, UserId
from classroom.live import commands as c
from classroom.live import events as e
from classroom.live.state import CONNECTIONS_A_STUDENT, next_deadline
from classroom.refusals import (
    ClassCancelled,
    ClassEnded,
    ClassFull,
    ClassLocked,
    DoorsClosed,
    Forbidden,
    NotEnrolled,
    NotSeated,
    RemovedFromClass,
    TooMany,
    WaitlistFull,
)
from classroom.times import MINUTE, SECOND, Moment
from tests.classroom.live.room import ADMIN, COURSE, NINE, TEACHER, Room, scheduled, started, student, students

ada, ben, cyd, dan, eve = (student(name) for name in ("ada", "ben", "cyd", "dan", "eve"))


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
    assert room.do(TEACHER, c.RemoveMember(eve.user_id, ban=True)) == (e.MemberRemoved(eve.user_id, ban=True),)
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


def test_dropped_connection_keeps_its_seat_for_the_grace_period() -> None:
    room = started(max_students=1)
    room.join(ada, ben)
    room.connect(ada)
    room.disconnect(ada)
    room.wait(59.999999)
    assert room.tick() == []
    assert room.seated() == ["ada"]
    room.wait(0.000001)
    assert room.tick() == [e.SeatReleased(ada.user_id, 1, "lost"), e.SeatPromoted(ben.user_id, "Ben", 1, 1)]


def test_coming_back_within_the_grace_period_costs_neither_seat_nor_place() -> None:
    room = started(max_students=1)
    room.join(ada, ben, cyd)
    for caller in (ada, ben):
        room.connect(caller)
        room.disconnect(caller)
    room.wait(30)
    assert room.connect(ada, "other") == (e.PresenceConnected(ada.user_id, ConnectionId("ada-other"), first=True),)
    room.connect(ben, "other")
    room.wait(600)
    assert room.tick() == []
    assert (room.seated(), room.waiting()) == (["ada"], ["ben", "cyd"])


def test_joining_again_without_a_socket_while_lost_begins_the_grace_period_anew() -> None:
    room = started(max_students=1)
    room.join(ada, ben)
    for caller in (ada, ben):
        room.connect(caller)
        room.disconnect(caller)
    room.wait(30)
    assert room.do(ada, c.TakeSeat()) == (e.GraceRenewed(ada.user_id),)
    assert room.do(ada, c.TakeSeat()) == ()
    room.wait(30)
    assert room.tick() == [e.WaitlistLeft(ben.user_id, 1, "lost")]
    room.wait(29.999999)
    assert room.tick() == []
    room.wait(0.000001)
    assert room.tick() == [e.SeatReleased(ada.user_id, 1, "lost")]
    assert room.stays(ada) == [(0, 0, "lost")]


def test_joining_again_without_a_socket_means_nothing_to_who_is_not_lost() -> None:
    room = started(max_students=2)
    room.join(ada, ben)
    room.connect(ben)
    for caller in (ada, ben):
        assert room.do(caller, c.TakeSeat()) == ()


def test_no_grace_period_is_counted_from_before_anybody_could_come_back() -> None:
    room = started(max_students=2)
    room.join(ada, ben)
    for caller in (ada, ben):
        room.connect(caller)
    room.disconnect(ada)
    room.wait(300)
    room.disconnect(ben)
    room.state.grace_from = Moment(room.now - 40 * SECOND)
    assert next_deadline(room.state) == room.now + 20 * SECOND
    assert room.tick() == []
    room.wait(20)
    assert room.tick() == [e.SeatReleased(ada.user_id, 1, "lost")]
    room.wait(40)
    assert room.tick() == [e.SeatReleased(ben.user_id, 2, "lost")]


def test_lost_waiter_loses_the_place_after_the_grace_period() -> None:
    room = started(max_students=1)
    room.join(ada, ben, cyd)
    room.connect(ben)
    room.disconnect(ben)
    room.wait(60)
    assert room.tick() == [e.WaitlistLeft(ben.user_id, 1, "lost")]
    assert room.waiting() == ["cyd"]


def test_who_is_promoted_while_lost_has_what_is_left_of_the_grace_period() -> None:
    room = started(max_students=1)
    room.join(ada, ben, cyd)
    room.connect(ben)
    room.disconnect(ben)
    room.wait(50)
    room.do(ada, c.Leave())
    assert room.seated() == ["ben"]
    room.wait(10)
    room.tick()
    assert room.seated() == ["cyd"]
    assert room.stays(ben) == []


def test_grace_runs_from_the_last_of_several_sockets() -> None:
    room = started(max_students=1)
    room.join(ada)
    room.connect(ada, "a")
    room.connect(ada, "b")
    assert room.disconnect(ada, "a") == (e.PresenceLost(ada.user_id, ConnectionId("ada-a"), last=False),)
    room.wait(120)
    assert room.tick() == []
    room.disconnect(ada, "b")
    room.wait(59)
    assert room.tick() == []
    room.wait(1)
    assert len(room.tick()) == 1


def test_orderly_leave_frees_at_once_also_while_lost() -> None:
    room = started(max_students=1)
    room.join(ada, ben)
    room.connect(ada)
    room.disconnect(ada)
    room.do(ada, c.Leave())
    assert room.seated() == ["ben"]
    room.wait(600)
    assert room.tick() == []


def test_a_seat_taken_without_a_socket_waits_for_no_socket() -> None:
    room = started(duration_minutes=120)
    room.join(ada)
    room.wait(3600)
    assert room.tick() == []
    assert room.seated() == ["ada"]


def test_presence_of_people_who_are_not_inside_is_nothing() -> None:
    room = started()
    assert room.connect(ada) == ()
    assert room.disconnect(ada) == ()
    assert room.connect(TEACHER) == ()


def test_connecting_and_disconnecting_twice_adds_nothing() -> None:
    room = started()
    room.join(ada)
    assert len(room.connect(ada)) == 1
    assert room.connect(ada) == ()
    assert len(room.disconnect(ada)) == 1
    assert room.disconnect(ada) == ()


def test_sockets_of_one_student_have_a_bound() -> None:
    room = started()
    room.join(ada)
    for number in range(CONNECTIONS_A_STUDENT):
        room.connect(ada, str(number))
    too_many = TooMany("connections to this class", CONNECTIONS_A_STUDENT)
    assert room.ask(ada, c.Connect(ConnectionId("one more"))) == too_many


def test_the_socket_of_an_earlier_seat_does_not_hold_the_new_one() -> None:
    room = started()
    room.join(ada)
    room.connect(ada)
    room.do(ada, c.Leave())
    room.join(ada)
    assert room.disconnect(ada) == ()
    room.wait(600)
    assert room.tick() == []
    assert room.seated() == ["ada"]


def test_the_hand_of_who_goes_is_lowered_for_everybody() -> None:
    room = started()
    room.join(ada)
    room.do(ada, c.RaiseHand())
    events = room.do(ada, c.Leave())
    assert e.HandLowered(ada.user_id) in events
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


def test_two_minutes_of_grace_are_two_minutes() -> None:
    room = started(max_students=1)
    room.state.grace = 120 * SECOND
    room.join(ada)
    room.connect(ada)
    room.disconnect(ada)
    room.wait(119)
    assert room.tick() == []
    room.wait(1)
    assert room.seated() == ["ada"]
    room.tick()
    assert room.seated() == []
