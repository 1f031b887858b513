"""Files that people uploaded: announced, received, checked, ready; and who looked at them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import Date, Row, Select, delete, func, literal, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert as pg_insert

from classroom.ids import CourseId, LessonId, UserId
from classroom.times import SECOND, Moment, to_datetime
from persistence.arranging import note_duration
from persistence.database import Database
from persistence.jobs import enqueue
from persistence.models import ID, User
from persistence.pages import Page, read_cursor, write_cursor
from persistence.tables.media import MediaFile, MediaView

CHECK_JOB = "media.check"
RENDITIONS_JOB = "media.renditions"
INCOMING = "incoming"
MOST_PENDING = 50
"""So many files one person may have announced and not finished."""
_GRACE = 86_400 * SECOND  # an upload that began in time may take as long


@dataclass(frozen=True)
class NewMedia:
    """A file that is announced. `sha256` is in hexadecimal, or None."""

    id: str
    purpose: str
    course_id: CourseId | None
    owner_id: UserId
    filename: str
    content_type: str
    size_bytes: int
    sha256: str | None
    expires_at: Moment


@dataclass(frozen=True)
class MediaRow:
    """A file (see `MediaFile` for its states)."""

    id: str
    purpose: str
    course_id: CourseId | None
    owner_id: UserId
    filename: str
    content_type: str
    size_bytes: int
    announced_sha256: bytes | None
    status: str
    rejection: str | None
    object_key: str | None
    sha256: bytes | None
    created_at: Moment
    expires_at: Moment
    ready_at: Moment | None
    duration_seconds: int | None
    renditions: tuple[int, ...]
    has_poster: bool


@dataclass(frozen=True)
class TooMany:
    """Why a file cannot be announced: too many are unfinished (`uploads`), or too much is stored (`bytes`)."""

    what: str
    limit: int


@dataclass(frozen=True)
class ViewRow:
    """That somebody opened a lesson's file on a day (UTC), and how often."""

    user_id: UserId
    user_name: str
    day: date
    views: int
    first_at: Moment
    last_at: Moment


class Media:
    """The files. Every call raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def announce(self, new: NewMedia, most_stored: int | None, now: Moment) -> MediaRow | TooMany:
        """Note that a file will come; the same id again is answered with what it made. `most_stored` bounds the bytes that
        its owner may have stored for this purpose."""
        mine = (MediaFile.owner_id == new.owner_id, MediaFile.id != new.id)
        async with self._database.writing() as connection:
            # One announcement of a person after the other, so that two at once do not both find room.
            await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:who, 7))"), {"who": new.owner_id})
            pending = select(func.count()).where(*mine, MediaFile.status == "pending")
            if (await connection.execute(pending)).scalar_one() >= MOST_PENDING:
                return TooMany("uploads", MOST_PENDING)
            if most_stored is not None:
                kept = (*mine, MediaFile.purpose == new.purpose, MediaFile.status != "rejected")
                stored = (await connection.execute(select(func.sum(MediaFile.size_bytes)).where(*kept))).scalar_one() or 0
                if stored + new.size_bytes > most_stored:
                    return TooMany("bytes", most_stored)
            await connection.execute(
                pg_insert(MediaFile)
                .values(
                    id=new.id,
                    purpose=new.purpose,
                    course_id=new.course_id,
                    owner_id=new.owner_id,
                    filename=new.filename,
                    content_type=new.content_type,
                    size_bytes=new.size_bytes,
                    announced_sha256=bytes.fromhex(new.sha256) if new.sha256 is not None else None,
                    created_at=now,
                    expires_at=new.expires_at,
                )
                .on_conflict_do_nothing(index_elements=[MediaFile.id])
            )
            return _media((await connection.execute(_all().where(MediaFile.id == new.id))).one())

    async def find(self, media_id: str) -> MediaRow | None:
        """The file in whatever state, or None."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_all().where(MediaFile.id == media_id))).one_or_none()
        return _media(row) if row is not None else None

    async def receive(self, media_id: str, key: str, sha256: bytes | None) -> tuple[bool, str | None]:
        """Note where bytes have come to lie, if the file still waits for some; else False. With it comes the key of those
        that came before, which nobody needs any more."""
        async with self._database.writing() as connection:
            waiting = (MediaFile.id == media_id, MediaFile.status == "pending")
            before = (await connection.execute(select(MediaFile.object_key).where(*waiting).with_for_update())).one_or_none()
            if before is None:
                return False, None
            await connection.execute(update(MediaFile).where(*waiting).values(object_key=key, sha256=sha256))
            return True, before.object_key

    async def begin_check(self, media_id: str, key: str) -> bool:
        """Have a job read back what lies at `key`; False when the file waits for nothing any more."""
        waiting = (MediaFile.id == media_id, MediaFile.status.in_(("pending", "checking")), MediaFile.object_key == key)
        async with self._database.writing() as connection:
            done = await connection.execute(update(MediaFile).where(*waiting).values(status="checking"))
            if done.rowcount > 0:
                await enqueue(connection, CHECK_JOB, {"mediaId": media_id}, key=media_id)
            return done.rowcount > 0

    async def accept(
        self, media_id: str, key: str, sha256: bytes, now: Moment, *, has_picture: bool = True
    ) -> MediaRow | None:
        """Make the file ready with the bytes at `key`; None when it waits for others, or for none. A job then makes
        renditions of a lesson's video, if that has a picture."""
        waiting = (MediaFile.id == media_id, MediaFile.status.in_(("pending", "checking")), MediaFile.object_key == key)
        ready = update(MediaFile).where(*waiting).values(status="ready", sha256=sha256, ready_at=now)
        async with self._database.writing() as connection:
            row = (await connection.execute(ready.returning(*_columns()))).one_or_none()
            if row is None:
                return None
            if has_picture and row.purpose == "lesson" and row.content_type.startswith("video/"):
                await enqueue(connection, RENDITIONS_JOB, {"mediaId": media_id}, key=media_id)
            return _media(row)

    async def reject(self, media_id: str, key: str, why: str) -> bool:
        """Note that the bytes at `key` are not what was announced; False when the file does not wait for these."""
        waiting = (MediaFile.id == media_id, MediaFile.status.in_(("pending", "checking")), MediaFile.object_key == key)
        async with self._database.writing() as connection:
            done = await connection.execute(update(MediaFile).where(*waiting).values(status="rejected", rejection=why))
        return done.rowcount > 0

    async def reject_expired(self, now: Moment, limit: int) -> list[str]:
        """Give up waiting for files whose time was over a day ago; the ids of those and of rejected ones of that age."""
        old = Moment(now - _GRACE)
        left = select(MediaFile.id).where(MediaFile.expires_at < old, MediaFile.status.in_(("pending", "rejected")))
        chosen = left.order_by(MediaFile.expires_at).limit(limit).with_for_update(skip_locked=True)
        async with self._database.writing() as connection:
            done = await connection.execute(
                update(MediaFile)
                .where(MediaFile.id.in_(chosen))
                .values(status="rejected", rejection=func.coalesce(MediaFile.rejection, "The upload was never finished."))
                .returning(MediaFile.id)
            )
            return [str(found) for found in done.scalars()]

    async def forget(self, media_id: str) -> None:
        """Drop the row of a rejected file whose objects are gone."""
        async with self._database.writing() as connection:
            await connection.execute(delete(MediaFile).where(MediaFile.id == media_id, MediaFile.status == "rejected"))

    async def note_playback(
        self, media_id: str, duration_seconds: int, heights: Sequence[int], has_poster: bool, now: Moment
    ) -> None:
        """Write down how long a video is and what was made of it. Lessons that show it get its length."""
        values = {"renditions": list(heights), "has_poster": has_poster, "duration_seconds": duration_seconds}
        async with self._database.writing() as connection:
            await connection.execute(update(MediaFile).where(MediaFile.id == media_id).values(**values))
        # Apart: who adds a lesson holds the course and waits for the file, and this holds the course.
        async with self._database.writing() as connection:
            await note_duration(connection, media_id, duration_seconds, now)

    async def count_view(self, user_id: UserId, lesson_id: LessonId, now: Moment) -> None:
        """Count that somebody opened the lesson's file."""
        new = pg_insert(MediaView).values(
            user_id=user_id, lesson_id=lesson_id, day=to_datetime(now).date(), views=1, first_at=now, last_at=now
        )
        async with self._database.writing() as connection:
            await connection.execute(
                new.on_conflict_do_update(
                    index_elements=[MediaView.user_id, MediaView.lesson_id, MediaView.day],
                    set_={
                        "views": func.least(MediaView.views + 1, 1_000_000_000),
                        "last_at": func.greatest(MediaView.last_at, new.excluded.last_at),
                    },
                )
            )

    async def list_views(self, lesson_id: str, limit: int, cursor: str | None) -> Page[ViewRow]:
        """Who opened the lesson's file on which day, the latest day first. Raises BadCursor."""
        after = read_cursor(cursor, "moment", "id")
        statement = (
            select(MediaView.user_id, User.name, MediaView.day, MediaView.views, MediaView.first_at, MediaView.last_at)
            .join(User, User.id == MediaView.user_id)
            .where(MediaView.lesson_id == lesson_id)
            .order_by(MediaView.day.desc(), MediaView.user_id.desc())
            .limit(limit + 1)
        )
        if after is not None:
            last = tuple_(literal(to_datetime(Moment(int(after[0]))).date(), Date), literal(after[1], ID))
            statement = statement.where(tuple_(MediaView.day, MediaView.user_id) < last)
        async with self._database.reading() as connection:
            found = [_view(row) for row in (await connection.execute(statement)).all()]
        more = len(found) > limit
        # Every view of a day lies within it, so the moment stands for the day.
        return Page(found[:limit], write_cursor(found[limit - 1].last_at, found[limit - 1].user_id) if more else None)


def incoming_key(media_id: str) -> str:
    """Where clients put a file into a remote store. It is moved away before it is looked at, so that nobody can change it
    after that with the address that is still good."""
    return f"{INCOMING}/{media_id}"


def folder_of(media_id: str) -> str:
    """Under which everything lies that belongs to a file."""
    return f"media/{media_id}"


def _columns() -> list[Any]:
    return [MediaFile.__table__.columns[each.name] for each in fields(MediaRow)]


def _all() -> Select[Any]:
    return select(*_columns())


def _media(row: Row[Any]) -> MediaRow:
    values = {each.name: getattr(row, each.name) for each in fields(MediaRow)}
    return MediaRow(**{**values, "renditions": tuple(row.renditions)})


def _view(row: Sequence[Any]) -> ViewRow:
    values: tuple[Any, ...] = tuple(row)
    return ViewRow(*values)
