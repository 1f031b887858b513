"""What may be asked of a live class. The caller and the command's id travel beside it."""

from dataclasses import dataclass
from typing import Literal

from classroom.ids import ConnectionId, CourseId, LessonId, MessageId, PollId, UserId
from classroom.live.people import Person
from classroom.times import Moment


@dataclass(frozen=True)
class Schedule:
    """Bring the class into being. Its owner is the course's instructor, whoever typed it in."""

    course_id: CourseId
    title: str
    starts_at: Moment
    duration_minutes: int
    max_students: int
    doors_open_minutes: int
    waitlist_enabled: bool
    instructor_id: UserId
    instructor_name: str
    lesson_id: LessonId | None = None


@dataclass(frozen=True)
class Revise:
    """Change what was scheduled; `None` leaves a thing as it is. Only capacity, title and waitlist may change while live."""

    title: str | None = None
    starts_at: Moment | None = None
    duration_minutes: int | None = None
    max_students: int | None = None
    doors_open_minutes: int | None = None
    waitlist_enabled: bool | None = None


@dataclass(frozen=True)
class Cancel:
    """Call the class off before it starts."""


@dataclass(frozen=True)
class Start:
    """Begin teaching."""


@dataclass(frozen=True)
class End:
    """End the class for everybody."""


@dataclass(frozen=True)
class TakeSeat:
    """Come in, or wait if all seats are taken and `waitlist` allows it.

    `connection` is the socket that holds the seat, if one does.
    """

    waitlist: bool = True
    connection: ConnectionId | None = None


@dataclass(frozen=True)
class Leave:
    """Give the seat or the place back at once."""


@dataclass(frozen=True)
class Connect:
    """A socket of this person follows the class from now on."""

    connection: ConnectionId


@dataclass(frozen=True)
class Disconnect:
    """That socket is gone; the seat waits for the grace period."""

    connection: ConnectionId


@dataclass(frozen=True)
class Look:
    """Read the class and where the caller stands in it."""


@dataclass(frozen=True)
class PostChat:
    """Say something to `all`, to `staff`, or to one person (a user id)."""

    text: str
    to: str = "all"


@dataclass(frozen=True)
class RemoveChat:
    """Take a message back: one's own, or anybody's for staff."""

    message_id: MessageId


@dataclass(frozen=True)
class RaiseHand:
    """Ask to speak."""


@dataclass(frozen=True)
class LowerHand:
    """Take one's hand down; staff may name somebody else's."""

    user_id: UserId | None = None


@dataclass(frozen=True)
class React:
    """Show an emoji to everybody for a moment."""

    emoji: str


@dataclass(frozen=True)
class OpenPoll:
    """Ask the class. `correct` are indexes into `options` and stay with staff until the poll closes."""

    question: str
    options: tuple[str, ...]
    multiple: bool = False
    quiz: bool = False
    correct: tuple[int, ...] = ()


@dataclass(frozen=True)
class Vote:
    """Choose; voting again replaces the choice."""

    poll_id: PollId
    choices: tuple[int, ...]


@dataclass(frozen=True)
class ClosePoll:
    """Take no more votes and show the result."""

    poll_id: PollId


@dataclass(frozen=True)
class Mute:
    """Keep a person from posting to everybody."""

    user_id: UserId


@dataclass(frozen=True)
class Unmute:
    """Let a muted person post again."""

    user_id: UserId


@dataclass(frozen=True)
class RemoveMember:
    """Send a person out; with `ban` for good."""

    user_id: UserId
    ban: bool = False


@dataclass(frozen=True)
class Lock:
    """Let nobody else in."""


@dataclass(frozen=True)
class Unlock:
    """Let people in again."""


@dataclass(frozen=True)
class InviteToStage:
    """Ask a student with a seat up; only who accepts is on the stage."""

    user_id: UserId


@dataclass(frozen=True)
class AcceptStage:
    """Come up, having been invited."""


@dataclass(frozen=True)
class LeaveStage:
    """Go off the stage, or decline an invitation."""


@dataclass(frozen=True)
class RemoveFromStage:
    """Take somebody off the stage, or an invitation back."""

    user_id: UserId


@dataclass(frozen=True)
class StartRecording:
    """Record the class from now on. While a recording runs this changes nothing and answers the running one's id."""


@dataclass(frozen=True)
class StopRecording:
    """Record no more."""


@dataclass(frozen=True)
class OpenMedia:
    """May the caller publish `source`, or watch, and where? `nodes` are the MediaNodes that live, the least loaded first,
    each as `name@run`; of `silent`, by their names alone, it is not known yet."""

    purpose: Literal["publish", "watch"]
    source: Literal["camera", "screen"]
    nodes: tuple[str, ...]
    silent: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShowMedia:
    """The origin `node` has these people in its slots now (None: nobody). Only a MediaNode says this."""

    node: str
    screen: Person | None
    cameras: tuple[Person | None, ...]
    microphones: tuple[Person | None, ...]


@dataclass(frozen=True)
class ShowSpeakers:
    """These speak, the loudest first, as the origin `node` hears it. Only a MediaNode says this."""

    node: str
    speakers: tuple[UserId, ...]


@dataclass(frozen=True)
class CheckMedia:
    """May those who are on this node still be? `node` is the class's origin as the asking node knows it. `viewers` and
    `publishers` are those who came as students: a class does not know its admins by their ids. Only a MediaNode asks."""

    node: str
    viewers: tuple[UserId, ...]
    publishers: tuple[UserId, ...]


@dataclass(frozen=True)
class Tick:
    """A deadline of the class has come. Only its host says this."""


Command = (
    Schedule
    | Revise
    | Cancel
    | Start
    | End
    | TakeSeat
    | Leave
    | Connect
    | Disconnect
    | Look
    | PostChat
    | RemoveChat
    | RaiseHand
    | LowerHand
    | React
    | OpenPoll
    | Vote
    | ClosePoll
    | Mute
    | Unmute
    | RemoveMember
    | Lock
    | Unlock
    | InviteToStage
    | AcceptStage
    | LeaveStage
    | RemoveFromStage
    | StartRecording
    | StopRecording
    | OpenMedia
    | ShowMedia
    | ShowSpeakers
    | CheckMedia
    | Tick
)
