"""Every route of the OpenAPI document, with every role and without one, against the table of who may."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from classroom.callers import Role
from persistence.ids import new_id
from serve_app.openapi import document
from serve_app.rbac import RULES

ROLES: tuple[Role | None, ...] = (None, *Role)
ENDINGS = {"DELETE /api/users/me", "POST /api/auth/logout"}
"""After these who asked is nobody any more."""
METHODS = ("get", "post", "put", "patch", "delete")
NOT_BY_ROLE = {"not_enrolled", "invalid_credentials", "invalid_refresh_token", "bad_link"}
"""Refusals with 401 or 403 that are about something else than who asks."""


def routes() -> Iterator[str]:
    for path, operations in document()["paths"].items():
        for method in METHODS:
            if method in operations:
                yield f"{method.upper()} {path}"


ROUTES = sorted(routes())


@dataclass
class Things:
    """What exists, and belongs to a teacher and a student who are nobody of those who ask."""

    course_id: str
    session_id: str
    section_id: str
    lesson_id: str
    student_id: str

    def named(self, route: str) -> str:
        """The path of a route to these things; ids of what is not among them are new."""
        path = route.partition(" ")[2]
        for prefix, ident in (("/live-sessions/", self.session_id), ("/users/", self.student_id)):
            path = path.replace(f"{prefix}{{id}}", f"{prefix}{ident}")
        for name, ident in (
            ("courseId", self.course_id),
            ("sectionId", self.section_id),
            ("lessonId", self.lesson_id),
        ):
            path = path.replace(f"{{{name}}}", ident)
        return unnamed(path)


def unnamed(path: str) -> str:
    """A path to what is not there."""
    return re.sub(r"\{\w+\}", lambda _: new_id(), path)


async def ask(client: Any, route: str, path: str) -> Any:
    method = route.partition(" ")[0]
    body = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
    return await client.request(method, path, **body)


@pytest.fixture
async def things(edge: Any) -> Things:
    lesson = await edge.live_class(students=1)
    section = await lesson.teacher.ask("POST", f"/courses/{lesson.course_id}/sections", 201, {"title": "One"})
    article = {"type": "article", "title": "Ebb", "content": "Water goes."}
    made = await lesson.teacher.ask("POST", f"/sections/{section['id']}/lessons", 201, article)
    return Things(lesson.course_id, lesson.id, section["id"], made["id"], lesson.students[0].id)


def test_every_route_is_in_the_table_and_the_table_names_no_other() -> None:
    assert sorted(RULES) == ROUTES


def test_the_document_says_who_may() -> None:
    paths = document()["paths"]
    assert paths["/api/admin/users"]["get"]["x-roles"] == ["admin"]
    assert paths["/api/courses"]["get"]["x-roles"] == ["admin", "anonymous", "instructor", "student"]
    assert "own courses" in paths["/api/live-sessions/{id}"]["patch"]["x-of"]


async def walk(edge: Any, role: Role | None, path_of: Callable[[str], str], which: Callable[[str], bool]) -> list[Any]:
    """What each of these routes answers to somebody of this role: pairs of route and answer."""
    answers: list[Any] = []
    client = None
    for route in filter(which, ROUTES):
        if client is None:
            client = edge.client() if role is None else (await edge.person(role)).client
        answers.append((route, await ask(client, route, path_of(route))))
        if route in ENDINGS:
            client = None
    return answers


def refused_by_role(answer: Any) -> bool:
    return answer.status_code in (401, 403) and answer.json()["errorCode"] not in NOT_BY_ROLE


def said(route: str, answer: Any) -> str:
    return f"{route}: {answer.status_code} {answer.text[:200]}"


@pytest.mark.parametrize("role", ROLES)
async def test_who_may_is_asked_for_something_else_and_who_may_not_is_refused(edge: Any, role: Role | None) -> None:
    answers = await walk(edge, role, lambda route: unnamed(route.partition(" ")[2]), lambda _: True)
    wrong = [
        said(route, answer)
        for route, answer in answers
        if answer.status_code >= 500 or refused_by_role(answer) is RULES[route].allows(role)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", ROLES)
async def test_who_may_not_is_refused_whatever_exists(edge: Any, things: Things, role: Role | None) -> None:
    expected = (401, "unauthenticated") if role is None else (403, "forbidden")
    answers = await walk(edge, role, things.named, lambda route: not RULES[route].allows(role))
    wrong = [said(*each) for each in answers if (each[1].status_code, each[1].json()["errorCode"]) != expected]
    assert answers
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", [Role.STUDENT, Role.INSTRUCTOR])
async def test_a_stranger_of_the_right_role_gets_nothing_of_somebody_elses(edge: Any, things: Things, role: Role) -> None:
    def of_others(route: str) -> bool:
        return bool(RULES[route].of) and RULES[route].allows(role) and "{" in route

    answers = await walk(edge, role, things.named, of_others)
    wrong = [said(*each) for each in answers if not 400 <= each[1].status_code < 500]
    assert answers
    assert not wrong, "\n".join(wrong)
