"""The routes that must stay fast however large the platform is, and whose statements they cause."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from sqlalchemy import event

from classroom.callers import Caller, Role
from classroom.ids import UserId
from persistence.ids import new_id
from persistence.scale import Size, course_id, instructor_id, lesson_id, person_id
from tests.serve_app.edges import Edge, OwnDatabase, open_edge

LARGE = frozenset(
    {
        "users",
        "enrollments",
        "lesson_progress",
        "course_progress",
        "lessons",
        "sections",
        "reviews",
        "notifications",
        "live_sessions",
        "statistics",
        "quiz_attempts",
        "submissions",
        "media",
        "course_events",
        "audit_log",
        "questions",
        "answers",
        "bookmarks",
    }
)
"""Tables that grow with people: no request may read one from end to end, nor those of the events' months."""


@dataclass(frozen=True)
class Route:
    """A request as one of these people makes it: `student`, `teacher`, `admin` or `nobody`."""

    who: str
    path: str
    method: str = "GET"


def routes(size: Size) -> list[Route]:
    """What people ask for most, about the largest course and about one of the others."""
    large, other = course_id(0), course_id(size.courses // 2)
    first = lesson_id(0, 0, size)
    return [
        Route("nobody", "/courses"),
        Route("nobody", "/courses?sort=popular&limit=100"),
        Route("nobody", "/courses?q=stars"),
        Route("nobody", "/courses?difficulty=advanced&minRating=3"),
        Route("nobody", "/courses/featured"),
        Route("nobody", f"/courses/{large}"),
        Route("nobody", f"/courses/{large}/sections"),
        Route("nobody", f"/courses/{large}/reviews"),
        Route("nobody", "/categories"),
        Route("student", "/users/me"),
        Route("student", "/users/me/dashboard"),
        Route("student", "/users/me/enrollments"),
        Route("student", "/users/me/bookmarks"),
        Route("student", "/users/me/certificates"),
        Route("student", "/recommendations"),
        Route("student", "/notifications"),
        Route("student", f"/courses/{large}/progress"),
        Route("student", f"/lessons/{first}"),
        Route("student", f"/progress/lesson/{first}/complete", "POST"),
        Route("student", f"/courses/{other}/enroll", "POST"),
        Route("teacher", "/instructor/courses"),
        Route("teacher", f"/instructor/courses/{large}/analytics"),
        Route("teacher", f"/instructor/courses/{large}/students?limit=100"),
        Route("teacher", f"/progress/course/{large}/students?limit=100"),
        Route("admin", "/admin/stats"),
        Route("admin", "/admin/users"),
        Route("admin", "/admin/users?q=person-17"),
        Route("admin", "/admin/courses?status=pending"),
        Route("admin", "/admin/audit-log"),
    ]


@dataclass(frozen=True)
class Statement:
    """A statement as it went to Postgres."""

    sql: str
    values: Any


@dataclass
class Large:
    """An edge over a large platform, with somebody of each role."""

    edge: Edge
    clients: dict[str, httpx.AsyncClient]
    statements: list[Statement]

    async def ask(self, route: Route) -> httpx.Response:
        """The answer to one request."""
        return await self.clients[route.who].request(route.method, f"/api{route.path}")

    @contextmanager
    def caused(self) -> Iterator[list[Statement]]:
        """What goes to Postgres inside the block."""
        self.statements.clear()
        found: list[Statement] = []
        yield found
        found += self.statements


@asynccontextmanager
async def open_large(database_url: str, folder: Path) -> AsyncIterator[Large]:
    """An edge over this database, in this process."""
    database = OwnDatabase(database_url)
    statements: list[Statement] = []

    def note(_conn: Any, _cursor: Any, sql: str, values: Any, _context: Any, _many: bool) -> None:
        statements.append(Statement(sql, values))

    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    limits = {"rate_limit_per_minute": 10_000_000, "live_rate_limit_per_minute": 10_000_000}
    try:
        async with open_edge(database, folder / "dist", **limits) as edge:
            admin = await edge.person(Role.ADMIN, "Ada")
            people = {
                "nobody": edge.visitor,
                "student": _client(edge, person_id(0), Role.STUDENT),
                "teacher": _client(edge, instructor_id(0), Role.INSTRUCTOR),
                "admin": admin.client,
            }
            yield Large(edge, people, statements)
    finally:
        await database.close()


def _client(edge: Edge, user_id: str, role: Role) -> httpx.AsyncClient:
    caller = Caller(UserId(user_id), "Somebody", role)
    return edge.client(edge.parts.tokens.make(caller, edge.parts.clock(), 3_600 * 8, new_id()))


async def scans(connection: "asyncpg.Connection[Any]", statement: Statement, at_least: int = 0) -> list[str]:
    """The large tables that the plan of the statement reads from end to end: row by row, or along an index of which nothing
    narrows the part that is read and no LIMIT ends the reading. Tables of fewer than `at_least` rows do not count."""
    if statement.sql.split(None, 1)[0].upper() not in ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE"):
        return []
    plan = json.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement.sql}", *statement.values))
    rows = {row["relname"]: row["reltuples"] for row in await connection.fetch("SELECT relname, reltuples FROM pg_class")}
    return [f"{kind} of {table}" for kind, table in _scanned(plan[0]["Plan"], bounded=False) if rows[table] >= at_least]


FEW = frozenset({"ix_live_sessions_live"})
"""Indexes of the few rows of a large table that a question is about: all of one may be read."""


def _scanned(node: dict[str, Any], *, bounded: bool) -> Iterator[tuple[str, str]]:
    table, kind = node.get("Relation Name", ""), node["Node Type"]
    bounded = kind == "Limit" or (bounded and kind not in ("Sort", "Aggregate", "Hash"))  # these read all before they give
    unbounded = kind in ("Index Scan", "Index Only Scan") and "Index Cond" not in node and not bounded
    unbounded = unbounded and node["Index Name"] not in FEW
    if (table in LARGE or table.startswith("events_2")) and (kind == "Seq Scan" or unbounded):
        yield kind, table
    for each in node.get("Plans", ()):
        yield from _scanned(each, bounded=bounded)
