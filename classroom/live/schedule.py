"""The life of a class: scheduled, revised, started, ended, and what it does when its time comes."""

from datetime import UTC, datetime

from classroom.callers import Caller
from classroom.live import commands as c
from classroom.live import events as e
from classroom.live import recording, stage
from classroom.live.door import expire, promotions
from classroom.live.over import over
from classroom.live.polls import results
from classroom.live.state import WARNING, LiveClass, Status
from classroom.live.wording import is_fit
from classroom.refusals import (
    AlreadyEnded,
    AlreadyLive,
    ClassCancelled,
    Forbidden,
    Malformed,
    NotLive,
    Refusal,
)
from classroom.times import MINUTE, Moment, from_datetime

Decision = tuple[e.Event, ...] | Refusal

# So far ahead that no end of a class falls past the last year that a date can have.
LATEST_START = from_datetime(datetime(3000, 1, 1, tzinfo=UTC))
LATE = 1 * MINUTE


def schedule(state: LiveClass, command: c.Schedule) -> Decision:
    """The class comes into being, once."""
    if state.plan is not None:
        return ()
    wrong = _out_of_bounds(command)
    if wrong:
        return Malformed(wrong)
    return (
        e.SessionScheduled(
            command.course_id,
            command.lesson_id,
            command.title,
            command.starts_at,
            command.duration_minutes,
            command.max_students,
            command.doors_open_minutes,
            command.waitlist_enabled,
            command.instructor_id,
            command.instructor_name,
        ),
    )


def _out_of_bounds(words: c.Schedule | c.Revise) -> tuple[tuple[str, str], ...]:
    wrong = []
    if words.title is not None and not is_fit(words.title, 200):
        wrong.append(("title", "A title has 1 to 200 characters."))
    if words.starts_at is not None and not 0 <= words.starts_at < LATEST_START:
        wrong.append(("startTime", "A class starts between the years 1970 and 3000."))
    if words.duration_minutes is not None and not 1 <= words.duration_minutes <= 1440:
        wrong.append(("durationMinutes", "A class lasts 1 to 1440 minutes."))
    if words.max_students is not None and not 1 <= words.max_students <= 100_000:
        wrong.append(("maxStudents", "A class has 1 to 100000 seats."))
    if words.doors_open_minutes is not None and not 0 <= words.doors_open_minutes <= 1440:
        wrong.append(("doorsOpenMinutes", "Doors open 0 to 1440 minutes before the start."))
    return tuple(wrong)


def revise(state: LiveClass, command: c.Revise, caller: Caller, now: Moment) -> Decision:
    """Change the plan. While live, only title, waitlist, capacity and duration.

    More seats promote at once, fewer evict nobody. A start that has passed since may be said again, but not chosen.
    """
    if not state.is_staff(caller):
        return Forbidden("change this class")
    refusal = over(state, now)
    if refusal is not None:
        return refusal
    wrong = _out_of_bounds(command)
    if wrong:
        return Malformed(wrong)
    plan = state.known
    revised = e.SessionRevised(
        plan.title if command.title is None else command.title,
        plan.starts_at if command.starts_at is None else command.starts_at,
        plan.duration_minutes if command.duration_minutes is None else command.duration_minutes,
        plan.doors_open_minutes if command.doors_open_minutes is None else command.doors_open_minutes,
        plan.waitlist_enabled if command.waitlist_enabled is None else command.waitlist_enabled,
    )
    if revised.starts_at != plan.starts_at and is_late(revised.starts_at, now):
        return Malformed((("startTime", "is in the past"),))
    if state.status is Status.LIVE:
        if revised.starts_at != plan.starts_at or revised.doors_open_minutes != plan.doors_open_minutes:
            return AlreadyLive()
        if (state.started_at or 0) + revised.duration_minutes * MINUTE <= now:
            return Malformed((("durationMinutes", "The class has already lasted longer than this."),))
    current = e.SessionRevised(
        plan.title, plan.starts_at, plan.duration_minutes, plan.doors_open_minutes, plan.waitlist_enabled
    )
    events: tuple[e.Event, ...] = () if revised == current else (revised,)
    if command.max_students is not None and command.max_students != plan.max_students:
        events = (
            *events,
            e.CapacityChanged(command.max_students),
            *promotions(state, now, max_students=command.max_students),
        )
    return events


def is_late(starts_at: Moment, now: Moment) -> bool:
    """Whether a start lies further in the past than a slow click."""
    return starts_at < now - LATE


def _closing(state: LiveClass) -> tuple[e.Event, ...]:
    return (*results(state), *recording.closing(state), *stage.closing(state))


def cancel(state: LiveClass, caller: Caller) -> Decision:
    """Call it off; only before the start."""
    if not state.is_staff(caller):
        return Forbidden("cancel this class")
    if state.status is Status.LIVE:
        return AlreadyLive()
    if state.status is Status.ENDED:
        return AlreadyEnded()
    return () if state.status is Status.CANCELLED else (*_closing(state), e.SessionCancelled())


def start(state: LiveClass, caller: Caller, now: Moment) -> Decision:
    """Begin, also before the planned time; starting again changes nothing."""
    if not state.is_staff(caller):
        return Forbidden("start this class")
    refusal = over(state, now)
    if refusal is not None:
        return refusal
    if state.status is Status.LIVE:
        return ()
    return (e.SessionStarted(Moment(now + state.known.duration_minutes * MINUTE)),)


def end(state: LiveClass, caller: Caller, now: Moment) -> Decision:
    """End it; ending again changes nothing."""
    if not state.is_staff(caller):
        return Forbidden("end this class")
    if state.status is Status.SCHEDULED:
        return NotLive()
    if state.status is Status.CANCELLED:
        return ClassCancelled()
    return () if state.status is Status.ENDED else (*_closing(state), e.SessionEnded("staff", min(now, state.ends_at)))


def lock(state: LiveClass, caller: Caller, now: Moment) -> Decision:
    """Let nobody else in."""
    if not state.is_staff(caller):
        return Forbidden("lock this class")
    return over(state, now) or (() if state.locked else (e.SessionLocked(),))


def unlock(state: LiveClass, caller: Caller, now: Moment) -> Decision:
    """Let people in again; who waited while seats were free moves up at once."""
    if not state.is_staff(caller):
        return Forbidden("unlock this class")
    return over(state, now) or ((e.SessionUnlocked(), *promotions(state, now, opening=True)) if state.locked else ())


def tick(state: LiveClass, now: Moment) -> Decision:
    """What is due by `now`, one thing at a time: the end, as of when it was due; the warning; one grace period."""
    if state.is_past_its_end(now):
        return (*_closing(state), e.SessionEnded("time", state.ends_at))
    if state.status is Status.LIVE and not state.warned and now >= state.ends_at - WARNING:
        return (e.SessionEnding(state.ends_at),)
    if state.status in (Status.SCHEDULED, Status.LIVE) and state.lost:
        user_id, lost_at = next(iter(state.lost.items()))
        return expire(state, user_id, now) if state.grace_end(lost_at) <= now else ()
    return ()
