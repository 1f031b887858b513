"""A class is recorded in real browsers, and becomes a video lesson that its students play, whatever dies meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, async_playwright, expect

from persistence.object_store import open_object_store
from persistence.recordings import Piece, PieceFiles
from tests.end_to_end.browser.conftest import FLAGS, find_chromium
from tests.end_to_end.browser.people import People, Person
from tests.end_to_end.browser.school import Account, School
from tests.end_to_end.browser.test_video import DEVICES, at_window, go_on_stage, sees_picture_of, take_seat
from tests.end_to_end.films import Film, is_in_order, look_at

pytestmark = [pytest.mark.cluster, pytest.mark.browser, pytest.mark.timeout(300)]

LESSON_SECONDS = 120
LOOK_SECONDS = 0.25

PLAY = """async (address) => {
  const film = document.createElement("video");
  film.muted = true;
  film.src = address;
  document.body.append(film);
  const happens = (name) => new Promise((done, failed) => {
    film.addEventListener(name, () => done(), { once: true });
    film.addEventListener("error", () => failed(new Error(film.error.message)), { once: true });
  });
  const known = happens("loadedmetadata");
  await known;
  const found = { width: film.videoWidth, seconds: film.duration };
  await film.play();
  const reaches = (at) => new Promise((done, failed) => {
    const look = () => (film.error ? failed(new Error(film.error.message)) : film.currentTime >= at ? done() : 0);
    film.addEventListener("timeupdate", look);
    film.addEventListener("ended", done);
    film.addEventListener("error", look);
  });
  await reaches(0.5);
  found.played = film.currentTime;
  film.pause();
  const sought = happens("seeked");
  film.currentTime = film.duration * 0.6;
  await sought;
  found.sought = film.currentTime / film.duration;
  found.shown = film.getVideoPlaybackQuality().totalVideoFrames;
  film.playbackRate = 4;
  await film.play();
  await reaches(film.duration - 0.1);
  found.end = film.currentTime;
  found.decoded = film.getVideoPlaybackQuality().totalVideoFrames;
  film.remove();
  return found;
}"""
"""Plays a film, enters it at its middle, and plays it to its end."""


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A browser with a camera and a microphone that are not real."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), headless=True, args=[*FLAGS, *DEVICES])
        yield browser
        await browser.close()


class Archive:
    """The pieces of a class's recordings as they lie in the object store of the running system."""

    def __init__(self, lyceum: Any, session_id: str) -> None:
        self.objects = open_object_store(f"file://{lyceum.data_dir / 'objects'}")
        self.files = PieceFiles(self.objects)
        self._session_id = session_id

    async def recordings(self) -> list[str]:
        """The ids of those that have pieces."""
        keys = [info.key async for info in self.objects.list_(f"recordings/{self._session_id}")]
        return sorted({key.split("/")[2] for key in keys})

    async def pieces(self) -> list[Piece]:
        """Of all of them."""
        return [piece for each in await self.recordings() for piece in await self.files.list_(self._session_id, each)]

    async def until_pictures(self, count: int, beyond: int = 0) -> list[Piece]:
        """Wait for so many pieces with a picture and with sound, on top of the first ones."""
        async with asyncio.timeout(60):
            while True:
                found = await self.pieces()
                if sum(len(piece.codecs) == 2 for piece in found[beyond:]) >= count:
                    return found
                await asyncio.sleep(LOOK_SECONDS)


async def lessons_of(school: School, student: Account, title: str) -> list[dict[str, Any]]:
    """The recordings of the class with this title that the student finds in the course."""
    outline = await school.call("GET", f"/courses/{school.course_id}/sections", student)
    sections = [section for section in outline["items"] if section["title"] == "Recordings"]
    return [lesson for section in sections for lesson in section["lessons"] if lesson["title"].startswith(title)]


async def lesson_of(school: School, student: Account, title: str) -> dict[str, Any]:
    """The recording, as soon as it is there."""
    async with asyncio.timeout(LESSON_SECONDS):
        while True:
            found = await lessons_of(school, student, title)
            if found:
                assert len(found) == 1
                return found[0]
            await asyncio.sleep(LOOK_SECONDS)


async def fetch(school: School, student: Account, lesson_id: str, folder: Path) -> tuple[str, Film]:
    """The address of the lesson's film for this student, and what is in it."""
    link = await school.call("GET", f"/lessons/{lesson_id}/video", student)
    path = folder / "film"
    async with httpx.AsyncClient(timeout=30) as rest:
        answer = await rest.get(link["url"])
        assert answer.status_code == 200, answer.text
        path.write_bytes(answer.content)
    return str(link["url"]), await asyncio.to_thread(look_at, path)


async def end_class(teacher: Person) -> None:
    """For everybody."""
    await teacher.press("End class")
    await teacher.press("End now")


def holds_together(film: Film) -> None:
    """What every recording keeps to, whatever happened while it was made."""
    assert film.codecs == ["opus", "vp8"]
    assert film.begins_with_keyframe
    assert is_in_order(film.picture_times)
    assert is_in_order(film.sound_times)
    assert film.decoded_pictures == len(film.picture_times)


async def test_a_recorded_class_is_a_lesson_that_its_student_plays(
    people: People, school: School, lyceum: Any, tmp_path: Path, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (zoe,) = await school.enrol("Zoe Anand")
    session_id = await school.schedule(seats=5, title="Springs and neaps")
    archive = Archive(lyceum, session_id)
    teacher = await at_window(people, school.instructor, session_id)
    await teacher.press("Start class")
    await go_on_stage(teacher)
    student = await at_window(people, zoe, session_id)
    await take_seat(student)
    await sees_picture_of(student, "camera-0", school.instructor)
    assert await archive.pieces() == []

    await teacher.press("Start recording")
    await expect(student.page.get_by_text("Recording since").first).to_be_attached()
    await expect(student.page.get_by_role("status").filter(has_text="The class is being recorded.")).to_be_attached()
    pieces = await archive.until_pictures(5)
    await end_class(teacher)
    await student.sees("ended")

    lesson = await lesson_of(school, zoe, "Springs and neaps")
    assert (lesson["type"], lesson["isRequired"]) == ("video", False)
    address, film = await fetch(school, zoe, lesson["id"], tmp_path)
    holds_together(film)
    assert film.seconds >= 2 * (len(pieces) - 1)
    assert film.decoded_sound_seconds == pytest.approx(film.seconds, abs=1.0)
    assert await archive.pieces() == []

    played = await student.page.evaluate(PLAY, address)
    assert played["width"] == film.sizes[0][0] > 0
    assert played["seconds"] == pytest.approx(film.seconds, abs=0.2)
    assert played["played"] >= 0.5
    assert played["sought"] == pytest.approx(0.6, abs=0.05)
    assert played["decoded"] > played["shown"] > 0
    assert played["end"] == pytest.approx(film.seconds, abs=0.2)
    record_property("film", f"{film.seconds:.1f} s, {film.sizes}, {film.decoded_pictures} pictures")
    with capsys.disabled():
        print(f"\nrecorded: {film.seconds:.1f} s, {film.sizes}, {film.decoded_pictures} pictures; played: {played}")
        print(f"pictures from {film.picture_times[0]:.3f} s, sound from {film.sound_times[0]:.3f} s")
