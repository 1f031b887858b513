"""Routes of live video: publishing by WHIP (RFC 9725), watching by WHEP (draft-ietf-wish-whep), and how a page does it."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import Path, Query, Request, Response

from classroom.answers import Refused
from classroom.callers import Caller
from classroom.ids import SessionId
from classroom.live.commands import OpenMedia
from classroom.media_refusals import BadOffer, MediaAway, MediaOff
from classroom.refusals import AlreadyEnded, ClassEnded, NotFound, NotOnStage
from realtime.sfu.desk import Opened, Source
from serve_app.composition import EdgeConfig, Parts
from serve_app.problems import RefusedRequest
from serve_app.reasons import UnsupportedType
from serve_app.visits import Config, Me, Use, uuid_or_404
from serve_app.wire import IdInPath, Wire, new_router, problems

router = new_router("/api/live-sessions/{id}/media", "live video")

SDP = "application/sdp"
_SDP_TEXT: dict[str, Any] = {SDP: {"schema": {"type": "string"}}}
_OFFER = {"requestBody": {"required": True, "content": _SDP_TEXT}}
_HEADERS = {
    "Location": {"description": "The media session; DELETE it to stop.", "schema": {"type": "string"}},
    "Link": {"description": 'STUN and TURN servers, `rel="ice-server"`.', "schema": {"type": "string"}},
}
_OPENED: dict[int | str, dict[str, Any]] = {
    201: {"description": "The SDP answer.", "content": _SDP_TEXT, "headers": _HEADERS},
    **problems(400, 401, 403, 404, 410, 413, 415),
}

MediaIdInPath = Annotated[str, Path(alias="mediaId", max_length=200)]


class IceServerView(Wire):
    """A STUN or TURN server, as `RTCPeerConnection` takes it."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class LivekitView(Wire):
    """Where the LiveKit server is, and a token for the room of this class."""

    url: str
    token: str


class MediaPlan(Wire):
    """How the pictures of a class travel: through this site, through a LiveKit server, or not at all."""

    mode: Literal["embedded", "livekit", "off"]
    ice_servers: list[IceServerView]
    livekit: LivekitView | None


@router.get("", response_model=MediaPlan, responses=problems(401, 403, 404, 410))
async def get_media_plan(session_id: IdInPath, me: Me, parts: Use, config: Config) -> Response:
    """How to watch this class, for who may: a seat or the staff's right is needed. Ask again when the stage changes: with
    LiveKit the token says whether its bearer may publish."""
    ident = SessionId(uuid_or_404(session_id, "live session"))
    await _may(ident, me, OpenMedia("watch", "camera", ()), parts)
    livekit = None
    if config.livekit is not None:
        may_publish = await _may(ident, me, OpenMedia("publish", "camera", ()), parts)
        token = config.livekit.token(me, ident, may_publish, parts.clock())
        livekit = {"url": config.livekit.url, "token": token}
    servers = [server.described() for server in config.ice_servers]
    plan = {"mode": config.media_mode, "iceServers": servers, "livekit": livekit}
    return Response(msgspec.json.encode(plan), 200, media_type="application/json")


@router.post("/publish", status_code=201, response_class=Response, responses=_OPENED, openapi_extra=_OFFER)
async def publish_media(
    session_id: IdInPath,
    request: Request,
    me: Me,
    parts: Use,
    config: Config,
    source: Annotated[Source, Query(description="The camera with the microphone, or the screen with its sound.")] = "camera",
) -> Response:
    """Send pictures and sound into the class: its staff, and students on the stage (WHIP). Each request is a new session."""
    ident, offer = await _read(session_id, request, config)
    return _opened(await parts.streams.publish(ident, me, source, offer), ident, config)


@router.post("/watch", status_code=201, response_class=Response, responses=_OPENED, openapi_extra=_OFFER)
async def watch_media(session_id: IdInPath, request: Request, me: Me, parts: Use, config: Config) -> Response:
    """Receive the pictures and sound of the class: who has a seat, and its staff (WHEP). Each request is a new session."""
    ident, offer = await _read(session_id, request, config)
    return _opened(await parts.streams.watch(ident, me, offer), ident, config)


@router.options("/publish", include_in_schema=False)
@router.options("/watch", include_in_schema=False)
async def describe_media_endpoint() -> Response:
    """What may be sent here (RFC 9725, section 4.2)."""
    return Response(status_code=200, headers={"Accept-Post": SDP, "Allow": "POST, OPTIONS"})


# There is no PATCH: candidates need not trickle (browsers are learned from their packets), and ICE is not restarted, so the
# answer to it is 405 (RFC 9725, section 4.2). A page that lost its way begins a new session.
@router.delete("/{mediaId}", status_code=204, responses=problems(401, 404))
async def close_media(session_id: IdInPath, media_id: MediaIdInPath, me: Me, parts: Use) -> None:
    """End a media session that the caller has opened."""
    ident = SessionId(uuid_or_404(session_id, "live session"))
    closed = await parts.streams.close_session(ident, me, media_id)
    if isinstance(closed, Refused):
        raise _refused(closed)
    if not closed:
        raise RefusedRequest(NotFound("media session", media_id))


async def _may(session_id: SessionId, me: Caller, command: OpenMedia, parts: Parts) -> bool:
    """Whether the class allows it. Asked without nodes, so that nothing is placed: allowed is what fails for that alone."""
    answer = await parts.live.execute(session_id, me, command)
    if not isinstance(answer, Refused) or isinstance(answer.refusal, MediaAway):
        return True
    if command.purpose == "publish" and isinstance(answer.refusal, NotOnStage):
        return False
    raise _refused(answer)


async def _read(session_id: str, request: Request, config: EdgeConfig) -> tuple[SessionId, str]:
    ident = SessionId(uuid_or_404(session_id, "live session"))
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != SDP:
        raise RefusedRequest(UnsupportedType("an SDP offer, sent as application/sdp"))
    if config.media_mode != "embedded":
        raise RefusedRequest(MediaOff())
    try:
        return ident, (await request.body()).decode()
    except UnicodeDecodeError as error:
        raise RefusedRequest(BadOffer("The offer is not text.")) from error


def _opened(opened: Opened | Refused, session_id: SessionId, config: EdgeConfig) -> Response:
    if isinstance(opened, Refused):
        raise _refused(opened)
    location = f"/api/live-sessions/{session_id}/media/{opened.media_id}"
    response = Response(opened.answer, 201, {"Location": location}, SDP)
    for server in config.ice_servers:
        for link in server.links():
            response.headers.append("Link", link)
    return response


def _refused(answer: Refused) -> RefusedRequest:
    """A class that is over is gone for its staff, too: there is nothing left to watch (410, and not their 409)."""
    return RefusedRequest(ClassEnded() if isinstance(answer.refusal, AlreadyEnded) else answer.refusal)
