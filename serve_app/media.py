"""Routes by which files go out: at signed addresses, in ranges, as what they are and never as a page of ours."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Path, Request, Response
from starlette.responses import StreamingResponse

from classroom.content import disposition
from classroom.file_kinds import KINDS
from classroom.refusals import NotFound, Refusal
from classroom.times import SECOND, Moment
from persistence.media import MediaRow, folder_of
from persistence.object_store import ObjectMissing, ObjectStore
from serve_app.byte_ranges import Span, asked_span, names, still_holds
from serve_app.composition import EdgeConfig, Parts
from serve_app.content_reasons import RangeOutside
from serve_app.problems import RefusedRequest
from serve_app.signing import MediaPass, Part, signer_of
from serve_app.uploads import MediaIdInPath
from serve_app.visits import Config, Use, uuid_or_404
from serve_app.wire import new_router, problems

FILE_SECONDS = 900
PLAYBACK_SECONDS = 6 * 3_600
"""How long an address is good: for a file that is fetched once, and for what a player comes back to."""
_PLAYLIST = "application/vnd.apple.mpegurl"
_PLAYLIST_BYTES = 4 << 20
_RENDITION = re.compile(r"([0-9]{1,5}p/)?index\.m3u8|[0-9]{1,5}p/[0-9]{1,9}\.ts")
"""What the job that makes renditions calls its files."""
_PUBLIC = ("thumbnail", "avatar")
_SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'"
# Viewers do not open a PDF in a sandbox; they run what is in it apart from our origin.
_PDF = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"

router = new_router("/api", "media")

_BODY = {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", **_BODY},
    206: {"description": "The bytes that `Range` asked for.", **_BODY},
    302: {"description": "Where the file is."},
    304: {"description": "It is still the one that `If-None-Match` names."},
    **problems(403, 404, 416),
}
NameInPath = Annotated[str, Path(alias="name", max_length=100)]
PassInPath = Annotated[str, Path(alias="pass", max_length=100)]


@dataclass(frozen=True)
class Link:
    """An address that is good until a moment."""

    url: str
    expires_at: Moment


@dataclass(frozen=True)
class _Served:
    """One object as it is handed out."""

    key: str
    size: int
    content_type: str
    etag: str
    shown_as: str
    policy: str
    keep: str


def link_to(row: MediaRow, parts: Parts, config: EdgeConfig, part: Part = "source") -> Link:
    """Where the bytes of a file that is ready can be read, by whoever has the address: hand it only to who may read it."""
    seconds = PLAYBACK_SECONDS if row.content_type.startswith(("video/", "audio/")) else FILE_SECONDS
    now = parts.clock()
    until = now // SECOND + seconds
    kind = KINDS[row.content_type]
    direct = None
    if part == "source" and row.object_key is not None:
        shown_as = disposition(kind, row.filename)
        direct = parts.stores.objects.sign_get(row.object_key, row.content_type, shown_as, seconds, now)
    path = signer_of(config).media_path(MediaPass(row.id, part, until), "index.m3u8")
    return Link(direct or config.http_url + path, Moment(until * SECOND))


@router.get("/media/{mediaId}", responses=_ANSWERS, response_class=Response)
async def read_media(media_id: MediaIdInPath, request: Request, parts: Use, config: Config) -> Response:
    """The bytes of a file, at an address that another route gave. Knows `Range`, `If-Range` and `If-None-Match`."""
    given = _opened(request, parts, config)
    row = await _ready(media_id, parts)
    return await _serve(_source(row, given.until * SECOND - parts.clock()), request, parts.stores.objects)


@router.head("/media/{mediaId}", responses=_ANSWERS, response_class=Response)
async def head_media(media_id: MediaIdInPath, request: Request, parts: Use, config: Config) -> Response:
    """What `GET` would answer, without the bytes."""
    return await read_media(media_id, request, parts, config)


@router.get("/media/{mediaId}/poster", responses=_ANSWERS, response_class=Response)
async def read_poster(media_id: MediaIdInPath, request: Request, parts: Use, config: Config) -> Response:
    """A picture out of a video."""
    _opened(request, parts, config)
    row = await _ready(media_id, parts)
    if not row.has_poster:
        raise RefusedRequest(NotFound("poster", media_id))
    return await _serve_made(f"{folder_of(row.id)}/poster.jpg", "image/jpeg", request, parts.stores.objects)


@router.get("/media/{mediaId}/hls/{pass}/{name:path}", responses=_ANSWERS, response_class=Response)
async def read_rendition(
    media_id: MediaIdInPath, _pass: PassInPath, name: NameInPath, request: Request, parts: Use, config: Config
) -> Response:
    """A playlist or a segment of a video's renditions (HLS, RFC 8216). Playlists name their segments relative to
    themselves, and so carry the permission on; where a store signs its own addresses they name those."""
    given = _opened(request, parts, config)
    if _RENDITION.fullmatch(name) is None:
        raise RefusedRequest(NotFound("rendition", name))
    kind = _PLAYLIST if name.endswith(".m3u8") else "video/mp2t"
    objects, key = parts.stores.objects, f"{folder_of(uuid_or_404(media_id, 'media'))}/hls/{name}"
    if kind != _PLAYLIST or not objects.is_remote:
        return await _serve_made(key, kind, request, objects)
    try:
        playlist = await objects.read_all(key, _PLAYLIST_BYTES)
    except ObjectMissing as error:
        raise RefusedRequest(NotFound("rendition", name)) from error
    seconds = max(1, given.until - parts.clock() // SECOND)
    lines = _pointed(playlist.decode(), key.rpartition("/")[0], objects, seconds, parts.clock())
    return Response(lines, media_type=_PLAYLIST, headers={"Content-Security-Policy": _SANDBOX})


@router.get("/pictures/{mediaId}", responses=_ANSWERS, response_class=Response)
async def read_picture(media_id: MediaIdInPath, request: Request, parts: Use) -> Response:
    """An avatar or the thumbnail of a course: open to everybody."""
    row = await _ready(media_id, parts)
    if row.purpose not in _PUBLIC:
        raise RefusedRequest(NotFound("picture", media_id))
    return await _serve(_source(row, 3_600 * SECOND, "public"), request, parts.stores.objects)


def _opened(request: Request, parts: Parts, config: EdgeConfig) -> MediaPass:
    given = signer_of(config).open_media(request.url.path, request.url.query, parts.clock())
    if isinstance(given, Refusal):
        raise RefusedRequest(given)
    return given


async def _ready(media_id: str, parts: Parts) -> MediaRow:
    row = await parts.stores.media.find(uuid_or_404(media_id, "media"))
    if row is None or row.status != "ready":
        raise RefusedRequest(NotFound("media", media_id))
    return row


def _source(row: MediaRow, left: int, whose: str = "private") -> _Served:
    kind = KINDS[row.content_type]
    return _Served(
        key=row.object_key or "",
        size=row.size_bytes,
        content_type=row.content_type,
        etag=f'"{(row.sha256 or b"").hex()[:32]}"',
        shown_as=disposition(kind, row.filename),
        policy=_PDF if kind.family == "pdf" else _SANDBOX,
        keep=f"{whose}, max-age={max(0, left // SECOND)}",
    )


async def _serve_made(key: str, content_type: str, request: Request, objects: ObjectStore) -> Response:
    """Hand out what a job has made: written once, and by nobody else."""
    found = await objects.find(key)
    if found is None:
        raise RefusedRequest(NotFound("rendition", key.rpartition("/")[2]))
    etag = f'"{found.size:x}-{found.written_at:x}"'
    return await _serve(
        _Served(key, found.size, content_type, etag, "inline", _SANDBOX, "private, max-age=3600"), request, objects
    )


async def _serve(served: _Served, request: Request, objects: ObjectStore) -> Response:
    """The whole object, a part of it, or that it has not changed."""
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": served.etag,
        "Cache-Control": served.keep,
        "Content-Disposition": served.shown_as,
        "Content-Security-Policy": served.policy,
        "X-Content-Type-Options": "nosniff",
    }
    if served.policy is _PDF:
        headers["X-Frame-Options"] = "SAMEORIGIN"
    if names(request.headers.get("if-none-match"), served.etag):
        return Response(status_code=304, headers=headers)
    span = _span(request, served)
    whole = span or Span(0, served.size)
    headers["Content-Length"] = str(whole.end - whole.start)
    if span is not None:
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{served.size}"
    status = 200 if span is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=served.content_type)
    pieces = await _begun(objects.read(served.key, whole.start, whole.end), served.key)
    return StreamingResponse(pieces, status, headers, served.content_type)


def _span(request: Request, served: _Served) -> Span | None:
    if not still_holds(request.headers.get("if-range"), served.etag):
        return None
    try:
        return asked_span(request.headers.get("range"), served.size)
    except ValueError as error:
        raise RefusedRequest(RangeOutside(served.size), {"Content-Range": f"bytes */{served.size}"}) from error


async def _begun(pieces: AsyncIterator[bytes], key: str) -> AsyncIterator[bytes]:
    """The pieces, of which the first has come: until then the answer may still be another."""
    try:
        first = await anext(pieces, b"")
    except ObjectMissing as error:
        raise RefusedRequest(NotFound("media", key.rpartition("/")[2])) from error

    async def all_of_them() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return all_of_them()


def _pointed(playlist: str, folder: str, objects: ObjectStore, seconds: int, now: Moment) -> str:
    """The playlist with addresses of the store in place of its segments, if the store signs any."""
    lines = []
    for line in playlist.splitlines():
        direct = None
        if line.endswith(".ts") and not line.startswith("#"):
            direct = objects.sign_get(f"{folder}/{line}", "video/mp2t", "inline", seconds, now)
        lines.append(direct or line)
    return "\n".join(lines) + "\n"
