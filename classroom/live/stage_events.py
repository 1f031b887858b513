"""Who may be seen and heard in a live class, what is shown, what is recorded. The rules of `events.py` hold here too."""

from dataclasses import dataclass
from typing import ClassVar

from classroom.ids import RecordingId, UserId
from classroom.live.people import Person


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
