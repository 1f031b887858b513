"""The peer of `door.py`: a class door as a good engineer writes it with FastAPI and asyncpg, one transaction a request.

Run as `uvicorn loadtests.benchmarks.plain_service:app`, with PLAIN_DATABASE_URL and PLAIN_SECRET_KEY in the environment.
Its tables are in `door_peers.py`. PLAIN_WAY is one of: `update`, a conditional UPDATE and an INSERT in a transaction;
`lock`, SELECT FOR UPDATE first; `statement`, the writes of `update` as one statement: one round trip instead of four.
"""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import Response

from classroom.times import Moment
from persistence.tokens import AccessTokens, Claims

_TAKE = "UPDATE classes SET taken = taken + 1 WHERE id = $1 AND taken < capacity RETURNING taken"
_LOCK = "SELECT capacity - taken AS free, taken FROM classes WHERE id = $1 FOR UPDATE"
_TAKEN = "UPDATE classes SET taken = $2 WHERE id = $1"
_SEAT = "INSERT INTO seats (class_id, user_id, number) VALUES ($1, $2, $3)"
_BOTH = """
WITH taken AS (UPDATE classes SET taken = taken + 1 WHERE id = $1 AND taken < capacity RETURNING taken)
INSERT INTO seats (class_id, user_id, number) SELECT $1, $2, taken FROM taken RETURNING number
"""
_MINE = "SELECT number FROM seats WHERE class_id = $1 AND user_id = $2"
_POOL_SIZE = 10  # a worker; more connections only queue on the row of the class

_tokens = AccessTokens(os.environ["PLAIN_SECRET_KEY"])


async def _as_it_is(connection: Any) -> None:
    """In place of what asyncpg asks Postgres for whenever a connection comes back, a round trip a request: nothing here
    leaves anything behind in its session."""


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    url = os.environ["PLAIN_DATABASE_URL"]
    async with asyncpg.create_pool(url, min_size=_POOL_SIZE, max_size=_POOL_SIZE, reset=_as_it_is) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=_lifespan)


async def _signed_in(request: Request) -> Claims:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    claims = _tokens.check(token, Moment(time.time_ns() // 1_000)) if scheme.lower() == "bearer" else None
    if claims is None:
        raise HTTPException(401, "Please sign in.")
    return claims


async def _take_in_transaction(connection: Any, class_id: UUID, user_id: UUID) -> int | None:
    async with connection.transaction():
        number: int | None = await connection.fetchval(_TAKE, class_id)
        if number is not None:
            await connection.execute(_SEAT, class_id, user_id, number)
    return number


async def _take_in_statement(connection: Any, class_id: UUID, user_id: UUID) -> int | None:
    number: int | None = await connection.fetchval(_BOTH, class_id, user_id)
    return number


async def _take_under_lock(connection: Any, class_id: UUID, user_id: UUID) -> int | None:
    async with connection.transaction():
        row = await connection.fetchrow(_LOCK, class_id)
        if row is None or row["free"] <= 0:
            return None
        number: int = row["taken"] + 1
        await connection.execute(_TAKEN, class_id, number)
        await connection.execute(_SEAT, class_id, user_id, number)
        return number


_take = {"update": _take_in_transaction, "statement": _take_in_statement, "lock": _take_under_lock}[os.environ["PLAIN_WAY"]]


@app.post("/api/live-sessions/{class_id}/join")
async def join(class_id: UUID, claims: Annotated[Claims, Depends(_signed_in)], request: Request) -> Response:
    """A seat, durable before the answer; asking again gives the same seat."""
    user_id = UUID(claims.caller.user_id)
    async with request.app.state.pool.acquire() as connection:
        try:
            number = await _take(connection, class_id, user_id)
        except asyncpg.UniqueViolationError:
            number = await connection.fetchval(_MINE, class_id, user_id)
    if number is None:
        raise HTTPException(409, "All seats of this class are taken.")
    # Bytes, not a model: the quickest answer FastAPI can give
    return Response(b'{"outcome":"seated","seat":{"number":%d}}' % number, media_type="application/json")


@app.get("/api/health")
async def health() -> dict[str, str]:
    """Whether the service answers."""
    return {"status": "ok"}
