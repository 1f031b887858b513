"""The outermost layer of the HTTP edge: who is asking, how often, how much. The class door is answered from here."""

import re
from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI, Request, Response
from starlette.types import Message, Receive, Scope, Send

from actors.correlation import REQUEST_ID
from classroom.refusals import RateLimited, Refusal, Unavailable
from persistence.denied import Verdict
from persistence.pages import cursor_key
from persistence.rate_limits import Allowance
from serve_app.access_log import AccessLog
from serve_app.composition import EdgeConfig, Parts
from serve_app.docs_page import ASSET_PATHS, DOCS
from serve_app.faults import BODY_LIMIT, SDP_LIMIT, TooLarge, refusal_of
from serve_app.figures import Figures
from serve_app.reasons import AccountDisabled, BadRequest, BodyTooLarge, UnsupportedType
from serve_app.reply import Reply, security_headers
from serve_app.sealing import derived_key
from serve_app.signing import PASSES, signer_of
from serve_app.visits import Visit

Endpoint = Callable[[Request], Awaitable[Response]]

_REQUEST_ID = re.compile(r"[!-~]{1,200}")
_KEY = re.compile(rb"[!-~]{1,200}")
_DOOR = re.compile(r"/api/live-sessions/([^/]+)/(join|leave|status)")
_OFFERS = re.compile(r"/api/live-sessions/[^/]+/media/[^/]+")
_UNLIMITED = frozenset({"/api/health", "/api/openapi.json", DOCS, *ASSET_PATHS})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Edge:
    """ASGI application around FastAPI's. `scope["state"]["visit"]` is the `Visit` for whoever handles the request.

    `door` are the endpoints of the class door by method and last word of the path: they are called straight from here,
    past FastAPI's layers, because a stampede meets nothing else.
    """

    def __init__(
        self, app: FastAPI, config: EdgeConfig, door: Mapping[tuple[str, str], Endpoint], access_log: AccessLog
    ) -> None:
        self._figures: Figures = app.state.figures
        self._app = app
        self._config = config
        self._door = door
        self._access_log = access_log
        self._headers = security_headers(config)
        self._cursor_key = derived_key(config.secret_key, b"cursors")
        self._signer = signer_of(config)
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; the lifespan passes through. Sockets are the gateway's and are turned away here."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parts: Parts = self._app.state.parts
        headers: dict[bytes, bytes] = dict(scope["headers"])
        visit = _visit(scope, headers, parts)
        scope["app"] = self._app
        scope.setdefault("state", {})["visit"] = visit
        reply = Reply(send, visit, scope, self._headers, not self._config.server_adds_request_id)
        at_door = _DOOR.fullmatch(scope["path"])
        self._inside += 1
        REQUEST_ID.set(visit.correlation_id)  # each request has a task, and so a context, of its own
        cursor_key.set(self._cursor_key)
        try:
            carries_pass = self._carries_pass(scope, parts)
            refusal = self._full() or (None if carries_pass else _framing(scope, headers)) or _key_refusal(headers)
            if refusal is None and scope["path"].startswith("/api/") and not carries_pass:
                reply.allowance = parts.limits.hit_live(visit.who) if at_door else await _allowance(scope, visit, parts)
                if reply.allowance is not None and not reply.allowance.allowed:
                    refusal = RateLimited(reply.allowance.reset_seconds)
                elif visit.claims is not None:
                    refusal = await _denial(visit, parts)
            if refusal is not None:
                await reply.refuse(refusal)
                return
            if b"content-length" not in headers and not carries_pass:
                receive = _bounded(receive, _limit_of(scope))
            endpoint = self._door.get((scope["method"], at_door[2])) if at_door else None
            if at_door and endpoint:
                scope["path_params"] = {"id": at_door[1]}
                response = await endpoint(Request(scope, receive))
                await response(scope, receive, reply)
            else:
                await self._app(scope, receive, reply)
        except Exception as error:
            # A fault that FastAPI answered comes by here again; what failed in the middle of an answer, for the first time.
            if reply.status is None:
                refusal, more = refusal_of(error, visit.correlation_id)
                await reply.refuse(refusal, more)
            elif not visit.fault_known:
                refusal_of(error, visit.correlation_id)
        finally:
            self._inside -= 1
            reply.log(self._access_log, self._figures, "door" if at_door else "other")

    def _carries_pass(self, scope: Scope, parts: Parts) -> bool:
        """Whether a file comes in or goes out at a signed address, which says how much of what may pass, and until when."""
        if not scope["path"].startswith(PASSES):
            return False
        return self._signer.is_good(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), parts.clock())

    def _full(self) -> Refusal | None:
        return Unavailable("The service") if self._inside > self._config.most_at_once else None


async def _allowance(scope: Scope, visit: Visit, parts: Parts) -> Allowance | None:
    return None if scope["path"] in _UNLIMITED else await parts.limits.hit(visit.who)


async def _denial(visit: Visit, parts: Parts) -> Refusal | None:
    """Why the access token is refused although it has not expired. One of a sign-in that is over speaks for nobody: the
    request goes on as a visitor's. Looks into memory alone, unless this process has not heard from the others lately."""
    claims, denied = visit.claims, parts.denied
    if claims is None:
        return None
    if not denied.is_sure:
        await denied.make_sure()
    verdict = denied.verdict(claims)
    if verdict is Verdict.DISABLED:
        return AccountDisabled()
    if verdict is Verdict.ENDED:
        visit.claims = None
    return None


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
        idempotency_key=key.decode("latin-1") if key is not None else None,
    )


def _address(headers: dict[bytes, bytes], peer: str) -> str:
    """Where the request came from. The proxy in front of a replica adds the last `X-Forwarded-For`; what a client wrote
    before it counts for nothing, and without a proxy in front the header counts for nothing at all."""
    forwarded = headers.get(b"x-forwarded-for")
    if forwarded is None or peer not in ("127.0.0.1", "::1"):
        return peer
    return forwarded.decode("latin-1").rpartition(",")[2].strip()[:64] or peer


def _framing(scope: Scope, headers: dict[bytes, bytes]) -> Refusal | None:
    """Why the body is not even looked at."""
    if scope["method"] not in _WITH_BODY or not scope["path"].startswith("/api/"):
        return None
    length, limit = headers.get(b"content-length", b""), _limit_of(scope)
    if length.isdigit() and int(length) > limit:
        return BodyTooLarge(limit)
    if limit == SDP_LIMIT or (length in (b"", b"0") and b"transfer-encoding" not in headers):
        return None  # routes that take no JSON look at the type themselves
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return None if kind == b"application/json" or kind.endswith(b"+json") else UnsupportedType()


def _key_refusal(headers: dict[bytes, bytes]) -> Refusal | None:
    key = headers.get(b"idempotency-key")
    if key is None or _KEY.fullmatch(key):
        return None
    return BadRequest("Idempotency-Key", "must be 1 to 200 letters, digits or signs of ASCII, without spaces")


def _limit_of(scope: Scope) -> int:
    return SDP_LIMIT if _OFFERS.fullmatch(scope["path"]) else BODY_LIMIT


def _bounded(receive: Receive, limit: int) -> Receive:
    """`receive` that raises `TooLarge` when a body of unknown length outgrows the limit."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise TooLarge(limit)
        return message

    return bounded
