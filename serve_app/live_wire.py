"""How classes and their records look on the wire."""

from typing import Annotated, Any, Literal

import msgspec
from pydantic import AwareDatetime, Field

from classroom.records import SessionRow
from serve_app.wire import Line, Person, Time, Wire

SessionStatus = Literal["scheduled", "live", "ended", "cancelled"]
MaxStudents = Annotated[int, Field(ge=1, le=100_000)]
Minutes = Annotated[int, Field(ge=1, le=1_440)]
DoorsMinutes = Annotated[int, Field(ge=0, le=1_440)]


class LiveSessionBody(Wire):
    """A class to be scheduled. `startTime` needs a time zone and must not be past."""

    course_id: str
    title: Line
    start_time: AwareDatetime
    duration_minutes: Minutes
    max_students: MaxStudents
    doors_open_minutes: DoorsMinutes = 10
    waitlist_enabled: bool = True
    lesson_id: str | None = None


class LiveSessionChanges(Wire):
    """What changes about a class; what is left out stays. While it is live only title, capacity and waitlist may change."""

    title: Line | None = None
    start_time: AwareDatetime | None = None
    duration_minutes: Minutes | None = None
    max_students: MaxStudents | None = None
    doors_open_minutes: DoorsMinutes | None = None
    waitlist_enabled: bool | None = None


class LiveSession(Wire):
    """A class. `endsAt` is planned until it has ended, then actual."""

    id: str
    course_id: str
    lesson_id: str | None
    title: str
    start_time: Time
    duration_minutes: int
    ends_at: Time
    max_students: int
    current_students: int
    waitlisted: int
    status: SessionStatus
    doors_open_minutes: int
    waitlist_enabled: bool
    locked: bool
    started_at: Time | None
    ended_at: Time | None
    instructor: Person


class Seat(Wire):
    """A seat, by its number from 1, and since when it is held."""

    number: int
    since: Time


class You(Wire):
    """Where the caller stands in the class: with a seat, or with a place and an estimate, or neither."""

    outcome: Literal["seated", "waitlisted", "none"]
    seat: Seat | None = None
    position: int | None = None
    ticket: int | None = None
    estimated_wait_seconds: int | None = None


class LiveSessionStatus(LiveSession):
    """A class and where the caller stands in it."""

    you: You


class RealtimeAddress(Wire):
    """Where the gateway takes sockets."""

    url: str


class RealtimeTicket(RealtimeAddress):
    """What to open a socket with. `ticket` works once within `expiresIn` seconds; it is null while tickets cannot be
    made: say hello with the access token then."""

    ticket: str | None
    expires_in: int


class Seated(Wire):
    """The caller has a seat."""

    outcome: Literal["seated"]
    seat: Seat
    session: LiveSession
    realtime: RealtimeTicket


class Waitlisted(Wire):
    """The caller waits. `ticket` is the number drawn at the door, which stays; `position` counts who is before, from 1.
    `estimatedWaitSeconds` is null while nothing can be said."""

    outcome: Literal["waitlisted"]
    position: int
    ticket: int
    estimated_wait_seconds: int | None
    session: LiveSession
    realtime: RealtimeTicket


class JoinBody(msgspec.Struct):
    """What a join says: whether the caller would wait when all seats are taken."""

    waitlist: bool = True


class IntervalView(Wire):
    """One stay. `leftAt` and `reason` are null while it lasts; reasons: left, lost, removed, ended."""

    joined_at: Time
    left_at: Time | None
    reason: str | None


class AttendeeView(Wire):
    """A student's attendance. `secondsPresent` counts up to now for who is inside."""

    user_id: str
    name: str
    email: str
    first_joined_at: Time | None
    last_left_at: Time | None
    seconds_present: int
    status: Literal["present", "left", "absent"]
    intervals: list[IntervalView]


class TimelineEvent(Wire):
    """One recorded event of a class."""

    offset: int
    type: str
    at: Time
    data: dict[str, Any]


def session_of(row: SessionRow) -> LiveSession:
    """The class as lists show it."""
    return LiveSession(
        id=row.id,
        course_id=row.course_id,
        lesson_id=row.lesson_id,
        title=row.title,
        start_time=row.starts_at,
        duration_minutes=row.duration_minutes,
        ends_at=row.ends_at,
        max_students=row.max_students,
        current_students=row.current_students,
        waitlisted=row.waitlisted,
        status=row.status,  # type: ignore[arg-type]  # the table knows the same four words
        doors_open_minutes=row.doors_open_minutes,
        waitlist_enabled=row.waitlist_enabled,
        locked=row.locked,
        started_at=row.started_at,
        ended_at=row.ended_at,
        instructor=Person(id=row.instructor_id, name=row.instructor_name),
    )
