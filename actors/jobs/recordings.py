"""The job that makes a lesson of a recording: its pieces in one file, the file among the course's, then the lesson."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog

from actors.jobs.tools import GiveUp, JobTools
from actors.jobs.work_folders import work_folder
from classroom.refusals import NotFound
from classroom.times import SECOND, Moment, to_datetime
from persistence.media import Media, MediaRow, NewMedia, folder_of
from persistence.object_store import ObjectMissing
from persistence.recordings import Piece, PieceFiles, RecordedClass, Recordings, media_id_of
from realtime.sfu.webm import BadPiece, Joined, Joiner, read_size

QUIET_SECONDS = 10.0
"""A node hears within a second or two that a recording is over, and writes its last piece."""
LIMIT_SECONDS = 2 * 3_600.0
_SOUND = "opus"
_READ_BYTES = 1 << 20
_DAY = Moment(86_400 * SECOND)
_LATE = 3_600 * SECOND  # who makes the lesson has long read what it needs
_ENDINGS = {"video/webm": "webm", "video/mp4": "mp4"}

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def finish_recording(tools: JobTools, payload: dict[str, Any], quiet_seconds: float = QUIET_SECONDS) -> None:
    """Job `recording.finish` {sessionId, recordingId}: wait until no more pieces come, join them, and make the lesson.

    Done again it makes nothing twice. A recording without a piece becomes nothing.
    """
    session_id, recording_id = payload["sessionId"], payload["recordingId"]
    files, recordings = PieceFiles(tools.objects), Recordings(tools.database)
    pieces = await _settled(files, session_id, recording_id, quiet_seconds)
    if not pieces:
        _log.info("recording_empty", session_id=session_id, recording_id=recording_id)
        return
    recorded = await recordings.find_class(session_id)
    if recorded is not None and not await recordings.was_made(recording_id):
        await _make(tools, files, pieces, recorded, recording_id)
        day = to_datetime(recorded.began).date().isoformat()
        refused = await recordings.add_lesson(recorded, recording_id, day, tools.clock())
        if refused is not None and refused != NotFound("course", recorded.course_id):
            raise GiveUp(f"the recording {recording_id} cannot become a lesson: {refused.message()}")
        _log.info("recording_finished", session_id=session_id, recording_id=recording_id, pieces=len(pieces))
    await files.delete(session_id, recording_id)


async def tidy_recordings(tools: JobTools, _payload: dict[str, Any]) -> None:
    """Job `recording.tidy`: remove pieces that came when the lesson was already made, and those of no class.

    A node that could not reach the store for long may bring them. A recording that is not a lesson yet keeps its pieces.
    """
    files, recordings = PieceFiles(tools.objects), Recordings(tools.database)
    for (session_id, recording_id), newest in (await files.newest()).items():
        if newest >= tools.clock() - _LATE:
            continue
        if await recordings.was_made(recording_id) or await recordings.find_class(session_id) is None:
            lost = await files.list_(session_id, recording_id)
            _log.error("recording_pieces_late", session_id=session_id, recording_id=recording_id, pieces=len(lost))
            await files.delete(session_id, recording_id)


async def _settled(files: PieceFiles, session_id: str, recording_id: str, quiet_seconds: float) -> list[Piece]:
    """The pieces, after a time in which none came."""
    pieces = await files.list_(session_id, recording_id)
    while True:
        await asyncio.sleep(quiet_seconds)
        now = await files.list_(session_id, recording_id)
        if now == pieces:
            return pieces
        pieces = now


async def _make(
    tools: JobTools, files: PieceFiles, pieces: Sequence[Piece], recorded: RecordedClass, recording_id: str
) -> None:
    """Make the file and have it ready, unless it is."""
    media = Media(tools.database)
    before = await media.find(media_id_of(recording_id))
    if before is not None and before.status == "ready":
        return
    try:
        async with work_folder(tools.values.data_dir, "recording") as folder:
            path = folder / "film"
            joined, picture = await _join(files, pieces, path)
            await _keep(tools, recorded, recording_id, path, joined, has_picture=picture is not None)
    except BadPiece as error:
        raise GiveUp(f"the recording {recording_id} cannot be joined: {error}") from error


async def _join(files: PieceFiles, pieces: Sequence[Piece], path: Path) -> tuple[Joined, str | None]:
    """All pieces in one file, and the codec of its pictures: the one that most pieces have."""
    counted = Counter(codec for piece in pieces for codec in piece.codecs if codec != _SOUND)
    picture = counted.most_common(1)[0][0] if counted else None
    size = None
    if picture is not None:
        first = next(piece for piece in pieces if picture in piece.codecs)
        size = await asyncio.to_thread(read_size, await files.read(first))
    has_sound = any(_SOUND in piece.codecs for piece in pieces)
    joiner = await asyncio.to_thread(Joiner, path, picture, size, sound=has_sound)
    try:
        for piece in pieces:
            try:
                data = await files.read(piece)
            except ObjectMissing:
                continue  # another try of this job was further than this one
            try:
                await asyncio.to_thread(joiner.add, piece.run, piece.number, data)
            except BadPiece as error:
                _log.error("recording_piece_unreadable", key=piece.key, reason=str(error)[:300])
        joined = await asyncio.to_thread(joiner.finish)
    finally:
        await asyncio.to_thread(joiner.close)
    if joiner.left_out:
        _log.warning("recording_pictures_left_out", pictures=joiner.left_out, codec=picture, key=pieces[0].key)
    return joined, picture


async def _keep(
    tools: JobTools, recorded: RecordedClass, recording_id: str, path: Path, joined: Joined, *, has_picture: bool
) -> None:
    """Store the file as an upload of the class's instructor that was checked."""
    media, ident = Media(tools.database), media_id_of(recording_id)
    size, digest = await asyncio.to_thread(_measure, path)
    now = tools.clock()
    name = f"{recorded.title[:150]}.{_ENDINGS[joined.content_type]}"
    new = NewMedia(
        ident, "lesson", recorded.course_id, recorded.instructor_id, name, joined.content_type, size, digest.hex(),
        Moment(now + _DAY),
    )  # fmt: skip
    row = await media.announce(new, None, now)
    if not isinstance(row, MediaRow):
        raise TooManyUploads(f"{recorded.instructor_id} has {row.limit} unfinished uploads")
    key = f"{folder_of(ident)}/{tools.new_id()}"
    await tools.objects.put_file(key, path, joined.content_type)
    taken, left = await media.receive(ident, key, digest)
    if not taken:
        await tools.objects.delete(key)
        return
    if left is not None:
        await tools.objects.delete(left)
    # Before it is ready: what renditions find out about it afterwards counts.
    await media.note_playback(ident, round(joined.seconds), (), has_poster=False, now=now)
    await media.accept(ident, key, digest, now, has_picture=has_picture)


class TooManyUploads(Exception):
    """Nothing more can be announced for this person now."""


def _measure(path: Path) -> tuple[int, bytes]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            digest.update(piece)
            size += len(piece)
    return size, digest.digest()
