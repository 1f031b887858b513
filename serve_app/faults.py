"""One function maps what was raised to a refusal, and logs what only we may know."""

import structlog
from starlette.exceptions import HTTPException

from classroom.refusals import Malformed, Refusal, Unavailable
from persistence.errors import StoreAway
from persistence.pages import BadCursor
from serve_app.passwords import TooBusy
from serve_app.problems import RefusedRequest
from serve_app.reasons import BadRequest, BodyTooLarge, InternalError, MalformedJson, NoSuchRoute, WrongMethod

BODY_LIMIT = 1 << 20
SDP_LIMIT = 64 << 10
_log: structlog.stdlib.BoundLogger = structlog.get_logger("lyceum.http")

_BY_STATUS: dict[int, Refusal] = {
    400: MalformedJson(),  # FastAPI's word for a body that is not even text
    404: NoSuchRoute(),
    405: WrongMethod(),
}


class TooLarge(HTTPException):
    """More bytes came than a body may have. An HTTPException, because FastAPI lets only those out of reading a body."""

    def __init__(self, limit: int) -> None:
        super().__init__(413)
        self.limit = limit


def refusal_of(error: Exception, correlation_id: str) -> tuple[Refusal, dict[str, str] | None]:
    """What an exception means to whoever asked, and headers that go with it."""
    if isinstance(error, RefusedRequest):
        return error.refusal, error.headers
    if isinstance(error, TooLarge):
        return BodyTooLarge(error.limit), None
    if isinstance(error, HTTPException):
        return _BY_STATUS.get(error.status_code, BadRequest()), dict(error.headers) if error.headers else None
    if isinstance(error, BadCursor):
        return Malformed((("cursor", "did not come from this list"),)), None
    if isinstance(error, StoreAway):
        _log.warning("store away", correlationId=correlation_id, reason=str(error)[:200])
        return Unavailable("The service"), None
    if isinstance(error, TooBusy):
        return Unavailable("Sign-in"), None
    _log.error("fault", correlationId=correlation_id, exc_info=error)
    return InternalError(), None
