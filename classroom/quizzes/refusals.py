"""Why an attempt at a quiz, or what is sent in for an assignment, is not taken."""

from dataclasses import dataclass
from typing import Any, ClassVar

from classroom.refusals import Refusal
from classroom.times import Moment, rfc3339


@dataclass(frozen=True)
class AttemptOver(Refusal):
    """The time was up before the answers came."""

    code: ClassVar[str] = "attempt_over"
    ended_at: Moment

    def message(self) -> str:
        return "The time for this attempt is up."

    def details(self) -> dict[str, Any]:
        return {"endedAt": rfc3339(self.ended_at)}


@dataclass(frozen=True)
class NoAttemptsLeft(Refusal):
    """Every attempt was used."""

    code: ClassVar[str] = "no_attempts_left"
    attempts: int

    def message(self) -> str:
        return "You have used all your attempts at this quiz."

    def details(self) -> dict[str, Any]:
        return {"attempts": self.attempts}


@dataclass(frozen=True)
class NotStarted(Refusal):
    """A quiz with a time limit is begun before it is sent in."""

    code: ClassVar[str] = "not_started"

    def message(self) -> str:
        return "This quiz has a time limit: start it first."


@dataclass(frozen=True)
class NotSubmitted(Refusal):
    """There is nothing to review or grade yet."""

    code: ClassVar[str] = "not_submitted"

    def message(self) -> str:
        return "This attempt has not been sent in."


@dataclass(frozen=True)
class AlreadyGraded(Refusal):
    """What was graded is not sent in again."""

    code: ClassVar[str] = "already_graded"

    def message(self) -> str:
        return "This has been graded already and cannot be replaced."


@dataclass(frozen=True)
class Replaced(Refusal):
    """The learner has sent in something newer than what was looked at."""

    code: ClassVar[str] = "submission_replaced"
    revision: int

    def message(self) -> str:
        return "The student has sent in something newer. Please look at it first."

    def details(self) -> dict[str, Any]:
        return {"revision": self.revision}
