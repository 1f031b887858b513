"""Two replicas over one Postgres and one Redis: what one of them is told, the other acts upon with the very next request."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from classroom.callers import Role
from persistence.denied_redis import RedisDenied, read_denials
from persistence.embedded.redis import start as start_redis
from persistence.ids import new_id
from persistence.pools import open_pool
from persistence.redis_store import open_redis
from tests.serve_app.edges import PASSWORD, Databases, Edge, open_edge

LIMITS = {"rate_limit_per_minute": 100_000, "live_rate_limit_per_minute": 100_000}


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="lyceum-test-redis-") as folder:
        server = start_redis(Path(folder), Path(folder) / "redis.log")
        yield server.url
        server.stop(10)


@asynccontextmanager
async def replica(database: Any, redis_url: str, dist: Path) -> AsyncIterator[Edge]:
    async with AsyncExitStack() as stack:
        edge = await stack.enter_async_context(open_edge(database, dist, **LIMITS))
        pool = await stack.enter_async_context(await open_pool(database.url, 1, least=0))
        client = open_redis(redis_url, 3)
        stack.push_async_callback(client.aclose)
        denied = RedisDenied(client, read_denials(pool), 3_600)
        await denied.start()
        stack.push_async_callback(denied.close)
        edge.parts = edge.app.state.parts = replace(edge.parts, denied=denied)
        yield edge


@pytest.fixture
async def replicas(databases: Databases, redis_url: str, tmp_path: Path) -> AsyncIterator[list[Edge]]:
    async with databases.open() as database, AsyncExitStack() as stack:
        yield [await stack.enter_async_context(replica(database, redis_url, tmp_path)) for _ in range(3)]


def there(edge: Edge, client: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same browser at another replica."""
    return edge.client(client.headers["Authorization"].partition(" ")[2])


async def test_a_ban_at_one_replica_holds_at_the_door_of_the_others_with_the_next_request(replicas: list[Edge]) -> None:
    here, *others = replicas
    admin = await here.person(Role.ADMIN)
    for _ in range(10):
        person = await here.person()
        door = f"/api/live-sessions/{new_id()}/status"
        elsewhere = [there(edge, person.client) for edge in others]
        assert [(await browser.get(door)).status_code for browser in elsewhere] == [404, 404]
        await admin.ask("PATCH", f"/admin/users/{person.id}/ban", 200)
        for browser in elsewhere:
            for path in (door, "/api/users/me"):
                refused = await browser.get(path)
                assert (refused.status_code, refused.json()["errorCode"]) == (403, "account_disabled")
        await admin.ask("PATCH", f"/admin/users/{person.id}/activate", 200)
        assert [(await browser.get(door)).status_code for browser in elsewhere] == [404, 404]


async def test_signing_out_and_losing_a_role_hold_at_every_replica(replicas: list[Edge]) -> None:
    here, *others = replicas
    admin, person = await here.person(Role.ADMIN), await here.person(Role.INSTRUCTOR)
    credentials = {"email": person.email, "password": PASSWORD}
    tokens = [(await here.visitor.post("/api/auth/login", json=credentials)).json()["accessToken"] for _ in range(2)]
    await here.client(tokens[0]).post("/api/auth/logout")
    for edge in others:
        assert (await edge.client(tokens[0]).get("/api/users/me")).status_code == 401
        assert (await edge.client(tokens[1]).get("/api/instructor/courses")).status_code == 200
    await admin.ask("PATCH", f"/admin/users/{person.id}/role", 200, {"role": "student"})
    for edge in others:
        assert (await edge.client(tokens[1]).get("/api/instructor/courses")).status_code == 401


async def test_a_replica_that_starts_later_refuses_who_was_banned_before(
    replicas: list[Edge], redis_url: str, tmp_path: Path
) -> None:
    here = replicas[0]
    admin, person = await here.person(Role.ADMIN), await here.person()
    await admin.ask("PATCH", f"/admin/users/{person.id}/ban", 200)
    async with replica(here.database, redis_url, tmp_path) as later:
        assert (await there(later, person.client).get("/api/courses")).status_code == 403
