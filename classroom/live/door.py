"""The door: seats, the waitlist, promotion, and who is really there."""

from classroom.callers import Caller, Role
from classroom.ids import UserId
from classroom.live import commands as c
from classroom.live import events as e
from classroom.live import talk_events as t
from classroom.live.seats import Seat
from classroom.live.stage import seat_gone
from classroom.live.state import CONNECTIONS_A_STUDENT, WAITLIST_LIMIT, LiveClass, Status
from classroom.live.waitlist import Waiter
from classroom.refusals import (
    ClassCancelled,
    ClassEnded,
    ClassFull,
    ClassLocked,
    DoorsClosed,
    Forbidden,
    NotEnrolled,
    NotSeated,
    Refusal,
    RemovedFromClass,
    TooMany,
    WaitlistFull,
)
from classroom.times import Moment

Decision = tuple[e.Event, ...] | Refusal


def take_seat(state: LiveClass, command: c.TakeSeat, caller: Caller, enrolled: bool, now: Moment) -> Decision:
    """A seat, a place, or why not. Who is inside already keeps what they have."""
    user_id = caller.user_id
    if state.is_inside(user_id):
        return _come_back(state, command, caller, now)
    refusal = _turned_away(state, caller, enrolled, now)
    if refusal is not None:
        return refusal
    if state.free_seats > 0 and len(state.waitlist) == 0:
        number = state.seats.next_numbers(1)[0]
        return (e.SeatTaken(user_id, caller.name, number, command.connection),)
    plan = state.known
    if not (command.waitlist and plan.waitlist_enabled):
        return ClassFull(plan.max_students, plan.waitlist_enabled)
    if len(state.waitlist) >= WAITLIST_LIMIT:
        return WaitlistFull(WAITLIST_LIMIT)
    ticket, place = state.waitlist.next_ticket, len(state.waitlist) + 1
    return (e.WaitlistJoined(user_id, caller.name, ticket, place, command.connection),)


def _come_back(state: LiveClass, command: c.TakeSeat, caller: Caller, now: Moment) -> Decision:
    if command.connection is not None:
        return connect(state, c.Connect(command.connection), caller)
    # Who is told to have a seat has the time to come with a socket.
    return (e.GraceRenewed(caller.user_id),) if state.lost.get(caller.user_id, now) < now else ()


def _turned_away(state: LiveClass, caller: Caller, enrolled: bool, now: Moment) -> Refusal | None:
    if caller.role is not Role.STUDENT or state.is_staff(caller):
        return Forbidden("take a seat: seats are for students")
    if not enrolled:
        return NotEnrolled(state.known.course_id)
    if caller.user_id in state.removed:
        return RemovedFromClass()
    if state.status is Status.ENDED:
        return ClassEnded()
    if state.status is Status.CANCELLED:
        return ClassCancelled()
    if state.is_past_its_end(now):
        return ClassEnded()
    if state.status is Status.SCHEDULED and now < state.known.doors_open_at:
        return DoorsClosed(state.known.doors_open_at)
    return ClassLocked() if state.locked else None


def no_longer_inside(state: LiveClass, caller: Caller, enrolled: bool, now: Moment) -> Refusal | None:
    """What a join that comes again hears when what it brought is gone; None while the student sits or waits. It is not
    done a second time: whoever left, or was lost, asks anew."""
    if state.is_inside(caller.user_id):
        return None
    return _turned_away(state, caller, enrolled, now) or NotSeated(caller.user_id)


def leave(state: LiveClass, caller: Caller, now: Moment) -> Decision:
    """Out, at once; nothing for who is not inside."""
    return _send_out(state, caller.user_id, "left", now)


def remove(state: LiveClass, command: c.RemoveMember, caller: Caller, now: Moment) -> Decision:
    """Staff send a student out."""
    if not state.is_staff(caller):
        return Forbidden("remove people from this class")
    user_id = command.user_id
    if user_id == state.known.instructor_id:
        return Forbidden("remove the instructor")
    if user_id in state.removed or (not command.ban and not state.is_inside(user_id)):
        return () if user_id in state.removed else NotSeated(user_id)
    if len(state.removed) >= WAITLIST_LIMIT:
        return TooMany("removed people", WAITLIST_LIMIT)
    return (t.MemberRemoved(user_id, command.ban), *_send_out(state, user_id, "removed", now))


def expire(state: LiveClass, user_id: UserId, now: Moment) -> tuple[e.Event, ...]:
    """The grace period of a lost student is over: the seat or place goes."""
    return _send_out(state, user_id, "lost", now)


def _send_out(state: LiveClass, user_id: UserId, reason: str, now: Moment) -> tuple[e.Event, ...]:
    seat = state.seats.find(user_id)
    if seat is not None:
        # Those inside are not told of seats, so the hand needs a word of its own.
        lowered = (t.HandLowered(user_id),) if user_id in state.hands else ()
        off = seat_gone(state, user_id)
        return (*lowered, *off, e.SeatReleased(user_id, seat.number, reason), *promotions(state, now, released=seat))
    waiter = state.waitlist.find(user_id)
    return (e.WaitlistLeft(user_id, waiter.ticket, reason),) if waiter is not None else ()


def promotions(
    state: LiveClass, now: Moment, released: Seat | None = None, max_students: int | None = None, opening: bool = False
) -> tuple[e.Event, ...]:
    """Who moves up now, in order: if `released` is given back, capacity becomes `max_students`, or a lock is `opening`."""
    if not (state.is_open or opening) or state.is_past_its_end(now) or len(state.waitlist) == 0:
        return ()
    capacity = state.known.max_students if max_students is None else max_students
    taken = len(state.seats) - (released is not None)
    count = min(capacity - taken, len(state.waitlist))
    if count <= 0:
        return ()
    numbers = state.seats.next_numbers(count, (released.number,) if released is not None else ())
    heads = _first(state, count)
    return tuple(
        e.SeatPromoted(waiter.user_id, waiter.name, number, waiter.ticket)
        for waiter, number in zip(heads, numbers, strict=True)
    )


def _first(state: LiveClass, count: int) -> list[Waiter]:
    heads: list[Waiter] = []
    for waiter in state.waitlist:
        if len(heads) == count:
            break
        heads.append(waiter)
    return heads


def connect(state: LiveClass, command: c.Connect, caller: Caller) -> Decision:
    """A socket of a student who is inside; nothing for anybody else, and nothing the second time."""
    user_id = caller.user_id
    held = state.connections.get(user_id, set())
    if not state.is_inside(user_id) or command.connection in held:
        return ()
    if len(held) >= CONNECTIONS_A_STUDENT:
        return TooMany("connections to this class", CONNECTIONS_A_STUDENT)
    return (e.PresenceConnected(user_id, command.connection, first=not held),)


def disconnect(state: LiveClass, command: c.Disconnect, caller: Caller) -> Decision:
    """That socket is gone."""
    held = state.connections.get(caller.user_id, set())
    if command.connection not in held:
        return ()
    return (e.PresenceLost(caller.user_id, command.connection, last=len(held) == 1),)


def look(state: LiveClass, caller: Caller, enrolled: bool) -> Decision:
    """Staff, students of the course and who is inside may see the class."""
    if enrolled or state.is_staff(caller) or state.is_inside(caller.user_id):
        return ()
    return NotEnrolled(state.known.course_id) if caller.role is Role.STUDENT else Forbidden("see this class")
