"""Sockets of people inside: grace for who is lost, and what holds a seat."""

from classroom.ids import ConnectionId
from classroom.live import commands as c
from classroom.live import events as e
from classroom.live.state import CONNECTIONS_A_STUDENT, next_deadline
from classroom.refusals import TooMany
from classroom.times import SECOND, Moment
from tests.classroom.live.room import TEACHER, started, student

ada, ben, cyd = (student(name) for name in ("ada", "ben", "cyd"))


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
