"""What moderation may do about what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from classroom.refusals import Refusal

TargetType = Literal["course", "lesson", "review", "question", "answer", "user"]
Action = Literal["dismiss", "hide", "delete"]

POSSIBLE: Mapping[TargetType, tuple[Action, ...]] = {
    "course": ("dismiss", "hide", "delete"),
    "lesson": ("dismiss", "delete"),
    "review": ("dismiss", "hide", "delete"),
    "question": ("dismiss", "hide", "delete"),
    "answer": ("dismiss", "hide", "delete"),
    "user": ("dismiss",),
}
"""A lesson is there or not; people are banned where people are administered. To hide a course is to unpublish it."""


@dataclass(frozen=True)
class ActionImpossible(Refusal):
    """This cannot be done about such a thing."""

    code: ClassVar[str] = "action_impossible"
    action: str
    target_type: str
    possible: tuple[str, ...]

    def message(self) -> str:
        return f"A report about a {self.target_type} is resolved by {' or '.join(self.possible)}, not by {self.action}."

    def details(self) -> dict[str, Any]:
        return {"action": self.action, "targetType": self.target_type, "possible": list(self.possible)}


def refusal_of(target_type: TargetType, action: Action) -> ActionImpossible | None:
    """Why a report about such a thing is not resolved by this; None when it is."""
    possible = POSSIBLE[target_type]
    return None if action in possible else ActionImpossible(action, target_type, possible)
