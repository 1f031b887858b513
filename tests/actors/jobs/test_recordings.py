"""A recording becomes a lesson: once, with its film, in a section of its own; and pieces go."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from actors.clock import wall_clock
from actors.jobs.handlers import CARE, HANDLERS
from actors.jobs.recordings import QUIET_SECONDS, finish_recording, tidy_recordings
from actors.jobs.tools import GiveUp, JobTools
from classroom.ids import CourseId
from classroom.times import SECOND, Moment
from persistence.arranging import MOST_SECTIONS, NewSection
from persistence.ids import new_id
from persistence.media import Media
from persistence.recordings import PieceFiles, lesson_id_of, media_id_of
from persistence.syllabus import Syllabus
from realtime.sfu.frames import Pictures, Sounds
from realtime.sfu.webm import Sample, write_piece
from tests.realtime.sfu.film import pictures, sounds

QUIET = 0.05
RUN = "1795300212072-06dd8b55"


class Taught:
    """A class of a new course, and a recording of it."""

    def __init__(self, workshop: Any) -> None:
        self.workshop = workshop
        self.tools: JobTools = workshop.tools
        self.id, self.course, self.teacher, self.recording = new_id(), CourseId(new_id()), new_id(), new_id()
        self.files = PieceFiles(self.tools.objects)

    async def make(self) -> None:
        run = self.workshop.pool.execute
        await run(
            "INSERT INTO users (id, email, name, password_hash, role, status)"
            " VALUES ($1, $2, 'Ina', '-', 'instructor', 'active')",
            self.teacher, f"{self.teacher}@example.org",
        )  # fmt: skip
        await run(
            "INSERT INTO courses (id, slug, instructor_id, title) VALUES ($1, $2, $3, 'Knots')",
            self.course, str(self.course), self.teacher,
        )  # fmt: skip
        await run(
            "INSERT INTO live_sessions (id, course_id, title, starts_at, duration_minutes, ends_at, max_students, status,"
            " current_students, waitlisted, doors_open_minutes, waitlist_enabled, locked, instructor_id, instructor_name)"
            " VALUES ($1, $2, 'Bowlines', '2026-11-21T09:00Z', 60, '2026-11-21T10:00Z', 10, 'live', 0, 0, 15, true, false,"
            " $3, 'Ina')",
            self.id, self.course, self.teacher,
        )  # fmt: skip

    async def record(self, *kinds: str, run: str = RUN, seconds: int = 4) -> None:
        """Pieces of two seconds each."""
        samples = []
        if "vp8" in kinds:
            line = Pictures()
            for sent in pictures("vp8", 320, 240, [40 + n for n in range(25 * seconds)]):
                samples += [Sample(frame, frame.timestamp // 90) for frame in line.add("vp8", sent.data, sent.at)]
        if "opus" in kinds:
            heard = Sounds()
            for sent in sounds(seconds):
                samples += [Sample(frame, frame.timestamp // 48) for frame in heard.add("opus", sent.data, sent.at)]
        for number in range(seconds // 2):
            inside = [sample for sample in samples if sample.at // 2_000 == number]
            await self.files.keep(self.id, self.recording, run, number, tuple(sorted(kinds)), write_piece(inside))

    async def finish(self) -> None:
        await finish_recording(self.tools, {"sessionId": self.id, "recordingId": self.recording}, QUIET)

    async def lessons(self) -> list[tuple[str, list[str]]]:
        """The titles of sections and of their lessons."""
        outline = await Syllabus(self.tools.database).outline(self.course)
        return [(each.section.title, [lesson.title for lesson in each.lessons]) for each in outline]

    async def waiting(self, kind: str) -> int:
        payload = f'{{"mediaId":"{media_id_of(self.recording)}"}}'.encode()
        found = "SELECT count(*) FROM jobs.pgqueuer WHERE entrypoint = $1 AND payload = $2"
        return int(await self.workshop.pool.fetchval(found, kind, payload))


@pytest.fixture
async def room(workshop: Any) -> Taught:
    made = Taught(workshop)
    await made.make()
    return made


async def test_a_recording_becomes_one_lesson_however_often_the_job_is_done(room: Taught, tmp_path: Path) -> None:
    await room.record("vp8", "opus")
    await room.record("vp8", "opus", run="1795300299999-00000000", seconds=2)
    await asyncio.gather(room.finish(), room.finish())
    await room.finish()
    assert await room.lessons() == [("Recordings", ["Bowlines, 2026-11-21"])]
    assert await room.files.list_(room.id, room.recording) == []

    lesson = await Syllabus(room.tools.database).find_lesson(lesson_id_of(room.recording))
    row = await Media(room.tools.database).find(media_id_of(room.recording))
    assert lesson is not None
    assert row is not None
    assert (lesson.type, lesson.media_id, lesson.duration_seconds, lesson.is_required) == ("video", row.id, 6, False)
    assert (row.status, row.content_type, row.owner_id, row.filename) == (
        "ready", "video/webm", room.teacher, "Bowlines.webm",
    )  # fmt: skip
    assert await room.waiting("media.renditions") == 1
    assert row.object_key is not None
    async with room.tools.objects.as_file(row.object_key, tmp_path) as path:
        assert path.stat().st_size == row.size_bytes
        with av.open(str(path)) as film:
            assert (film.duration or 0) / 1e6 == pytest.approx(6.0, rel=0.05)
            film.seek(3_000_000)
            assert sum(1 for _ in film.decode(video=0)) >= 50
    assert [info.key async for info in room.tools.objects.list_(f"media/{row.id}")] == [row.object_key]
    assert list((room.tools.values.data_dir / "work").iterdir()) == []


async def test_a_second_recording_stands_below_the_first(room: Taught) -> None:
    for _ in range(2):
        await room.record("opus", seconds=2)
        await room.finish()
        room.recording = new_id()
    assert await room.lessons() == [("Recordings", ["Bowlines, 2026-11-21"] * 2)]


async def test_a_recording_without_a_piece_becomes_nothing(room: Taught) -> None:
    await room.finish()
    assert await room.lessons() == []


async def test_sound_alone_becomes_a_lesson_of_which_no_renditions_are_made(room: Taught) -> None:
    await room.record("opus", seconds=2)
    await room.finish()
    assert await room.lessons() == [("Recordings", ["Bowlines, 2026-11-21"])]
    assert await room.waiting("media.renditions") == 0


async def test_pieces_that_still_come_are_waited_for(room: Taught) -> None:
    await room.record("opus", seconds=2)
    first = await room.files.list_(room.id, room.recording)
    done = asyncio.create_task(finish_recording(room.tools, {"sessionId": room.id, "recordingId": room.recording}, 0.5))
    await room.files.keep(room.id, room.recording, "1795300299999-00000000", 0, ("opus",), await room.files.read(first[0]))
    await done
    lesson = await Syllabus(room.tools.database).find_lesson(lesson_id_of(room.recording))
    assert lesson is not None
    assert lesson.duration_seconds == 4


async def test_pieces_that_come_when_the_lesson_was_made_are_removed_an_hour_later(room: Taught) -> None:
    await room.record("opus", seconds=2)
    await room.finish()
    await room.record("opus", seconds=2, run="1795300299999-00000000")
    late = await room.files.list_(room.id, room.recording)
    await tidy_recordings(room.tools, {})
    assert await room.files.list_(room.id, room.recording) == late

    in_an_hour = replace(room.tools, clock=lambda: Moment(wall_clock() + 3_700 * SECOND))
    await tidy_recordings(in_an_hour, {})
    assert await room.files.list_(room.id, room.recording) == []
    assert await room.lessons() == [("Recordings", ["Bowlines, 2026-11-21"])]


async def test_of_recordings_that_are_no_lesson_only_those_of_no_class_are_tidied(room: Taught) -> None:
    await room.record("opus", seconds=2)
    kept = await room.files.list_(room.id, room.recording)
    nobody = new_id(), new_id()
    await room.files.keep(*nobody, RUN, 0, ("opus",), await room.files.read(kept[0]))
    in_a_year = replace(room.tools, clock=lambda: Moment(wall_clock() + 365 * 86_400 * SECOND))
    await tidy_recordings(in_a_year, {})
    assert await room.files.list_(*nobody) == []
    assert await room.files.list_(room.id, room.recording) == kept
    await room.finish()
    assert await room.lessons() == [("Recordings", ["Bowlines, 2026-11-21"])]


async def test_a_broken_piece_does_not_cost_the_others(room: Taught) -> None:
    await room.record("opus")
    await room.files.keep(room.id, room.recording, RUN, 7, ("opus",), b"not a piece")
    await room.finish()
    assert await room.lessons() == [("Recordings", ["Bowlines, 2026-11-21"])]


async def test_a_lesson_that_was_deleted_does_not_come_back(room: Taught) -> None:
    await room.record("opus", seconds=2)
    await room.finish()
    syllabus = Syllabus(room.tools.database)
    assert await syllabus.delete_lesson(lesson_id_of(room.recording), room.tools.clock())
    (outline,) = await syllabus.outline(room.course)
    assert await syllabus.delete_section(outline.section.id, room.tools.clock())
    await room.record("opus", seconds=2)
    await room.finish()
    assert await room.lessons() == []
    assert await room.files.list_(room.id, room.recording) == []

    room.recording = new_id()
    await room.record("opus", seconds=2)
    await room.finish()
    assert await room.lessons() == [("Recordings", ["Bowlines, 2026-11-21"])]


async def test_a_full_course_keeps_the_pieces(room: Taught) -> None:
    syllabus = Syllabus(room.tools.database)
    for number in range(MOST_SECTIONS):
        await syllabus.add_section(NewSection(new_id(), room.course, f"Part {number}"), room.tools.clock())
    await room.record("opus", seconds=2)
    with pytest.raises(GiveUp, match="cannot become a lesson"):
        await room.finish()
    assert len(await room.files.list_(room.id, room.recording)) == 1


def test_the_job_has_time_to_wait_and_to_join() -> None:
    assert HANDLERS["recording.finish"] is finish_recording
    assert CARE["recording.finish"].seconds > 100 * QUIET_SECONDS
    assert HANDLERS["recording.tidy"] is tidy_recordings
    assert CARE["recording.tidy"].every_seconds == 3_600
