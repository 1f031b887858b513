"""A learner's whole path by REST, with one class over the socket, in the running system."""

import asyncio
import email
import email.policy
import hashlib
import io
import json
import re
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pypdf
import pytest
import websockets

from tests.end_to_end.browser.school import PASSWORD, Account, School, found_school

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

T = TypeVar("T")
VIDEO = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(range(256)) * 400
PATIENCE_SECONDS = 60.0


async def test_a_learner_registers_learns_attends_and_gets_a_certificate_that_can_be_verified(lyceum: Any) -> None:
    school = await found_school(lyceum, lyceum.http_url)
    teacher = school.instructor
    course = await make_course(school)

    # Register; the mail brings a link, whose token proves the address.
    learner = await school.register("Zoë Ångström-Lee")
    assert (await school.call("GET", "/auth/me", learner))["emailVerified"] is False
    token = await until(lambda: token_mailed_to(lyceum.data_dir, learner.email), "the mail with the link")
    await school.call("POST", "/auth/verify-email", None, {"token": token})
    assert (await school.call("GET", "/auth/me", learner))["emailVerified"] is True

    # Find the course, look at its preview before enrolling, and be kept from the rest.
    word = course["title"].split()[-1]
    found = (await school.call("GET", f"/courses?q={word}", None))["items"]
    assert [each["id"] for each in found] == [course["id"]]
    assert (await school.call("GET", f"/lessons/{course['article']}", learner))["content"] == "# Spring tides"
    assert await refused(school, "GET", f"/lessons/{course['video']}", learner) == (403, "not_enrolled")
    await school.call("POST", f"/courses/{course['id']}/enroll", learner)

    # Watch the video: by ranges; skipping to its end completes nothing, watching all of it does.
    shown = await school.call("GET", f"/lessons/{course['video']}/video", learner)
    assert learner.name in str(shown["watermark"])
    async with httpx.AsyncClient(base_url=lyceum.http_url, timeout=30) as player:
        part = await player.get(shown["url"], headers={"Range": "bytes=8-11"})
        assert (part.status_code, part.content) == (206, b"mp42")
        whole = await player.get(shown["url"])
        assert whole.content == VIDEO
    skipped = {"positionSeconds": 10, "watchedSeconds": 1}
    await school.call("POST", f"/videos/{course['video']}/track", learner, skipped)
    assert lesson_of(await progress(school, course, learner), course["video"])["state"] == "begun"
    for at in (5, 10):
        await school.call("POST", f"/videos/{course['video']}/track", learner, {"positionSeconds": at, "watchedSeconds": 5})
    assert lesson_of(await progress(school, course, learner), course["video"])["state"] == "completed"

    # Read the article; answer the quiz, which does not say what is right before it may.
    await school.call("POST", f"/progress/lesson/{course['article']}/complete", learner)
    quiz = await school.call("GET", f"/quizzes/{course['quiz']}", learner)
    assert "correct" not in json.dumps(quiz)
    answers = {each["id"]: {"What pulls?": [1], "How many a day?": "2"}[each["text"]] for each in quiz["questions"]}
    result = await school.call("POST", f"/quizzes/{course['quiz']}/submit", learner, {"answers": answers})
    assert result["passed"] is True
    assert (await school.call("GET", f"/quizzes/{course['quiz']}/result", learner))["best"]["passed"] is True

    # Nothing is certified before the class was attended.
    assert await refused(school, "POST", f"/courses/{course['id']}/certificate", learner) == (409, "not_completed")

    async with Socket(lyceum.realtime_url, await access_token(school, learner)) as socket:
        await socket.subscribe(f"user:{learner.id}")
        await attend(school, teacher, course, socket)
        issued = await socket.event("certificate.issued")

    # The certificate: issued once, by itself; its PDF says whose it is, and anybody can verify the number.
    certificate = await school.call("GET", f"/courses/{course['id']}/certificate", learner)
    assert certificate["number"] == issued["number"]
    assert (await school.call("POST", f"/courses/{course['id']}/certificate", learner))["id"] == certificate["id"]
    headers = {"Authorization": f"Bearer {await access_token(school, learner)}"}
    async with httpx.AsyncClient(base_url=f"{lyceum.http_url}/api", timeout=30, follow_redirects=True) as reader:
        document = await reader.get(f"/certificates/{certificate['id']}/download", headers=headers)
        assert document.headers["content-type"] == "application/pdf"
        text = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(document.content)).pages)
        for word in (*learner.name.split(), *course["title"].split(), certificate["number"]):
            assert word in text
        verified = (await reader.get(f"/certificates/verify/{certificate['number']}")).json()
        assert (verified["status"], verified["name"]) == ("valid", learner.name)
    kept = await progress(school, course, learner)
    assert kept["percent"] == 100


async def make_course(school: School) -> dict[str, str]:
    """A published course with a video of ten seconds, an article, a quiz and a class, all of which it asks for."""
    teacher, title = school.instructor, f"Tides in earnest {uuid.uuid4().hex[:10]}"
    asks = {"title": title, "summary": "All of it.", "givesCertificate": True, "certificateAttendancePercent": 50}
    course = await school.call("POST", "/instructor/courses", teacher, asks)
    section = await school.call("POST", f"/courses/{course['id']}/sections", teacher, {"title": "One"})
    lessons = f"/sections/{section['id']}/lessons"
    media = await upload(school, teacher, course["id"])
    video = {"type": "video", "title": "The bay", "mediaId": media, "durationSeconds": 10}
    article = {"type": "article", "title": "Spring tides", "content": "# Spring tides", "isPreview": True}
    questions = [
        {"type": "single", "text": "What pulls?", "options": ["The wind", "The moon"], "correct": 1},
        {"type": "numeric", "text": "How many a day?", "correct": 2},
    ]
    quiz = {"title": "What do you know?", "questions": questions, "passPercent": 100}
    made = {
        "id": course["id"],
        "title": title,
        "video": (await school.call("POST", lessons, teacher, video))["id"],
        "article": (await school.call("POST", lessons, teacher, article))["id"],
        "quiz": (await school.call("POST", f"/sections/{section['id']}/quizzes", teacher, quiz))["id"],
    }
    await school.call("POST", f"/instructor/courses/{course['id']}/submit", teacher)
    await school.call("PATCH", f"/admin/courses/{course['id']}/approve", school.admin)
    return made


async def upload(school: School, teacher: Account, course_id: str) -> str:
    """The id of the uploaded video; a lie about its type was refused before."""
    asked = {"filename": "bay.mp4", "contentType": "video/mp4", "sizeBytes": len(VIDEO), "courseId": course_id}
    async with httpx.AsyncClient(base_url=school.url, timeout=30) as sender:
        lied = await school.call("POST", "/uploads/signed-url", teacher, asked)
        text = b"not a video".ljust(len(VIDEO))
        await sender.request(lied["method"], lied["uploadUrl"], headers=lied["headers"], content=text)
        status, code = await refused(school, "POST", f"/uploads/{lied['mediaId']}/complete", teacher)
        assert (status, code) in ((409, "upload_mismatch"), (422, "upload_mismatch"))
        place = await school.call("POST", "/uploads/signed-url", teacher, asked)
        sent = await sender.request(place["method"], place["uploadUrl"], headers=place["headers"], content=VIDEO)
        assert sent.is_success, sent.text
    digest = hashlib.sha256(VIDEO).hexdigest()
    await school.call("POST", f"/uploads/{place['mediaId']}/complete", teacher, {"sha256": digest})
    return str(place["mediaId"])


async def attend(school: School, teacher: Account, course: dict[str, str], socket: "Socket") -> None:
    """Sit in a class of the course from its start to its end."""
    school_of_course = School(school.url, teacher, school.admin, course["id"])
    session = await school_of_course.schedule(seats=3)
    await school.call("POST", f"/live-sessions/{session}/start", teacher)
    seat = await socket.command("session.join", sessionId=session)
    assert seat["outcome"] == "seated"
    await socket.subscribe(f"live:{session}")
    await until(lambda: present(school, teacher, session), "two seconds in class")
    await school.call("POST", f"/live-sessions/{session}/end", teacher)


async def present(school: School, teacher: Account, session: str) -> int | None:
    """How long the only student has been in the class, once that is two seconds."""
    [row] = (await school.call("GET", f"/live-sessions/{session}/attendance", teacher))["items"]
    return row["secondsPresent"] if row["secondsPresent"] >= 2 else None


async def progress(school: School, course: dict[str, str], learner: Account) -> dict[str, Any]:
    said: dict[str, Any] = await school.call("GET", f"/progress/course/{course['id']}", learner)
    return said


def lesson_of(said: dict[str, Any], lesson_id: str) -> dict[str, Any]:
    [lesson] = [each for each in said["lessons"] if each["lessonId"] == lesson_id]
    found: dict[str, Any] = lesson
    return found


async def access_token(school: School, who: Account) -> str:
    said = await school.call("POST", "/auth/login", None, {"email": who.email, "password": PASSWORD})
    return str(said["accessToken"])


async def refused(school: School, method: str, path: str, who: Account) -> tuple[int, str]:
    """Status and code of the refusal that `who` gets."""
    headers = {"Authorization": f"Bearer {await access_token(school, who)}"}
    async with httpx.AsyncClient(base_url=f"{school.url}/api", timeout=30) as client:
        answer = await client.request(method, path, headers=headers)
    return answer.status_code, answer.json().get("errorCode", "")


async def token_mailed_to(data_dir: Path, address: str) -> str | None:
    """The token in the link of a mail to this address, once it is there."""
    for file in sorted((data_dir / "mail").glob("*.eml")):
        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        body = mail.get_body(("plain",))
        if address in str(mail["To"]) and body is not None:
            found = re.search(r"#token=(\S+)", body.get_content())
            if found:
                return found[1]
    return None


async def until(look: Callable[[], Awaitable[T | None]], what: str) -> T:
    """What `look` finds, within a minute."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while (found := await look()) is None:
        assert asyncio.get_running_loop().time() < deadline, f"not within {PATIENCE_SECONDS:.0f} s: {what}"
        await asyncio.sleep(0.2)  # another process brings it about
    return found


class Socket:
    """One signed-in connection that remembers every event."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._numbers = iter(range(1_000))
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._replies: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def __aenter__(self) -> "Socket":
        self._connection = await websockets.connect(self._url, subprotocols=[websockets.Subprotocol("lyceum.v1")])
        await self._connection.send(json.dumps({"type": "hello", "token": self._token}))
        assert json.loads(await self._connection.recv())["type"] == "welcome"
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_left: object) -> None:
        await self._connection.close()
        await self._reading

    async def command(self, name: str, **args: Any) -> dict[str, Any]:
        """The result of a command."""
        reply = await self._ask({"type": "command", "name": name, "args": args})
        assert reply["ok"], reply
        result: dict[str, Any] = reply["result"]
        return result

    async def subscribe(self, topic: str) -> None:
        """Follow a topic from now on."""
        assert (await self._ask({"type": "subscribe", "topic": topic}))["type"] == "subscribed"

    async def event(self, kind: str) -> dict[str, Any]:
        """The data of the next event of this kind."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                event = await self._events.get()
                if event["type"] == kind:
                    data: dict[str, Any] = event["data"]
                    return data

    async def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        number = str(next(self._numbers))
        self._replies[number] = asyncio.get_running_loop().create_future()
        await self._connection.send(json.dumps({**message, "id": number}))
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._replies[number]

    async def _read(self) -> None:
        async for frame in self._connection:
            said = json.loads(frame)
            if said["type"] == "events":
                for event in said["events"]:
                    self._events.put_nowait(event)
            elif said.get("id") in self._replies:
                self._replies[said["id"]].set_result(said)
