"""What has happened in a live class. Old events stay readable for ever: add fields with defaults, never reuse a name."""

from dataclasses import dataclass
from typing import ClassVar

from classroom.ids import ConnectionId, CourseId, LessonId, UserId
from classroom.live import stage_events as s
from classroom.live import talk_events as t
from classroom.times import Moment


@dataclass(frozen=True)
class SessionScheduled:
    """The class came into being."""

    type: ClassVar[str] = "session.scheduled"
    course_id: CourseId
    lesson_id: LessonId | None
    title: str
    starts_at: Moment
    duration_minutes: int
    max_students: int
    doors_open_minutes: int
    waitlist_enabled: bool
    instructor_id: UserId
    instructor_name: str


@dataclass(frozen=True)
class SessionRevised:
    """The plan now reads so (everything but the capacity, which has its own event)."""

    type: ClassVar[str] = "session.revised"
    title: str
    starts_at: Moment
    duration_minutes: int
    doors_open_minutes: int
    waitlist_enabled: bool


@dataclass(frozen=True)
class CapacityChanged:
    """There are more or fewer seats from now on."""

    type: ClassVar[str] = "capacity.changed"
    max_students: int


@dataclass(frozen=True)
class SessionStarted:
    """Teaching began; the class ends itself at `ends_at`."""

    type: ClassVar[str] = "session.started"
    ends_at: Moment


@dataclass(frozen=True)
class SessionEnding:
    """The five-minute warning."""

    type: ClassVar[str] = "session.ending"
    ends_at: Moment


@dataclass(frozen=True)
class SessionEnded:
    """The class is over for everybody; every open stay ended at `ended_at`, which is long ago when nobody was there to say
    so. None, in the logs of earlier releases: when it was logged. Reasons: `staff`, `time`."""

    type: ClassVar[str] = "session.ended"
    reason: str
    ended_at: Moment | None = None


@dataclass(frozen=True)
class SessionCancelled:
    """Called off before it started."""

    type: ClassVar[str] = "session.cancelled"


@dataclass(frozen=True)
class SessionLocked:
    """Nobody else comes in."""

    type: ClassVar[str] = "session.locked"


@dataclass(frozen=True)
class SessionUnlocked:
    """People come in again."""

    type: ClassVar[str] = "session.unlocked"


@dataclass(frozen=True)
class SeatTaken:
    """A student came in through the door. `connection` is the socket that holds the seat, if one does."""

    type: ClassVar[str] = "seat.taken"
    user_id: UserId
    name: str
    seat: int
    connection: ConnectionId | None


@dataclass(frozen=True)
class SeatPromoted:
    """The head of the waitlist got a seat."""

    type: ClassVar[str] = "seat.promoted"
    user_id: UserId
    name: str
    seat: int
    ticket: int


@dataclass(frozen=True)
class SeatReleased:
    """A seat was given back. Reasons: `left`, `lost`, `removed`."""

    type: ClassVar[str] = "seat.released"
    user_id: UserId
    seat: int
    reason: str


@dataclass(frozen=True)
class WaitlistJoined:
    """A student queues. Tickets grow for ever; the order of tickets is the order of promotion."""

    type: ClassVar[str] = "waitlist.joined"
    user_id: UserId
    name: str
    ticket: int
    position: int
    connection: ConnectionId | None


@dataclass(frozen=True)
class WaitlistLeft:
    """A place was given up. Reasons: `left`, `lost`, `removed`."""

    type: ClassVar[str] = "waitlist.left"
    user_id: UserId
    ticket: int
    reason: str


@dataclass(frozen=True)
class PresenceConnected:
    """A socket of this student follows the class; `first` if none did before."""

    type: ClassVar[str] = "presence.connected"
    user_id: UserId
    connection: ConnectionId
    first: bool


@dataclass(frozen=True)
class PresenceLost:
    """A socket of this student is gone; `last` if none is left and the grace period runs."""

    type: ClassVar[str] = "presence.lost"
    user_id: UserId
    connection: ConnectionId
    last: bool


@dataclass(frozen=True)
class GraceRenewed:
    """A lost student asked for the seat or place again, still without a socket: the grace period begins anew."""

    type: ClassVar[str] = "grace.renewed"
    user_id: UserId


@dataclass(frozen=True)
class CountChanged:
    """How many sit and how many wait; told at most ten times a second."""

    type: ClassVar[str] = "count.changed"
    current_students: int
    waitlisted: int


Event = (
    SessionScheduled
    | SessionRevised
    | CapacityChanged
    | SessionStarted
    | SessionEnding
    | SessionEnded
    | SessionCancelled
    | SessionLocked
    | SessionUnlocked
    | SeatTaken
    | SeatPromoted
    | SeatReleased
    | WaitlistJoined
    | WaitlistLeft
    | PresenceConnected
    | PresenceLost
    | GraceRenewed
    | CountChanged
    | t.ChatPosted
    | t.ChatRemoved
    | t.HandRaised
    | t.HandLowered
    | t.ReactionSent
    | t.PollOpened
    | t.PollVoted
    | t.PollTallied
    | t.PollClosed
    | t.MemberMuted
    | t.MemberUnmuted
    | t.MemberRemoved
    | s.StageInvited
    | s.StageDeclined
    | s.StageJoined
    | s.StageLeft
    | s.MediaPlaced
    | s.MediaChanged
    | s.MediaSpeaking
    | s.RecordingStarted
    | s.RecordingStopped
)
