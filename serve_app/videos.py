"""Routes by which learners get the file of a lesson: where it is, until when, and what the player writes over it."""

from datetime import date
from typing import Annotated

from fastapi import Path, Response
from starlette.responses import RedirectResponse

from classroom.callers import Caller, Role
from classroom.content import email_hash, watermark_text
from classroom.file_kinds import KINDS
from classroom.refusals import Forbidden, NotFound
from persistence.media import MediaRow, ViewRow
from persistence.syllabus import LessonRow
from serve_app.composition import EdgeConfig, Parts
from serve_app.lesson_access import managed_lesson, manages, readable_lesson
from serve_app.media import link_to
from serve_app.problems import RefusedRequest
from serve_app.uploads import MediaIdInPath
from serve_app.visits import Config, CurrentVisit, Me, Use, uuid_or_404
from serve_app.wire import Cursor, Limit, PageOf, Time, Wire, new_router, problems

router = new_router("/api", "content")

LessonIdInPath = Annotated[str, Path(alias="lessonId")]


class Watermark(Wire):
    """What a player moves over the picture. `text` says it all in one line; `emailHash` names the account to us alone."""

    text: str
    name: str
    email_hash: str
    at: Time


class FileLink(Wire):
    """Where a lesson's file can be read until `expiresAt`, by whoever has the address."""

    url: str
    expires_at: Time
    media_id: str
    filename: str
    content_type: str
    size_bytes: int


class VideoLink(FileLink):
    """Where a lesson's video can be played. `hlsUrl` and `posterUrl` are null until they were made, or where nothing makes
    them. `watermark` is null for who is not signed in."""

    duration_seconds: int
    hls_url: str | None
    poster_url: str | None
    watermark: Watermark | None


class LessonView(Wire):
    """That somebody opened a lesson's file on a day (UTC), and how often."""

    user_id: str
    name: str
    day: date
    views: int
    first_at: Time
    last_at: Time


@router.get("/lessons/{lessonId}/video", responses=problems(401, 403, 404))
async def get_lesson_video(lesson_id: LessonIdInPath, visit: CurrentVisit, parts: Use, config: Config) -> VideoLink:
    """Where the video of a lesson is, for who may see the lesson."""
    me = visit.caller
    lesson, row = await _opened(lesson_id, me, "video", parts)
    link = link_to(row, parts, config)
    return VideoLink(
        url=link.url,
        expires_at=link.expires_at,
        media_id=row.id,
        filename=row.filename,
        content_type=row.content_type,
        size_bytes=row.size_bytes,
        duration_seconds=row.duration_seconds if row.duration_seconds is not None else lesson.duration_seconds,
        hls_url=link_to(row, parts, config, "hls").url if row.renditions else None,
        poster_url=link_to(row, parts, config, "poster").url if row.has_poster else None,
        watermark=await _watermark(me, parts) if me is not None else None,
    )


@router.get("/lessons/{lessonId}/file", responses=problems(401, 403, 404))
async def get_lesson_file(lesson_id: LessonIdInPath, visit: CurrentVisit, parts: Use, config: Config) -> FileLink:
    """Where the file of a lesson is, for who may see the lesson."""
    me = visit.caller
    _, row = await _opened(lesson_id, me, "file", parts)
    return _file_link(row, parts, config)


@router.get("/uploads/{mediaId}/file", responses=problems(401, 403, 404))
async def get_uploaded_file(media_id: MediaIdInPath, me: Me, parts: Use, config: Config) -> FileLink:
    """Where a file is that somebody uploaded, such as a submission: for who did, the course's instructor, and admins."""
    row = await parts.stores.media.find(uuid_or_404(media_id, "upload"))
    if row is None or row.status != "ready":
        raise RefusedRequest(NotFound("upload", media_id))
    if me.user_id != row.owner_id:
        course = await parts.courses.find(row.course_id) if row.course_id is not None else None
        if me.role is not Role.ADMIN and (course is None or not manages(me, course.instructor_id)):
            raise RefusedRequest(Forbidden("see somebody else's upload"))
    return _file_link(row, parts, config)


@router.get(
    "/videos/{lessonId}/stream",
    status_code=302,
    responses={302: {"description": "The video, which serves ranges, is at `Location`."}, **problems(401, 403, 404)},
    response_class=Response,
)
async def stream_video(lesson_id: LessonIdInPath, visit: CurrentVisit, parts: Use, config: Config) -> Response:
    """Go to the video of a lesson."""
    me = visit.caller
    _, row = await _opened(lesson_id, me, "video", parts)
    return RedirectResponse(link_to(row, parts, config).url, 302, {"Cache-Control": "no-store"})


@router.get("/lessons/{lessonId}/views", responses=problems(401, 403, 404))
async def list_lesson_views(
    lesson_id: LessonIdInPath, me: Me, parts: Use, limit: Limit = 20, cursor: Cursor = None
) -> PageOf[LessonView]:
    """Who opened the lesson's file, by day, the latest first; for the course's instructor and admins."""
    lesson = await managed_lesson(lesson_id, me, parts)
    page = await parts.stores.media.list_views(lesson.id, limit, cursor)
    return PageOf[LessonView](items=[_view(row) for row in page.items], next_cursor=page.next_cursor)


async def _opened(lesson_id: str, me: Caller | None, what: str, parts: Parts) -> tuple[LessonRow, MediaRow]:
    """The lesson and its file, counted as seen by who is signed in."""
    lesson = await readable_lesson(lesson_id, me, parts)
    row = await parts.stores.media.find(lesson.media_id) if lesson.media_id is not None else None
    if row is None or row.status != "ready" or (what == "video" and KINDS[row.content_type].family != "video"):
        raise RefusedRequest(NotFound(what, lesson_id))
    if me is not None:
        await parts.stores.media.count_view(me.user_id, lesson.id, parts.clock())
    return lesson, row


def _file_link(row: MediaRow, parts: Parts, config: EdgeConfig) -> FileLink:
    link = link_to(row, parts, config)
    return FileLink(
        url=link.url,
        expires_at=link.expires_at,
        media_id=row.id,
        filename=row.filename,
        content_type=row.content_type,
        size_bytes=row.size_bytes,
    )


async def _watermark(me: Caller, parts: Parts) -> Watermark:
    account = await parts.accounts.find(me.user_id)
    if account is None:
        raise RefusedRequest(NotFound("user", me.user_id))
    now = parts.clock()
    text = watermark_text(account.name, account.email, now)
    return Watermark(text=text, name=account.name, email_hash=email_hash(account.email), at=now)


def _view(row: ViewRow) -> LessonView:
    return LessonView(
        user_id=row.user_id, name=row.user_name, day=row.day, views=row.views, first_at=row.first_at, last_at=row.last_at
    )
