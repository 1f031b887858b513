"""Recordings of classes: their pieces in the object store while they are made, and the lesson that each becomes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid5

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.ids import CourseId, LessonId, UserId
from classroom.refusals import NotFound, Refusal, TooMany
from classroom.times import Moment, from_datetime
from persistence.arranging import MOST_SECTIONS, NewLesson, NewSection, lock_course, write_lesson, write_section
from persistence.database import Database
from persistence.object_store import ObjectStore, ObjectStoreAway
from persistence.tables.syllabus import Lesson, Section

PIECES = "recordings"
SECTION_TITLE = "Recordings"
_MOST_PIECE_BYTES = 32 << 20
_TITLE_LENGTH = 200
_CLASS = text(
    "SELECT course_id::text, title, coalesce(started_at, starts_at) AS began, instructor_id::text "
    "FROM live_sessions WHERE id = CAST(:id AS uuid)"
)


@dataclass(frozen=True)
class Piece:
    """A piece of a recording: of which run of the recorder, the how manieth, and the codecs in it."""

    key: str
    run: str
    number: int
    codecs: tuple[str, ...]
    size: int
    written_at: Moment


class PieceFiles:
    """Pieces as objects `recordings/{session}/{recording}/{run}-{number}.{codecs}`. Runs sort by when they began."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def keep(
        self, session_id: str, recording_id: str, run: str, number: int, codecs: tuple[str, ...], data: bytes
    ) -> None:
        """Store a piece durably. Raises ConnectionError when the store is away."""
        key = ".".join((f"{_folder(session_id, recording_id)}/{run}-{number:06d}", *codecs))
        try:
            await self._objects.put(key, _once(data), "application/octet-stream")
        except ObjectStoreAway as error:
            raise ConnectionError(str(error)) from error

    async def list_(self, session_id: str, recording_id: str) -> list[Piece]:
        """All pieces in their order. Raises StoreAway."""
        found = []
        async for info in self._objects.list_(_folder(session_id, recording_id)):
            name, *codecs = info.key.rpartition("/")[2].split(".")
            run, _, number = name.rpartition("-")
            if run and number.isdecimal():
                found.append(Piece(info.key, run, int(number), tuple(codecs), info.size, info.written_at))
        return sorted(found, key=lambda piece: (piece.run, piece.number))

    async def newest(self) -> dict[tuple[str, str], Moment]:
        """When the newest piece of each recording was written that has some, by the ids of class and recording. Raises
        StoreAway."""
        found: dict[tuple[str, str], Moment] = {}
        async for info in self._objects.list_(PIECES):
            _, *ids, _ = info.key.split("/")
            if len(ids) == 2 and all(map(_is_id, ids)):
                recording = ids[0], ids[1]
                found[recording] = max(info.written_at, found.get(recording, info.written_at))
        return found

    async def read(self, piece: Piece) -> bytes:
        """The piece. Raises ObjectMissing and StoreAway."""
        return await self._objects.read_all(piece.key, _MOST_PIECE_BYTES)

    async def delete(self, session_id: str, recording_id: str) -> None:
        """Remove every piece. Raises StoreAway."""
        await self._objects.delete_under(_folder(session_id, recording_id))


@dataclass(frozen=True)
class RecordedClass:
    """The class that was recorded."""

    course_id: CourseId
    title: str
    began: Moment
    instructor_id: UserId


class Recordings:
    """What becomes of recordings. Every call raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_class(self, session_id: str) -> RecordedClass | None:
        """The class, or None when there is none."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_CLASS, {"id": session_id})).one_or_none()
        if row is None:
            return None
        return RecordedClass(CourseId(row.course_id), row.title, from_datetime(row.began), UserId(row.instructor_id))

    async def was_made(self, recording_id: str) -> bool:
        """Whether the recording became a lesson, even one that was deleted since."""
        async with self._database.reading() as connection:
            return await _has_lesson(connection, lesson_id_of(recording_id))

    async def add_lesson(self, recorded: RecordedClass, recording_id: str, day: str, now: Moment) -> Refusal | None:
        """Make the lesson at the end of the section of recordings, which is made at the end of the course when there is
        none; a lesson that was made before stays as it is. Its video is `media_id_of(recording_id)`, which must be ready.

        Refuses when the course is gone or full.
        """
        ident = lesson_id_of(recording_id)
        title = f"{recorded.title[: _TITLE_LENGTH - len(day) - 2]}, {day}"
        async with self._database.writing() as connection:
            if not await lock_course(connection, recorded.course_id):
                return NotFound("course", recorded.course_id)
            if await _has_lesson(connection, ident):
                return None
            section = await _section(connection, recorded.course_id, now)
            if isinstance(section, Refusal):
                return section
            lesson = NewLesson(
                ident, section, "video", title, media_id=media_id_of(recording_id), is_required=False
            )  # fmt: skip
            return await write_lesson(connection, lesson, now)


def media_id_of(recording_id: str) -> str:
    """The id of the file that a recording becomes."""
    return str(uuid5(UUID(recording_id), "media"))


def lesson_id_of(recording_id: str) -> LessonId:
    """The id of the lesson that a recording becomes."""
    return LessonId(str(uuid5(UUID(recording_id), "lesson")))


async def _section(connection: AsyncConnection, course_id: CourseId, now: Moment) -> str | Refusal:
    """The id of the course's section of recordings: the first that was made for it and is not deleted, else a new one."""
    ids = [str(uuid5(UUID(course_id), f"recordings {number}")) for number in range(MOST_SECTIONS)]
    rows = await connection.execute(select(Section.id, Section.deleted_at).where(Section.id.in_(ids)))
    deleted = {str(row.id): row.deleted_at is not None for row in rows}
    for ident in ids:
        if ident in deleted:
            if not deleted[ident]:
                return ident
            continue
        refused = await write_section(connection, NewSection(ident, course_id, SECTION_TITLE), now)
        return ident if refused is None else refused
    return TooMany("sections", MOST_SECTIONS)


async def _has_lesson(connection: AsyncConnection, ident: str) -> bool:
    return (await connection.execute(select(Lesson.id).where(Lesson.id == ident))).one_or_none() is not None


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _folder(session_id: str, recording_id: str) -> str:
    return f"{PIECES}/{session_id}/{recording_id}"


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
