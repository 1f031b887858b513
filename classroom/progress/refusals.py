"""Why a course does not count what it was told."""

from dataclasses import dataclass
from typing import Any, ClassVar

from classroom.progress.watched import ENOUGH_PERCENT
from classroom.refusals import Refusal


@dataclass(frozen=True)
class NotWatched(Refusal):
    """A video is done when it was watched."""

    code: ClassVar[str] = "not_watched"
    lesson_id: str
    watched_seconds: int
    duration_seconds: int

    def message(self) -> str:
        return f"Watch at least {ENOUGH_PERCENT} % of this video first."

    def details(self) -> dict[str, Any]:
        return {
            "lessonId": self.lesson_id,
            "watchedSeconds": self.watched_seconds,
            "durationSeconds": self.duration_seconds,
            "neededPercent": ENOUGH_PERCENT,
        }


@dataclass(frozen=True)
class NotPassed(Refusal):
    """A quiz or an assignment is done when it was passed."""

    code: ClassVar[str] = "not_passed"
    lesson_id: str

    def message(self) -> str:
        return "This lesson is done once you have passed it."

    def details(self) -> dict[str, Any]:
        return {"lessonId": self.lesson_id}


@dataclass(frozen=True)
class NotAVideo(Refusal):
    """Only of a video seconds are watched."""

    code: ClassVar[str] = "not_a_video"
    lesson_id: str

    def message(self) -> str:
        return "This lesson is not a video."

    def details(self) -> dict[str, Any]:
        return {"lessonId": self.lesson_id}
