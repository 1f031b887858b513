"""Routes by which files come in: announced, put at a signed address, checked."""

import asyncio
from typing import Annotated, Literal, Self

from fastapi import Path, Query, Request, Response
from pydantic import Field, StringConstraints, model_validator

from classroom.callers import Caller, Role
from classroom.content import PURPOSES, admit
from classroom.ids import CourseId
from classroom.refusals import Forbidden, NotEnrolled, NotFound, Refusal, Unavailable
from classroom.times import SECOND, Moment
from persistence.media import MediaRow, NewMedia, TooMany, incoming_key
from serve_app.composition import EdgeConfig, Parts
from serve_app.content_reasons import StorageFull, TooManyUploads, UploadOver
from serve_app.once import OnceRoute
from serve_app.problems import RefusedRequest
from serve_app.receiving import check_arrived, check_head, store_body
from serve_app.signing import UploadPass, signer_of
from serve_app.visits import Config, CurrentVisit, Me, Use, uuid_or_404
from serve_app.wire import Line, Time, Wire, new_router, problems

UPLOAD_SECONDS = 3_600
AT_ONCE = 64
"""So many files one replica takes in at the same time; more are told to come again."""

router = new_router("/api", "uploads", OnceRoute)

MediaIdInPath = Annotated[str, Path(alias="mediaId")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$"), Field(description="Of the file, in hexadecimal.")]
ContentType = Annotated[str, StringConstraints(max_length=200, pattern=r"^[a-z0-9]+/[a-z0-9.+-]+$")]


class UploadRequest(Wire):
    """A file that will come. `courseId` may be left out for an avatar only."""

    filename: Line
    content_type: ContentType
    size_bytes: Annotated[int, Field(strict=True, ge=1, le=1 << 40)]
    course_id: str | None = None
    purpose: Literal["lesson", "submission", "thumbnail", "avatar"] = "lesson"
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _names_a_course(self) -> Self:
        if self.course_id is None and self.purpose != "avatar":
            raise ValueError("courseId is needed for this purpose")
        return self


class Completion(Wire):
    """What the sender knows about the file that it has sent."""

    sha256: Sha256 | None = None


class UploadTicket(Wire):
    """Where to send the file, and with which headers. Then `POST /uploads/{mediaId}/complete`."""

    upload_url: str
    method: Literal["PUT"]
    headers: dict[str, str]
    media_id: str
    expires_at: Time


class MediaView(Wire):
    """A file. Only one that is `ready` may be linked to; `rejection` says why one is `rejected`."""

    media_id: str
    purpose: str
    course_id: str | None
    filename: str
    content_type: str
    size_bytes: int
    status: str = Field(json_schema_extra={"enum": ["pending", "checking", "ready", "rejected"]})
    rejection: str | None
    sha256: str | None
    duration_seconds: int | None
    renditions: list[int]
    created_at: Time
    ready_at: Time | None


@router.post("/uploads/signed-url", responses=problems(400, 401, 403, 404, 409, 413, 415))
async def announce_upload(body: UploadRequest, me: Me, parts: Use, config: Config, visit: CurrentVisit) -> UploadTicket:
    """Announce a file and get the address to which it is put within an hour. Into an S3 store it goes directly."""
    purpose = PURPOSES[body.purpose]
    await _check_right(body, me, parts)
    kind = admit(purpose, body.content_type, body.size_bytes)
    if isinstance(kind, Refusal):
        raise RefusedRequest(kind)
    now = parts.clock()
    until = now // SECOND + UPLOAD_SECONDS
    new = NewMedia(
        id=visit.entity_id or parts.new_id(),
        purpose=body.purpose,
        course_id=CourseId(body.course_id.lower()) if body.course_id is not None else None,
        owner_id=me.user_id,
        filename=body.filename,
        content_type=kind.content_type,
        size_bytes=body.size_bytes,
        sha256=body.sha256,
        expires_at=Moment(until * SECOND),
    )
    row = await parts.stores.media.announce(new, purpose.most_stored, now)
    if isinstance(row, TooMany):
        raise RefusedRequest(TooManyUploads(row.limit) if row.what == "uploads" else StorageFull(row.limit))
    return await _ticket(row, until, now, parts, config)


@router.put(
    "/uploads/{mediaId}",
    status_code=204,
    responses=problems(400, 403, 404, 408, 409, 413, 415),
    openapi_extra={
        "requestBody": {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}, "required": True}
    },
)
async def receive_upload(
    media_id: MediaIdInPath,
    request: Request,
    parts: Use,
    config: Config,
    content_type: Annotated[str, Query(alias="type", max_length=200)],
    size: Annotated[int, Query(ge=1, le=1 << 40)],
    expires: Annotated[int, Query(ge=0, le=1 << 40)],
    signature: Annotated[str, Query(max_length=100)],
) -> None:
    """Take in the bytes of a file, at the address that announcing it gave. Sent again they replace those before."""
    given = signer_of(config).open_upload(request.url.path, request.url.query, parts.clock())
    if isinstance(given, Refusal):
        raise RefusedRequest(given)
    check_head(request, given)
    row = await parts.stores.media.find(given.media_id)
    if row is None:
        raise RefusedRequest(NotFound("upload", media_id))
    if row.status != "pending":
        raise RefusedRequest(UploadOver(row.status, row.rejection))
    arriving: asyncio.Semaphore = request.app.state.uploads_arriving
    if arriving.locked():
        raise RefusedRequest(Unavailable("Uploading"))
    async with arriving:
        await store_body(row, request, parts)


@router.post(
    "/uploads/{mediaId}/complete",
    responses={
        202: {"model": MediaView, "description": "The file is read back by a job; ask again."},
        **problems(400, 401, 403, 404, 409, 413, 415),
    },
)
async def complete_upload(
    media_id: MediaIdInPath, me: Me, response: Response, parts: Use, body: Completion | None = None
) -> MediaView:
    """Have the file checked: size, first bytes and SHA-256 must be those that were announced. Then it is `ready`."""
    row = await _own(media_id, me, parts)
    if row.status == "rejected":
        raise RefusedRequest(UploadOver(row.status, row.rejection))
    if row.status != "ready":
        said = body.sha256 if body is not None else None
        row = await check_arrived(row, said, parts)
    response.status_code = 202 if row.status == "checking" else 200
    return media_view(row)


@router.get("/uploads/{mediaId}", responses=problems(401, 403, 404))
async def get_upload(media_id: MediaIdInPath, me: Me, parts: Use) -> MediaView:
    """A file that the caller announced, and what became of it; any for admins."""
    return media_view(await _own(media_id, me, parts))


def media_view(row: MediaRow) -> MediaView:
    """The file as its owner sees it."""
    return MediaView(
        media_id=row.id,
        purpose=row.purpose,
        course_id=row.course_id,
        filename=row.filename,
        content_type=row.content_type,
        size_bytes=row.size_bytes,
        status=row.status,
        rejection=row.rejection,
        sha256=row.sha256.hex() if row.sha256 is not None and row.status == "ready" else None,
        duration_seconds=row.duration_seconds,
        renditions=list(row.renditions),
        created_at=row.created_at,
        ready_at=row.ready_at,
    )


async def _check_right(body: UploadRequest, me: Caller, parts: Parts) -> None:
    """Lessons and thumbnails are their owner's (and admins'), submissions enrolled students', avatars everybody's."""
    if body.course_id is None or body.purpose == "avatar":
        body.course_id = None
        return
    course = await parts.courses.find(CourseId(uuid_or_404(body.course_id, "course")))
    if course is None:
        raise RefusedRequest(NotFound("course", body.course_id))
    if body.purpose == "submission":
        if not await parts.enrollments.is_enrolled(course.id, me.user_id):
            raise RefusedRequest(NotEnrolled(course.id))
    elif me.role is not Role.ADMIN and (me.role is not Role.INSTRUCTOR or course.instructor_id != me.user_id):
        raise RefusedRequest(Forbidden("upload files for somebody else's course"))


async def _ticket(row: MediaRow, until: int, now: Moment, parts: Parts, config: EdgeConfig) -> UploadTicket:
    announced = row.announced_sha256.hex() if row.announced_sha256 is not None else None
    signed = await parts.stores.objects.sign_put(
        incoming_key(row.id), row.content_type, row.size_bytes, announced, UPLOAD_SECONDS, now
    )
    if signed is not None:
        url, headers = signed.url, signed.headers
    else:
        given = UploadPass(row.id, row.content_type, row.size_bytes, until)
        url = config.http_url + signer_of(config).upload_path(given)
        headers = {"content-type": row.content_type, "content-length": str(row.size_bytes)}
    return UploadTicket(upload_url=url, method="PUT", headers=headers, media_id=row.id, expires_at=Moment(until * SECOND))


async def _own(media_id: str, me: Caller, parts: Parts) -> MediaRow:
    row = await parts.stores.media.find(uuid_or_404(media_id, "upload"))
    if row is None:
        raise RefusedRequest(NotFound("upload", media_id))
    if me.role is not Role.ADMIN and row.owner_id != me.user_id:
        raise RefusedRequest(Forbidden("see somebody else's upload"))
    return row
