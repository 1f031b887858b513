"""Why the platform around the class refuses: accounts, courses, enrolment, requests as such."""

from dataclasses import dataclass
from typing import Any, ClassVar

from classroom.refusals import Refusal


@dataclass(frozen=True)
class Unauthenticated(Refusal):
    """Nobody is signed in, or the access token is not good any more."""

    code: ClassVar[str] = "unauthenticated"

    def message(self) -> str:
        return "Please sign in."


@dataclass(frozen=True)
class InvalidCredentials(Refusal):
    """E-mail address and password do not belong together, or nobody has this address: which of them is not said."""

    code: ClassVar[str] = "invalid_credentials"

    def message(self) -> str:
        return "The e-mail address or the password is wrong."


@dataclass(frozen=True)
class InvalidRefreshToken(Refusal):
    """The refresh token is unknown, too old, revoked, or was used before (then its whole sign-in has been ended)."""

    code: ClassVar[str] = "invalid_refresh_token"

    def message(self) -> str:
        return "This sign-in is over. Please sign in again."


@dataclass(frozen=True)
class InvalidToken(Refusal):
    """The token from the mail is unknown, was used, or has expired: which of them is not said."""

    code: ClassVar[str] = "invalid_token"

    def message(self) -> str:
        return "This link is not good any more. Please ask for a new one."

    def details(self) -> dict[str, Any]:
        return {"fields": [{"field": "token", "message": "is not good any more"}]}


@dataclass(frozen=True)
class AccountDisabled(Refusal):
    """An admin disabled the account."""

    code: ClassVar[str] = "account_disabled"

    def message(self) -> str:
        return "This account is disabled."


@dataclass(frozen=True)
class CrossSite(Refusal):
    """A page of another site asked with the cookie of this one."""

    code: ClassVar[str] = "cross_site"

    def message(self) -> str:
        return "This may only be asked by a page of this site."


@dataclass(frozen=True)
class OwnAccount(Refusal):
    """Admins do not ban, activate or change the role of themselves: another admin has to."""

    code: ClassVar[str] = "own_account"

    def message(self) -> str:
        return "This cannot be done to the own account. Another admin can."


@dataclass(frozen=True)
class LastAdmin(Refusal):
    """Without this account nobody could look after the platform."""

    code: ClassVar[str] = "last_admin"

    def message(self) -> str:
        return "This is the last admin's account. Make somebody else an admin first."


@dataclass(frozen=True)
class RequestPending(Refusal):
    """A request to become an instructor waits for an answer already."""

    code: ClassVar[str] = "request_pending"

    def message(self) -> str:
        return "Your request is still waiting for an answer."


@dataclass(frozen=True)
class NoStudent(Refusal):
    """Only students can ask to become instructors."""

    code: ClassVar[str] = "already_instructor"

    def message(self) -> str:
        return "This account may teach already."


@dataclass(frozen=True)
class RequestDecided(Refusal):
    """The request was decided the other way."""

    code: ClassVar[str] = "request_decided"
    status: str

    def message(self) -> str:
        return f"This request was {self.status} already."

    def details(self) -> dict[str, Any]:
        return {"status": self.status}


@dataclass(frozen=True)
class EmailUnverified(Refusal):
    """Signing in needs a verified e-mail address here."""

    code: ClassVar[str] = "email_unverified"

    def message(self) -> str:
        return "Please verify your e-mail address first."


@dataclass(frozen=True)
class RegistrationClosed(Refusal):
    """Admins have closed the platform to new accounts."""

    code: ClassVar[str] = "registration_closed"

    def message(self) -> str:
        return "New accounts cannot be made here at the moment."


@dataclass(frozen=True)
class EmailTaken(Refusal):
    """Somebody has an account with this address."""

    code: ClassVar[str] = "email_taken"

    def message(self) -> str:
        return "There is an account with this e-mail address already."

    def details(self) -> dict[str, Any]:
        return {"fields": [{"field": "email", "message": "is taken"}]}


@dataclass(frozen=True)
class PaymentRequired(Refusal):
    """The course costs money."""

    code: ClassVar[str] = "payment_required"
    course_id: str
    price_minor: int
    currency: str

    def message(self) -> str:
        return "This course has to be paid for first."

    def details(self) -> dict[str, Any]:
        return {"courseId": self.course_id, "price": {"amountMinor": self.price_minor, "currency": self.currency}}


@dataclass(frozen=True)
class CourseFull(Refusal):
    """As many students are enrolled as the course takes."""

    code: ClassVar[str] = "course_full"
    course_id: str

    def message(self) -> str:
        return "All places of this course are taken."

    def details(self) -> dict[str, Any]:
        return {"courseId": self.course_id}


@dataclass(frozen=True)
class CategoryInUse(Refusal):
    """Courses stand in the category: they would have to go elsewhere first."""

    code: ClassVar[str] = "category_in_use"
    courses: int

    def message(self) -> str:
        return f"There are {self.courses} courses in this category. Say where they shall go."

    def details(self) -> dict[str, Any]:
        return {"courses": self.courses}


@dataclass(frozen=True)
class CategoryExists(Refusal):
    """Another category has this address."""

    code: ClassVar[str] = "category_exists"
    slug: str

    def message(self) -> str:
        return "There is a category with this name already."

    def details(self) -> dict[str, Any]:
        return {"slug": self.slug, "fields": [{"field": "name", "message": "is taken"}]}


@dataclass(frozen=True)
class AlreadyReviewed(Refusal):
    """A student reviews a course once."""

    code: ClassVar[str] = "already_reviewed"
    course_id: str
    review_id: str

    def message(self) -> str:
        return "You have reviewed this course already."

    def details(self) -> dict[str, Any]:
        return {"courseId": self.course_id, "reviewId": self.review_id}


@dataclass(frozen=True)
class AlreadyReported(Refusal):
    """The same person has reported the same thing, and nobody has looked at it yet."""

    code: ClassVar[str] = "already_reported"
    report_id: str

    def message(self) -> str:
        return "You have reported this already. Somebody will look at it."

    def details(self) -> dict[str, Any]:
        return {"reportId": self.report_id}


@dataclass(frozen=True)
class AlreadyResolved(Refusal):
    """An admin has decided about the report."""

    code: ClassVar[str] = "already_resolved"
    action: str

    def message(self) -> str:
        return "This report has been resolved already."

    def details(self) -> dict[str, Any]:
        return {"action": self.action}


@dataclass(frozen=True)
class KeyReused(Refusal):
    """The idempotency key stands for another request."""

    code: ClassVar[str] = "idempotency_key_reused"

    def message(self) -> str:
        return "This Idempotency-Key was used for another request."


@dataclass(frozen=True)
class KeyBusy(Refusal):
    """The same request is still being done."""

    code: ClassVar[str] = "idempotency_key_busy"
    retry: ClassVar[bool] = True

    def message(self) -> str:
        return "The same request is still being done. Please try again in a moment."


@dataclass(frozen=True)
class BodyTooLarge(Refusal):
    """More bytes than a request may have."""

    code: ClassVar[str] = "body_too_large"
    limit: int

    def message(self) -> str:
        return f"The request is too large; the limit is {self.limit} bytes."

    def details(self) -> dict[str, Any]:
        return {"limitBytes": self.limit}


@dataclass(frozen=True)
class UnsupportedType(Refusal):
    """The body says that it is something else than what is taken here."""

    code: ClassVar[str] = "unsupported_media_type"
    wanted: str = "JSON, sent as application/json"

    def message(self) -> str:
        return f"The body must be {self.wanted}."


@dataclass(frozen=True)
class MalformedJson(Refusal):
    """The body is not JSON, whatever it says."""

    code: ClassVar[str] = "malformed_json"
    sentence: str = "is not JSON"

    def message(self) -> str:
        return "The body is not valid JSON."

    def details(self) -> dict[str, Any]:
        return {"fields": [{"field": "body", "message": self.sentence}]}


@dataclass(frozen=True)
class NoSuchRoute(Refusal):
    """Nothing answers at this address."""

    code: ClassVar[str] = "not_found"

    def message(self) -> str:
        return "There is nothing at this address."


@dataclass(frozen=True)
class WrongMethod(Refusal):
    """The address exists, and not for this method."""

    code: ClassVar[str] = "method_not_allowed"

    def message(self) -> str:
        return "This address does not answer to this method."


@dataclass(frozen=True)
class BadRequest(Refusal):
    """HTTP that cannot be understood."""

    code: ClassVar[str] = "bad_request"
    field: str = "request"
    sentence: str = "cannot be understood"

    def message(self) -> str:
        return "The request cannot be understood."

    def details(self) -> dict[str, Any]:
        return {"fields": [{"field": self.field, "message": self.sentence}]}


@dataclass(frozen=True)
class InternalError(Refusal):
    """A fault of ours. What it was stands in the log, under the correlation id."""

    code: ClassVar[str] = "internal_error"

    def message(self) -> str:
        return "Something went wrong on our side."
