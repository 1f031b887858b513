"""The door of a class over REST: join, leave, status. This is the hot path: no SQL, no model, no second encoding."""

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute

from classroom.callers import Caller, Role
from classroom.ids import SessionId
from classroom.live.commands import Leave, Look, TakeSeat
from classroom.refusals import Forbidden, Malformed
from serve_app.composition import Parts
from serve_app.live_access import do
from serve_app.live_wire import JoinBody, LiveSessionStatus, RealtimeAddress, RealtimeTicket, Seated, Waitlisted
from serve_app.once import command_once
from serve_app.problems import MEDIA_TYPE as PROBLEM
from serve_app.problems import RefusedRequest
from serve_app.reasons import MalformedJson, Unauthenticated
from serve_app.visits import Me, Use, config_of, parts_of, uuid_or_404, visit_of
from serve_app.wire import new_router, problems

TICKET_SECONDS = 60
_join_body = msgspec.json.Decoder(JoinBody).decode
_quote = msgspec.json.Encoder().encode


class DirectRoute(APIRoute):
    """A route whose endpoint takes the request as it is: FastAPI describes it and stays out of the way."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        return self.endpoint


router = new_router("/api/live-sessions", "live sessions", DirectRoute)
realtime_router = new_router("/api/realtime", "realtime")

_SECURITY: dict[str, Any] = {
    "security": [{"accessToken": []}],
    "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
}
_JOIN_BODY: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "title": "JoinBody",
                    "properties": {"waitlist": {"type": "boolean", "default": True}},
                }
            }
        },
    }
}


@router.post(
    "/{id}/join",
    response_model=Seated,
    responses={
        202: {"model": Waitlisted, "description": "Waiting: all seats are taken."},
        **problems(400, 401, 403, 404, 409, 410, 413, 415),
    },
    openapi_extra={**_SECURITY, **_JOIN_BODY},
)
async def join_live_session(request: Request) -> Response:
    """Take a seat, or a place on the waitlist. Joining again gives the same seat or place."""
    me, session_id, parts = _who_and_where(request)
    if me.role is not Role.STUDENT:
        raise RefusedRequest(Forbidden("take a seat: seats are for students"))
    body = await request.body()
    command = TakeSeat(_parse(body).waitlist if body else True)

    async def send(key: str | None) -> tuple[int, bytes]:
        answer = await do(session_id, me, command, parts, key)
        return 200 if answer.outcome == "seated" else 202, answer.body

    status, answer = await command_once(request, body, send)
    if status not in (200, 202):
        return Response(answer, status, media_type=PROBLEM)
    # The class encoded its answer once; a ticket, each time a new one, goes in before the closing brace.
    spliced = b"".join((answer[:-1], b',"realtime":', await _ticket(me, parts, request), b"}"))
    return Response(spliced, status, media_type="application/json")


@router.post("/{id}/leave", status_code=204, responses=problems(401, 403, 404), openapi_extra=_SECURITY)
async def leave_live_session(request: Request) -> Response:
    """Give the seat or the place back at once. Also 204 when not inside."""
    me, session_id, parts = _who_and_where(request)

    async def send(key: str | None) -> tuple[int, bytes]:
        await do(session_id, me, Leave(), parts, key)
        return 204, b""

    status, answer = await command_once(request, await request.body(), send)
    return Response(status_code=204) if status == 204 else Response(answer, status, media_type=PROBLEM)


@router.get("/{id}/status", response_model=LiveSessionStatus, responses=problems(401, 403, 404), openapi_extra=_SECURITY)
async def get_live_session_status(request: Request) -> Response:
    """The class as it is this moment, and where the caller stands in it."""
    me, session_id, parts = _who_and_where(request)
    return Response((await do(session_id, me, Look(), parts)).body, media_type="application/json")


@realtime_router.get("", responses=problems())
async def get_realtime_address(request: Request, parts: Use) -> RealtimeAddress:
    """Where sockets are opened."""
    return RealtimeAddress(url=await _gateway(parts, request))


@realtime_router.post("/ticket", response_model=RealtimeTicket, responses=problems(401))
async def issue_realtime_ticket(request: Request, me: Me, parts: Use) -> Response:
    """A short-lived key to open one socket with."""
    return Response(await _ticket(me, parts, request), media_type="application/json")


def _who_and_where(request: Request) -> tuple[Caller, SessionId, Parts]:
    claims = visit_of(request).claims
    if claims is None:
        raise RefusedRequest(Unauthenticated())
    session_id = SessionId(uuid_or_404(request.path_params["id"], "live session"))
    return claims.caller, session_id, parts_of(request)


def _parse(body: bytes) -> JoinBody:
    try:
        return _join_body(body)
    except msgspec.ValidationError as error:
        field = "waitlist" if "waitlist" in str(error) else "body"
        raise RefusedRequest(Malformed(((field, "does not fit"),))) from error
    except msgspec.DecodeError as error:
        raise RefusedRequest(MalformedJson()) from error


async def _gateway(parts: Parts, request: Request) -> str:
    urls = await parts.gateways.list_urls()
    return urls[hash(visit_of(request).who) % len(urls)] if urls else config_of(request).socket_url


async def _ticket(me: Caller, parts: Parts, request: Request) -> bytes:
    url = _quote(await _gateway(parts, request))
    ticket = _quote(await parts.tickets.issue(me, TICKET_SECONDS))
    return b'{"url":%b,"ticket":%b,"expiresIn":%d}' % (url, ticket, TICKET_SECONDS)
