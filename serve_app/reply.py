"""The way back of a request: headers that every answer has, and what was said for the log."""

import time
from collections.abc import Iterable

from starlette.types import Message, Scope, Send

from classroom.refusals import Refusal
from persistence.rate_limits import Allowance
from serve_app.access_log import AccessLog, Entry
from serve_app.composition import EdgeConfig
from serve_app.figures import Figures
from serve_app.problems import problem_of
from serve_app.visits import Visit

Header = tuple[bytes, bytes]


class Reply:
    """An ASGI `send` that adds headers to the answer and remembers its status."""

    __slots__ = ("_adds_id", "_began", "_headers", "_scope", "_send", "allowance", "status", "visit")

    def __init__(self, send: Send, visit: Visit, scope: Scope, headers: list[Header], adds_id: bool) -> None:
        self._send = send
        self._headers = headers
        self._scope = scope
        self._adds_id = adds_id
        self._began = time.perf_counter()
        self.visit = visit
        self.status: int | None = None
        self.allowance: Allowance | None = None

    async def __call__(self, message: Message) -> None:
        """Send a message of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given: list[Header] = list(message.get("headers", ()))
            given += self._missing(given)
            message["headers"] = given
        await self._send(message)

    async def refuse(self, refusal: Refusal, headers: dict[str, str] | None = None) -> None:
        """Send a problem as the whole answer."""
        problem = problem_of(refusal, self._scope["path"], self.visit.correlation_id, headers)
        await problem.response()(self._scope, _nothing_more, self)

    def log(self, access_log: AccessLog, figures: Figures, kind: str) -> None:
        """Note the request."""
        claims = self.visit.claims
        seconds = time.perf_counter() - self._began
        figures.count(kind, self._scope["method"], self.status or 0, seconds)
        entry = Entry(
            method=self._scope["method"],
            path=self._scope["path"],
            status=self.status,
            ms=round(seconds * 1_000, 1),
            user=claims.caller.user_id if claims is not None else None,
            correlationId=self.visit.correlation_id,
        )
        access_log.note(entry)

    def _missing(self, given: Iterable[Header]) -> list[Header]:
        names = {name.lower() for name, _ in given}
        missing = [header for header in self._headers if header[0] not in names]
        if self._adds_id:
            missing.append((b"x-request-id", self.visit.correlation_id.encode("latin-1")))
        if b"cache-control" not in names and self._scope["path"].startswith("/api/"):
            missing.append((b"cache-control", b"no-store"))
        left = self.allowance
        if left is not None:
            missing += (
                (b"ratelimit-limit", b"%d" % left.limit),
                (b"ratelimit-remaining", b"%d" % left.remaining),
                (b"ratelimit-reset", b"%d" % left.reset_seconds),
            )
        return missing


def security_headers(config: EdgeConfig) -> list[Header]:
    """What every answer says to browsers, unless it says something else about the same itself."""
    headers = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "strict-origin-when-cross-origin",
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    }
    if config.secure:
        headers["strict-transport-security"] = "max-age=31536000; includeSubDomains"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}
