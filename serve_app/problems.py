"""Refusals as HTTP: one table from reason to status, and the problem document (RFC 9457) that goes out."""

from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.responses import Response

from classroom import content, media_refusals, moderation
from classroom import refusals as live
from classroom.catalogue import arrangement, lifecycle
from classroom.progress import refusals as progress
from classroom.quizzes import refusals as quizzes
from classroom.refusals import Refusal
from serve_app import certificate_reasons, content_reasons, reasons

STATUSES: dict[type[Refusal], int] = {
    live.NotFound: 404,
    live.Forbidden: 403,
    live.NotEnrolled: 403,
    live.DoorsClosed: 409,
    live.ClassLocked: 409,
    live.ClassFull: 409,
    live.WaitlistFull: 409,
    live.ClassEnded: 410,
    live.AlreadyEnded: 409,
    live.ClassCancelled: 410,
    live.NotLive: 409,
    live.AlreadyLive: 409,
    live.RemovedFromClass: 403,
    live.NotSeated: 403,
    live.NotOnStage: 403,
    live.NotInvited: 403,
    live.StageFull: 409,
    live.MemberMuted: 403,
    live.PollClosed: 409,
    live.TooMany: 409,
    live.Malformed: 422,
    live.UnknownCommand: 404,
    live.UnknownTopic: 404,
    live.RateLimited: 429,
    live.Unavailable: 503,
    progress.NotWatched: 409,
    progress.NotPassed: 409,
    progress.NotAVideo: 409,
    quizzes.AttemptOver: 409,
    quizzes.NoAttemptsLeft: 409,
    quizzes.NotStarted: 409,
    quizzes.NotSubmitted: 409,
    quizzes.AlreadyGraded: 409,
    quizzes.Replaced: 409,
    reasons.Unauthenticated: 401,
    reasons.InvalidCredentials: 401,
    reasons.InvalidRefreshToken: 401,
    reasons.InvalidToken: 400,
    reasons.AccountDisabled: 403,
    reasons.CrossSite: 403,
    reasons.OwnAccount: 409,
    reasons.LastAdmin: 409,
    reasons.RequestPending: 409,
    reasons.NoStudent: 409,
    reasons.RequestDecided: 409,
    reasons.EmailUnverified: 403,
    reasons.RegistrationClosed: 403,
    reasons.EmailTaken: 409,
    reasons.PaymentRequired: 402,
    reasons.CourseFull: 409,
    reasons.CategoryInUse: 409,
    reasons.CategoryExists: 409,
    lifecycle.WrongStatus: 409,
    lifecycle.ReviewNeeded: 409,
    arrangement.OrderIncomplete: 409,
    reasons.AlreadyReviewed: 409,
    reasons.AlreadyReported: 409,
    reasons.AlreadyResolved: 409,
    moderation.ActionImpossible: 409,
    reasons.KeyReused: 409,
    reasons.KeyBusy: 409,
    reasons.BodyTooLarge: 413,
    reasons.UnsupportedType: 415,
    media_refusals.MediaOff: 404,
    media_refusals.MediaAway: 503,
    media_refusals.MediaFull: 503,
    media_refusals.BadOffer: 400,
    reasons.MalformedJson: 400,
    reasons.NoSuchRoute: 404,
    reasons.WrongMethod: 405,
    reasons.BadRequest: 400,
    content.TypeNotAllowed: 422,
    content.FileTooLarge: 413,
    content.UploadMismatch: 422,
    certificate_reasons.NotCompleted: 409,
    certificate_reasons.NoCertificate: 409,
    certificate_reasons.CertificateRevoked: 410,
    content_reasons.BadLink: 403,
    content_reasons.LinkExpired: 403,
    content_reasons.UploadIncomplete: 409,
    content_reasons.UploadStalled: 408,
    content_reasons.UploadOver: 409,
    content_reasons.TooManyUploads: 409,
    content_reasons.StorageFull: 409,
    content_reasons.RangeOutside: 416,
    reasons.InternalError: 500,
}

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_SECONDS = 1
_encode = msgspec.json.Encoder().encode


class RefusedRequest(Exception):
    """Carries a refusal out of a handler or a dependency to the one place that answers it."""

    def __init__(self, refusal: Refusal, headers: dict[str, str] | None = None) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal
        self.headers = headers or {}


@dataclass(frozen=True)
class Problem:
    """A refusal ready to be sent."""

    status: int
    headers: dict[str, str]
    body: bytes

    def response(self) -> Response:
        """The same as a response."""
        return Response(self.body, self.status, self.headers, MEDIA_TYPE)


def problem_of(refusal: Refusal, path: str, correlation_id: str, headers: dict[str, str] | None = None) -> Problem:
    """The problem document for `refusal` at `path`. Unknown reasons are a fault of ours: 500, without their details."""
    status = STATUSES.get(type(refusal))
    if status is None:
        refusal, status = reasons.InternalError(), 500
    sent = dict(headers or {})
    details = refusal.details()
    if refusal.retry:
        details = {**details, "retry": True}
        seconds = refusal.retry_after_seconds if isinstance(refusal, live.RateLimited) else _RETRY_AFTER_SECONDS
        sent["Retry-After"] = str(seconds)
    if status == 401:
        sent["WWW-Authenticate"] = "Bearer"
    document: dict[str, Any] = {
        "type": f"urn:lyceum:problem:{refusal.code}",
        "title": refusal.code.replace("_", " ").capitalize(),
        "status": status,
        "detail": refusal.message(),
        "instance": path,
        "errorCode": refusal.code,
        "message": refusal.message(),
        "details": details,
        "correlationId": correlation_id,
    }
    return Problem(status, sent, _encode(document))
