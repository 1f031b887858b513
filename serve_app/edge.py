"""The outermost layer of the HTTP edge: who is asking, how often, how much; headers; the access log; faults of ours."""

import re
import time
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from classroom.refusals import RateLimited, Refusal, Unavailable
from persistence.errors import StoreAway
from persistence.rate_limits import Allowance
from serve_app.composition import EdgeConfig, Parts
from serve_app.passwords import TooBusy
from serve_app.problems import RefusedRequest, problem_of
from serve_app.reasons import BodyTooLarge, InternalError, NotJson
from serve_app.visits import Visit

BODY_LIMIT = 1 << 20
_REQUEST_ID = re.compile(r"[!-~]{1,200}")
_LIVE_DOOR = re.compile(r"/api/live-sessions/[^/]+/(?:join|leave|status)")
_UNLIMITED = frozenset({"/api/health", "/api/openapi.json", "/api/docs"})
_log: structlog.stdlib.BoundLogger = structlog.get_logger("lyceum.http")


class Edge:
    """ASGI middleware around everything. `scope["state"]["visit"]` is the `Visit` for whoever handles the request."""

    def __init__(self, app: ASGIApp, config: EdgeConfig) -> None:
        self._app = app
        self._config = config
        self._headers = _security_headers(config)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other ASGI scopes (lifespan) pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parts: Parts = scope["app"].state.parts
        headers: dict[bytes, bytes] = dict(scope["headers"])
        visit = _visit(scope, headers, parts)
        scope.setdefault("state", {})["visit"] = visit
        reply = _Reply(send, visit, self._headers, scope, self._config.server_adds_request_id)
        try:
            refusal = _framing(scope, headers)
            if refusal is None and scope["path"].startswith("/api/"):
                reply.allowance = await self._allowance(scope["path"], visit, parts)
                if reply.allowance is not None and not reply.allowance.allowed:
                    refusal = RateLimited(reply.allowance.reset_seconds)
            if refusal is not None:
                await reply.refuse(refusal)
            else:
                await self._app(scope, _bounded(receive), reply)
        except Exception as error:
            await self._failed(error, reply)
        finally:
            reply.log()

    async def _allowance(self, path: str, visit: Visit, parts: Parts) -> Allowance | None:
        if _LIVE_DOOR.fullmatch(path):
            return parts.limits.hit_live(visit.who)
        return None if path in _UNLIMITED else await parts.limits.hit(visit.who)

    async def _failed(self, error: Exception, reply: "_Reply") -> None:
        refusal = refusal_of(error)
        if isinstance(refusal, InternalError):
            _log.error("fault", correlationId=reply.visit.correlation_id, exc_info=error)
        elif isinstance(error, StoreAway):
            _log.warning("store away", correlationId=reply.visit.correlation_id, reason=str(error)[:200])
        if reply.status is None:
            await reply.refuse(refusal, error.headers if isinstance(error, RefusedRequest) else None)
        # Otherwise half an answer is on its way; the server cuts the connection, and the log says why.


def refusal_of(error: Exception) -> Refusal:
    """What an exception means to whoever asked."""
    if isinstance(error, RefusedRequest):
        return error.refusal
    if isinstance(error, StoreAway):
        return Unavailable("The service")
    if isinstance(error, TooBusy):
        return Unavailable("Sign-in")
    if isinstance(error, TooLarge):
        return BodyTooLarge(BODY_LIMIT)
    return InternalError()


class TooLarge(HTTPException):
    """More bytes came than a body may have. An HTTPException, because FastAPI lets only those out of reading a body."""

    def __init__(self) -> None:
        super().__init__(413)


def _visit(scope: Scope, headers: dict[bytes, bytes], parts: Parts) -> Visit:
    said = headers.get(b"x-request-id", b"").decode("latin-1")
    client = scope.get("client")
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    claims = parts.tokens.check(token.strip(), parts.clock()) if scheme.lower() == "bearer" else None
    key = headers.get(b"idempotency-key")
    return Visit(
        correlation_id=said if _REQUEST_ID.fullmatch(said) else parts.new_id(),
        address=_address(headers, client[0] if client else "unknown"),
        claims=claims,
        idempotency_key=key.decode("latin-1")[:200] if key else None,
    )


def _address(headers: dict[bytes, bytes], peer: str) -> str:
    """Where the request came from. The proxy in front of a replica adds the last `X-Forwarded-For`; what a client wrote
    before it counts for nothing, and without a proxy in front the header counts for nothing at all."""
    forwarded = headers.get(b"x-forwarded-for")
    if forwarded is None or peer not in ("127.0.0.1", "::1"):
        return peer
    return forwarded.decode("latin-1").rpartition(",")[2].strip()[:64] or peer


def _framing(scope: Scope, headers: dict[bytes, bytes]) -> Refusal | None:
    if scope["method"] not in ("POST", "PUT", "PATCH") or not scope["path"].startswith("/api/"):
        return None
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > BODY_LIMIT:
        return BodyTooLarge(BODY_LIMIT)
    if length in (b"", b"0") and b"transfer-encoding" not in headers:
        return None
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return None if kind == b"application/json" or kind.endswith(b"+json") else NotJson()


def _bounded(receive: Receive) -> Receive:
    """`receive` that raises `TooLarge` when a body of unknown length outgrows the limit."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > BODY_LIMIT:
            raise TooLarge
        return message

    return bounded


class _Reply:
    """The way back: adds headers, remembers what was said."""

    def __init__(
        self, send: Send, visit: Visit, headers: list[tuple[bytes, bytes]], scope: Scope, id_is_added: bool
    ) -> None:
        self._send = send
        self._headers = headers
        self._id_is_added = id_is_added
        self._scope = scope
        self._began = time.perf_counter()
        self.visit = visit
        self.status: int | None = None
        self.allowance: Allowance | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._extra(message.get("headers", ()))]
        await self._send(message)

    def _extra(self, given: Any) -> list[tuple[bytes, bytes]]:
        names = {name.lower() for name, _ in given}
        extra = [header for header in self._headers if header[0] not in names]
        if not self._id_is_added:
            extra.append((b"x-request-id", self.visit.correlation_id.encode("latin-1")))
        if self._scope["path"].startswith("/api/") and b"cache-control" not in names:
            extra.append((b"cache-control", b"no-store"))
        if self.allowance is not None:
            left = self.allowance
            extra += [
                (b"ratelimit-limit", b"%d" % left.limit),
                (b"ratelimit-remaining", b"%d" % left.remaining),
                (b"ratelimit-reset", b"%d" % left.reset_seconds),
            ]
        return extra

    async def refuse(self, refusal: Refusal, headers: dict[str, str] | None = None) -> None:
        """Send a problem instead of an answer."""
        problem = problem_of(refusal, self._scope["path"], self.visit.correlation_id, headers)
        await problem.response()(self._scope, _nothing_more, self)

    def log(self) -> None:
        """One line a request."""
        claims = self.visit.claims
        _log.info(
            "request",
            method=self._scope["method"],
            path=self._scope["path"],
            status=self.status,
            ms=round((time.perf_counter() - self._began) * 1_000, 1),
            user=claims.caller.user_id if claims is not None else None,
            correlationId=self.visit.correlation_id,
        )


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}


def _security_headers(config: EdgeConfig) -> list[tuple[bytes, bytes]]:
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
