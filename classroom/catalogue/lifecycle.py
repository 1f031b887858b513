"""From draft to the catalogue and back: which state of a course leads to which, and who has to look first."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from classroom.refusals import Refusal

Status = Literal["draft", "pending", "published", "rejected", "unpublished"]

ESSENTIAL = frozenset({"title", "summary", "description", "category_id", "thumbnail_url"})
"""What an admin looks at and the catalogue shows. Who changes it and takes the course out of the catalogue has to have it
looked at again; price, difficulty, language, capacity and lessons are the instructor's own affair."""


@dataclass(frozen=True)
class Step:
    """A change of status. `reviewed` says that nothing essential may have changed since an admin looked."""

    out_of: tuple[Status, ...]
    into: Status
    reviewed: bool = False


SUBMIT = Step(("draft", "rejected", "unpublished"), "pending")
SUBMIT_WITHOUT_REVIEW = Step(("draft", "rejected", "unpublished"), "published")
APPROVE = Step(("pending",), "published")
REJECT = Step(("pending",), "rejected")
UNPUBLISH = Step(("published",), "unpublished")
PUBLISH = Step(("unpublished",), "published", reviewed=True)


@dataclass(frozen=True)
class WrongStatus(Refusal):
    """The course is not in a state in which this can be done."""

    code: ClassVar[str] = "wrong_status"
    status: str
    needed: tuple[str, ...]

    def message(self) -> str:
        return f"The course is {self.status}; this needs one that is {' or '.join(self.needed)}."

    def details(self) -> dict[str, Any]:
        return {"status": self.status, "needed": list(self.needed)}


@dataclass(frozen=True)
class ReviewNeeded(Refusal):
    """What an admin looked at has changed since: the course has to be submitted again."""

    code: ClassVar[str] = "review_needed"

    def message(self) -> str:
        return "The course has changed since it was reviewed. Please submit it again."


def refusal_of(step: Step, status: str, changed_since_review: bool) -> WrongStatus | ReviewNeeded | None:
    """Why a course in this status does not take the step; None when it does, or has taken it already."""
    if status == step.into:
        return None
    if status not in step.out_of:
        return WrongStatus(status, step.out_of)
    return ReviewNeeded() if step.reviewed and changed_since_review else None
