"""What has happened in a live class. Old events stay readable for ever: add fields with defaults, never reuse a name."""

from dataclasses import dataclass
from typing import ClassVar

from classroom.ids import ConnectionId, CourseId, LessonId, MessageId, PollId, RecordingId, UserId
from classroom.live.people import Person
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


@dataclass(frozen=True)
class ChatPosted:
    """Somebody said something to `all`, to `staff` or to one person."""

    type: ClassVar[str] = "chat.posted"
    message_id: MessageId
    user_id: UserId
    name: str
    text: str
    to: str


@dataclass(frozen=True)
class ChatRemoved:
    """A message was taken back. `to` is whom it had been for."""

    type: ClassVar[str] = "chat.removed"
    message_id: MessageId
    to: str
    by: UserId
    author: UserId


@dataclass(frozen=True)
class HandRaised:
    """Somebody asks to speak."""

    type: ClassVar[str] = "hand.raised"
    user_id: UserId
    name: str


@dataclass(frozen=True)
class HandLowered:
    """A hand went down."""

    type: ClassVar[str] = "hand.lowered"
    user_id: UserId


@dataclass(frozen=True)
class ReactionSent:
    """An emoji, for a moment."""

    type: ClassVar[str] = "reaction.sent"
    user_id: UserId
    emoji: str


@dataclass(frozen=True)
class PollOpened:
    """A question to the class. `correct` is for staff until the poll closes."""

    type: ClassVar[str] = "poll.opened"
    poll_id: PollId
    question: str
    options: tuple[str, ...]
    multiple: bool
    quiz: bool
    correct: tuple[int, ...]


@dataclass(frozen=True)
class PollVoted:
    """One student's choice, replacing an earlier one."""

    type: ClassVar[str] = "poll.voted"
    poll_id: PollId
    user_id: UserId
    choices: tuple[int, ...]


@dataclass(frozen=True)
class PollTallied:
    """The count so far; told at most ten times a second."""

    type: ClassVar[str] = "poll.tallied"
    poll_id: PollId
    tally: tuple[int, ...]
    votes: int


@dataclass(frozen=True)
class PollClosed:
    """The result."""

    type: ClassVar[str] = "poll.closed"
    poll_id: PollId
    tally: tuple[int, ...]
    votes: int
    correct: tuple[int, ...]


@dataclass(frozen=True)
class MemberMuted:
    """This person may not post to everybody."""

    type: ClassVar[str] = "member.muted"
    user_id: UserId


@dataclass(frozen=True)
class MemberUnmuted:
    """This person may post again."""

    type: ClassVar[str] = "member.unmuted"
    user_id: UserId


@dataclass(frozen=True)
class MemberRemoved:
    """Staff sent this person out; with `ban` for good."""

    type: ClassVar[str] = "member.removed"
    user_id: UserId
    ban: bool


@dataclass(frozen=True)
class StageInvited:
    """Staff asked this student up."""

    type: ClassVar[str] = "stage.invited"
    user_id: UserId
    name: str


@dataclass(frozen=True)
class StageDeclined:
    """An invitation is no more: declined, taken back, or the seat went."""

    type: ClassVar[str] = "stage.declined"
    user_id: UserId


@dataclass(frozen=True)
class StageJoined:
    """This student is on the stage and may publish."""

    type: ClassVar[str] = "stage.joined"
    user_id: UserId
    name: str


@dataclass(frozen=True)
class StageLeft:
    """No longer on the stage. Reasons: `left`, `removed`, `gone` (the seat went), `ended` (the class is over)."""

    type: ClassVar[str] = "stage.left"
    user_id: UserId
    reason: str


@dataclass(frozen=True)
class MediaPlaced:
    """The class's video is on this node from now on; nobody is shown on it yet. Generations grow by one."""

    type: ClassVar[str] = "media.placed"
    node: str
    generation: int


@dataclass(frozen=True)
class MediaChanged:
    """Who is in which slot now; None: nobody."""

    type: ClassVar[str] = "media.changed"
    screen: Person | None
    cameras: tuple[Person | None, ...]
    microphones: tuple[Person | None, ...]


@dataclass(frozen=True)
class MediaSpeaking:
    """Who speaks, the loudest first."""

    type: ClassVar[str] = "media.speaking"
    speakers: tuple[UserId, ...]


@dataclass(frozen=True)
class RecordingStarted:
    """The class is recorded from now on."""

    type: ClassVar[str] = "recording.started"
    recording_id: RecordingId


@dataclass(frozen=True)
class RecordingStopped:
    """That recording is over."""

    type: ClassVar[str] = "recording.stopped"
    recording_id: RecordingId


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
    | ChatPosted
    | ChatRemoved
    | HandRaised
    | HandLowered
    | ReactionSent
    | PollOpened
    | PollVoted
    | PollTallied
    | PollClosed
    | MemberMuted
    | MemberUnmuted
    | MemberRemoved
    | StageInvited
    | StageDeclined
    | StageJoined
    | StageLeft
    | MediaPlaced
    | MediaChanged
    | MediaSpeaking
    | RecordingStarted
    | RecordingStopped
)
