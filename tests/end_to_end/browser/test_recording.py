"""A class is recorded in real browsers, and becomes a video lesson that its students play, whatever dies meanwhile."""

import asyncio
import io
import threading
import time
from collections import Counter
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import av
import httpx
import psutil
import pytest
from playwright.async_api import Browser, expect

from persistence.object_store import open_object_store
from persistence.recordings import Piece, PieceFiles
from tests.end_to_end.browser.clapper import AS_DEVICES
from tests.end_to_end.browser.film_player import PLAY
from tests.end_to_end.browser.people import PATIENCE_MS, People, Person
from tests.end_to_end.browser.school import Account, School
from tests.end_to_end.browser.test_video import (
    NODE_PORT,
    WITNESS,
    at_window,
    go_on_stage,
    more_arrives,
    sees_picture_of,
    take_seat,
    watched_class,
)
from tests.end_to_end.films import Film, holds_together, look_at, offsets
from tests.end_to_end.killing import find_actors, find_media_node, kill, paused
from tests.end_to_end.media_people import MediaPerson

pytestmark = [pytest.mark.cluster, pytest.mark.browser, pytest.mark.timeout(300)]

LESSON_SECONDS = 120
LOOK_SECONDS = 0.25
CAMERA = (640, 360)
"""The size of the pictures of the clapper."""


@pytest.fixture(scope="module")
def chromium(chromium_with_devices: Browser) -> Browser:
    """A browser with a camera and a microphone that are not real."""
    return chromium_with_devices


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

    async def until_pictures(self, count: int, beside: Collection[Piece] = ()) -> list[Piece]:
        """Wait for so many more pieces with a picture and with sound, of other runs than those; all that are there."""
        runs = {piece.run for piece in beside}
        async with asyncio.timeout(90):
            while True:
                found = await self.pieces()
                if sum(len(piece.codecs) == 2 and piece.run not in runs for piece in found) >= count:
                    return found
                await asyncio.sleep(LOOK_SECONDS)

    async def until_empty(self) -> None:
        """Wait until the job is done, which removes the pieces last of all."""
        async with asyncio.timeout(LESSON_SECONDS):
            while True:
                if not await self.pieces():
                    return
                await asyncio.sleep(LOOK_SECONDS)

    async def frames(self, pieces: Collection[Piece]) -> Counter[str]:
        """How many pictures and packets of sound are in them."""
        found: Counter[str] = Counter()
        for piece in pieces:
            with av.open(io.BytesIO(await self.files.read(piece)), "r") as file:
                found.update(packet.stream.type for packet in file.demux() if packet.size)
        return found


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


async def sees_whole_camera(person: Person) -> None:
    """Waits until the first camera comes in its whole size: its sender has found that the network takes it."""
    await person.page.wait_for_function(
        "([width, height]) => { const it = document.querySelector('video[data-slot=camera-0]');"
        " return it?.videoWidth === width && it.videoHeight === height; }",
        arg=CAMERA,
        timeout=PATIENCE_MS,
    )


def kill_while_it_joins(worker: psutil.Process, work: Path, over: threading.Event) -> None:
    """Kill the worker while the film that it makes is in its folder. Looks for that until it is `over`. Blocks."""
    films = "recording-*/film"
    while not over.wait(0.001):  # a folder tells nobody, and joining takes some milliseconds
        if not any(work.glob(films)):
            continue
        with paused(worker.pid):
            if any(work.glob(films)):  # it had not ended its work before it stood still
                kill([worker])
                return


async def test_a_recorded_class_is_a_lesson_that_its_student_plays_with_sound_and_picture_in_step(
    people: People, school: School, lyceum: Any, tmp_path: Path, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (zoe,) = await school.enrol("Zoe Anand")
    session_id = await school.schedule(seats=5, title="Springs and neaps")
    archive = Archive(lyceum, session_id)
    teacher = await people.arrive(school.instructor)
    await teacher.page.add_init_script(WITNESS)
    await teacher.page.add_init_script(AS_DEVICES)
    await teacher.open_class(session_id)
    await teacher.press("Start class")
    await go_on_stage(teacher)
    student = await at_window(people, zoe, session_id)
    await take_seat(student)
    await sees_picture_of(student, "camera-0", school.instructor)
    await sees_whole_camera(student)
    assert await archive.pieces() == []

    await teacher.press("Start recording")
    await expect(student.page.get_by_text("Recording since").first).to_be_attached()
    await expect(student.page.get_by_role("status").filter(has_text="The class is being recorded.")).to_be_attached()
    seen = len(await archive.until_pictures(3))
    await teacher.press("Turn microphone off")
    seen = len(await archive.until_pictures(seen + 2))
    await teacher.press("Turn microphone on")
    await teacher.press("Share the screen")
    await sees_picture_of(student, "screen", school.instructor)
    seen = len(await archive.until_pictures(seen + 2))
    await teacher.press("Stop sharing the screen")
    await expect(student.page.locator("video[data-slot=screen]")).to_have_count(0)
    pieces = await archive.until_pictures(seen + 3)
    await end_class(teacher)
    await student.sees("ended")

    lesson = await lesson_of(school, zoe, "Springs and neaps")
    assert (lesson["type"], lesson["isRequired"]) == ("video", False)
    address, film = await fetch(school, zoe, lesson["id"], tmp_path)
    holds_together(film)
    assert film.seconds >= 2 * (len(pieces) - 1)
    assert film.decoded_sound_seconds == pytest.approx(film.seconds, abs=1.0)
    assert CAMERA in film.sizes
    assert len(film.sizes) >= 3, film.sizes  # the camera, the screen, the camera
    await archive.until_empty()

    apart = offsets(film.flashes, film.beeps)
    early, late = apart[:4], apart[-4:]
    told = f"{film.seconds:.1f} s, {film.sizes}, {len(film.flashes)} flashes, {len(film.beeps)} beeps"
    told += f", sound later by {median(early):.3f} s, at the end {median(late):.3f} s"
    record_property("film", told)
    assert len(film.flashes) > len(film.beeps) > 6  # it was muted for a while
    assert abs(median(early)) < 0.25
    assert abs(median(late)) < 0.25

    played = await student.page.evaluate(PLAY, address)
    with capsys.disabled():
        print(f"\nrecorded: {told}; played: {played}")
    assert played["widths"][0] == film.sizes[0][0]
    assert played["seconds"] == pytest.approx(film.seconds, abs=0.2)
    assert played["played"] >= 0.5
    assert played["sought"] == pytest.approx(0.6, abs=0.05)
    assert played["decoded"] > played["shown"] > 0
    assert played["end"] == pytest.approx(film.seconds, abs=0.2)


async def test_a_recording_goes_on_when_the_media_node_and_then_the_job_worker_are_killed(
    people: People, school: School, lyceum: Any, tmp_path: Path, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (ravi,) = await school.enrol("Ravi Menon")
    session_id = await school.schedule(seats=5, title="Storm surges")
    archive = Archive(lyceum, session_id)
    teacher, student = await watched_class(people, school, ravi, session_id)
    await teacher.press("Start recording")
    await archive.until_pictures(3)

    port = await student.page.evaluate(NODE_PORT)
    before = await archive.pieces()
    killed_at = time.monotonic()
    assert kill(find_media_node(lyceum.pid, port)) == 1
    pieces = await archive.until_pictures(2, beside=before)
    gap = time.monotonic() - killed_at
    assert {piece.key for piece in before} <= {piece.key for piece in pieces}
    assert len(await archive.recordings()) == 1
    stored = await archive.frames(pieces)
    [worker] = find_actors(lyceum.pid, "JobWorker")
    work = lyceum.data_dir / "work"
    over = threading.Event()
    with ThreadPoolExecutor(1) as pool:  # its thread ends with this block, also when the test fails in it
        killed = asyncio.get_running_loop().run_in_executor(pool, kill_while_it_joins, worker, work, over)
        try:
            await end_class(teacher)
            async with asyncio.timeout(LESSON_SECONDS):
                await killed
        finally:
            over.set()
    assert any(work.glob("recording-*")), "the worker had ended its work before"
    assert await lessons_of(school, ravi, "Storm surges") == []

    lesson = await lesson_of(school, ravi, "Storm surges")
    await archive.until_empty()
    assert len(await lessons_of(school, ravi, "Storm surges")) == 1
    address, film = await fetch(school, ravi, lesson["id"], tmp_path)
    holds_together(film)
    assert len(film.picture_times) >= stored["video"]
    assert len(film.sound_times) >= stored["audio"]
    played = await student.page.evaluate(PLAY, address)
    assert played["end"] == pytest.approx(film.seconds, abs=0.2)
    record_property("seconds_until_recorded_again", gap)
    with capsys.disabled():
        print(f"\nmedia node killed: two pieces of the next run {gap:.1f} s later; the film: {film.seconds:.1f} s")


async def test_who_sends_h264_alone_is_seen_in_a_browser_and_recorded(
    people: People, school: School, lyceum: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tara,) = await school.enrol("Tara Voss")
    session_id = await school.schedule(seats=5, title="Amphidromic points")
    archive = Archive(lyceum, session_id)
    teacher = await at_window(people, school.instructor, session_id)
    await teacher.press("Start class")
    token = lyceum.command("token", school.instructor.email, timeout=60).stdout.strip()
    async with (
        httpx.AsyncClient(base_url=school.url, headers={"Authorization": f"Bearer {token}"}, timeout=20) as http,
        MediaPerson(http, f"/live-sessions/{session_id}", sends=True, codec="video/H264") as camera,
    ):
        await camera.open(60)
        student = await at_window(people, tara, session_id)
        await take_seat(student)
        await sees_picture_of(student, "camera-0", school.instructor)
        await more_arrives(student.page)
        await teacher.press("Start recording")
        await archive.until_pictures(4)
        await end_class(teacher)
        await camera.until_closed(10)

    lesson = await lesson_of(school, tara, "Amphidromic points")
    address, film = await fetch(school, tara, lesson["id"], tmp_path)
    holds_together(film, "h264")
    with capsys.disabled():
        print(f"\nH.264: {film.seconds:.1f} s, {film.sizes}, {film.decoded_pictures} pictures")
    played = await student.page.evaluate(PLAY, address)
    assert played["widths"][0] == film.sizes[0][0]
    assert played["end"] == pytest.approx(film.seconds, abs=0.2)
