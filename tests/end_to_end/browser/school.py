"""What has to be there before a class can be shown, made over REST and by the `lyceum` command."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Account:
    """Somebody with a sign-in."""

    id: str
    name: str
    email: str


class School:
    """A course with an instructor. Classes and students are added by whoever needs them."""

    def __init__(self, url: str, instructor: Account, admin: Account, course_id: str) -> None:
        self.url = url
        self.instructor = instructor
        self.admin = admin
        self.course_id = course_id
        self._rest = httpx.AsyncClient(base_url=f"{url}/api", timeout=30)

    async def enrol(self, *names: str) -> list[Account]:
        """New students of the course, with these names."""
        return [await self._enrol(name) for name in names]

    async def register(self, name: str) -> Account:
        """Somebody new, in no course."""
        email = f"{uuid.uuid4().hex}@school.test"
        made = await self.call("POST", "/auth/register", None, {"name": name, "email": email, "password": PASSWORD})
        return Account(str(made["id"]), name, email)

    async def schedule(self, seats: int, starts_in_minutes: float = 5, **changes: Any) -> str:
        """A class of the course whose doors open ten minutes before it starts; its id."""
        body = {
            "courseId": self.course_id,
            "title": "Reading the tide table",
            "startTime": (datetime.now(UTC) + timedelta(minutes=starts_in_minutes)).isoformat(),
            "durationMinutes": 45,
            "maxStudents": seats,
            **changes,
        }
        created = await self.call("POST", "/live-sessions", self.instructor, body)
        return str(created["id"])

    async def call(self, method: str, path: str, who: Account | None, body: Any = None) -> Any:
        """What the API answers to `who`; fails the test when it refuses."""
        headers = {"Authorization": f"Bearer {await self._sign_in(who)}"} if who is not None else {}
        answer = await self._rest.request(method, path, json=body, headers=headers)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def _sign_in(self, who: Account) -> str:
        answer = await self._rest.post("/auth/login", json={"email": who.email, "password": PASSWORD})
        assert answer.is_success, answer.text
        return str(answer.json()["accessToken"])

    async def _enrol(self, name: str) -> Account:
        student = await self.register(name)
        await self.call("POST", f"/courses/{self.course_id}/enroll", student)
        return student


async def found_school(lyceum: Any, url: str) -> School:
    """An instructor and an admin by command; a course, submitted and approved."""
    instructor = await _employ(lyceum, "Inês Duarte", "instructor")
    admin = await _employ(lyceum, "Ada Moreau", "admin")
    school = School(url, instructor, admin, "")
    body = {"title": "Tides and the Moon", "summary": "Why the sea comes and goes, and how to read a tide table."}
    course = await school.call("POST", "/instructor/courses", instructor, body)
    school.course_id = str(course["id"])
    await school.call("POST", f"/instructor/courses/{school.course_id}/submit", instructor)
    await school.call("PATCH", f"/admin/courses/{school.course_id}/approve", admin)
    school.instructor = await _known(school, instructor)
    return school


async def _known(school: School, who: Account) -> Account:
    me = await school.call("GET", "/auth/me", who)
    return Account(str(me["id"]), who.name, who.email)


async def _employ(lyceum: Any, name: str, role: str) -> Account:
    email = f"{role}-{uuid.uuid4().hex}@school.test"
    words = ("user", "create", "--email", email, "--password", PASSWORD, "--role", role, "--name", name, "--verified")
    done = await asyncio.to_thread(lyceum.command, *words, timeout=60)
    assert done.returncode == 0, done.stderr
    return Account("", name, email)
