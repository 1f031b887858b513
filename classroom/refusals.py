"""Why a command was not done: one frozen value a reason, with its stable code and a sentence for people.

No status codes here: each edge maps a refusal once (HTTP problem, socket reply or close code).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from classroom.times import Moment, rfc3339


class Refusal:
    """A reason. `code` is the wire's `errorCode`; `retry` says whether the same command may succeed later as it is."""

    code: ClassVar[str]
    retry: ClassVar[bool] = False

    def message(self) -> str:
        """A sentence for people, without internals."""
        raise NotImplementedError

    def details(self) -> dict[str, Any]:
        """JSON-ready facts beside the sentence."""
        return {}


@dataclass(frozen=True)
class NotFound(Refusal):
    """Nothing has this id, or the caller may not know that it exists."""

    code: ClassVar[str] = "not_found"
    kind: str
    id: str

    def message(self) -> str:
        return f"There is no {self.kind} with this id."

    def details(self) -> dict[str, Any]:
        return {"kind": self.kind, "id": self.id}


@dataclass(frozen=True)
class Forbidden(Refusal):
    """The caller is known and may not do this."""

    code: ClassVar[str] = "forbidden"
    what: str = "do this"

    def message(self) -> str:
        return f"You may not {self.what}."


@dataclass(frozen=True)
class NotEnrolled(Refusal):
    """Only students of the course may come in."""

    code: ClassVar[str] = "not_enrolled"
    course_id: str

    def message(self) -> str:
        return "You are not enrolled in this course."

    def details(self) -> dict[str, Any]:
        return {"courseId": self.course_id}


@dataclass(frozen=True)
class DoorsClosed(Refusal):
    """The class has not started and its doors are not open yet."""

    code: ClassVar[str] = "doors_closed"
    opens_at: Moment

    def message(self) -> str:
        return "The doors of this class are not open yet."

    def details(self) -> dict[str, Any]:
        return {"opensAt": rfc3339(self.opens_at)}


@dataclass(frozen=True)
class ClassLocked(Refusal):
    """Staff locked the class: who is inside stays, nobody else comes in."""

    code: ClassVar[str] = "class_locked"

    def message(self) -> str:
        return "The instructor has locked this class."


@dataclass(frozen=True)
class ClassFull(Refusal):
    """No seat is free, and waiting was not asked for or is switched off."""

    code: ClassVar[str] = "class_full"
    max_students: int
    waitlist_enabled: bool

    def message(self) -> str:
        return "All seats of this class are taken."

    def details(self) -> dict[str, Any]:
        return {"maxStudents": self.max_students, "waitlistEnabled": self.waitlist_enabled}


@dataclass(frozen=True)
class WaitlistFull(Refusal):
    """The waitlist has reached its bound."""

    code: ClassVar[str] = "waitlist_full"
    limit: int

    def message(self) -> str:
        return "The waitlist of this class is full."

    def details(self) -> dict[str, Any]:
        return {"limit": self.limit}


@dataclass(frozen=True)
class ClassEnded(Refusal):
    """The class is over."""

    code: ClassVar[str] = "class_ended"

    def message(self) -> str:
        return "This class has ended."


@dataclass(frozen=True)
class AlreadyEnded(Refusal):
    """The class is over, so staff can no longer do this. Same code as `ClassEnded`; edges may answer it differently."""

    code: ClassVar[str] = "class_ended"

    def message(self) -> str:
        return "This class has already ended."


@dataclass(frozen=True)
class ClassCancelled(Refusal):
    """The class was called off before it started."""

    code: ClassVar[str] = "class_cancelled"

    def message(self) -> str:
        return "This class was cancelled."


@dataclass(frozen=True)
class NotLive(Refusal):
    """The class has not started."""

    code: ClassVar[str] = "not_live"

    def message(self) -> str:
        return "This class is not live."


@dataclass(frozen=True)
class AlreadyLive(Refusal):
    """The class has started, so this can no longer be done."""

    code: ClassVar[str] = "already_live"

    def message(self) -> str:
        return "This class is already live."


@dataclass(frozen=True)
class RemovedFromClass(Refusal):
    """Staff sent this person out for good."""

    code: ClassVar[str] = "removed_from_class"

    def message(self) -> str:
        return "You were removed from this class."


@dataclass(frozen=True)
class NotSeated(Refusal):
    """Only who has a seat (or teaches) may do this; `user_id` is whom it is about."""

    code: ClassVar[str] = "not_seated"
    user_id: str

    def message(self) -> str:
        return "This needs a seat in the class."

    def details(self) -> dict[str, Any]:
        return {"userId": self.user_id}


@dataclass(frozen=True)
class NotOnStage(Refusal):
    """Only staff and who is on the stage may publish."""

    code: ClassVar[str] = "not_on_stage"

    def message(self) -> str:
        return "This needs a place on the stage of the class."


@dataclass(frozen=True)
class NotInvited(Refusal):
    """Nobody comes on the stage uninvited; an invitation may have been taken back."""

    code: ClassVar[str] = "not_invited"

    def message(self) -> str:
        return "You are not invited to the stage of this class."


@dataclass(frozen=True)
class StageFull(Refusal):
    """All places on the stage are taken; the invitation stays."""

    code: ClassVar[str] = "stage_full"
    places: int

    def message(self) -> str:
        return "All places on the stage are taken."

    def details(self) -> dict[str, Any]:
        return {"places": self.places}


@dataclass(frozen=True)
class MemberMuted(Refusal):
    """Staff muted this person."""

    code: ClassVar[str] = "muted"

    def message(self) -> str:
        return "You are muted in this class."


@dataclass(frozen=True)
class PollClosed(Refusal):
    """Votes are no longer taken."""

    code: ClassVar[str] = "poll_closed"

    def message(self) -> str:
        return "This poll is closed."


@dataclass(frozen=True)
class TooMany(Refusal):
    """A bound of the class was reached."""

    code: ClassVar[str] = "too_many"
    what: str
    limit: int

    def message(self) -> str:
        return f"There are too many {self.what}; the limit is {self.limit}."

    def details(self) -> dict[str, Any]:
        return {"what": self.what, "limit": self.limit}


@dataclass(frozen=True)
class Malformed(Refusal):
    """The words do not fit the command: pairs of field and sentence."""

    code: ClassVar[str] = "validation_failed"
    fields: tuple[tuple[str, str], ...]

    def message(self) -> str:
        return "Some fields are not valid: " + ", ".join(name for name, _ in self.fields) + "."

    def details(self) -> dict[str, Any]:
        return {"fields": [{"field": name, "message": sentence} for name, sentence in self.fields]}


@dataclass(frozen=True)
class UnknownCommand(Refusal):
    """No command has this name."""

    code: ClassVar[str] = "unknown_command"
    name: str

    def message(self) -> str:
        return "There is no command with this name."

    def details(self) -> dict[str, Any]:
        return {"name": self.name[:80]}


@dataclass(frozen=True)
class UnknownTopic(Refusal):
    """No topic has this name."""

    code: ClassVar[str] = "unknown_topic"
    topic: str

    def message(self) -> str:
        return "There is no topic with this name."

    def details(self) -> dict[str, Any]:
        return {"topic": self.topic[:120]}


@dataclass(frozen=True)
class RateLimited(Refusal):
    """Too much in too short a time; worth trying again after `retry_after_seconds`."""

    code: ClassVar[str] = "rate_limited"
    retry: ClassVar[bool] = True
    retry_after_seconds: int

    def message(self) -> str:
        return f"Too many requests. Please try again in {self.retry_after_seconds} s."

    def details(self) -> dict[str, Any]:
        return {"retryAfterSeconds": self.retry_after_seconds}


@dataclass(frozen=True)
class Unavailable(Refusal):
    """A part that is needed is away. Nothing was acknowledged; the same command with the same id may be sent again."""

    code: ClassVar[str] = "unavailable"
    retry: ClassVar[bool] = True
    what: str = "The class"

    def message(self) -> str:
        return f"{self.what} cannot be reached just now. Please try again."
