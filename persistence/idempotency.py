"""Requests that must happen once: what was asked under a key, and what was answered."""

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Row, Update, delete, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert

from classroom.times import SECOND, Moment
from persistence.database import Database
from persistence.models import IdempotencyKey

LEASE_SECONDS = 30
KEEP_SECONDS = 24 * 3_600


@dataclass(frozen=True)
class Request:
    """A request under a key. `scope` says whose key it is; `fingerprint` differs when route or body differ."""

    scope: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True)
class Stored:
    """An answer as it went out. `sealed` is its headers and body, sealed by the caller where they may hold tokens."""

    status: int
    sealed: bytes


@dataclass(frozen=True)
class Fresh:
    """Nobody did this yet: do it now, and call `complete` or `release` with the `lease`, which says how long it is ours
    and is nobody else's. A thing it makes gets the id `entity_id`, which is the same if this request is taken over."""

    entity_id: str
    lease: Moment


@dataclass(frozen=True)
class Busy:
    """The same request is being done at this moment."""


@dataclass(frozen=True)
class Reused:
    """The key was used for another request."""


class IdempotencyKeys(Protocol):
    """The keys, kept for a day. Every call raises StoreAway when Postgres is away."""

    async def claim(self, request: Request, entity_id: str, now: Moment) -> Fresh | Busy | Reused | Stored:
        """Take the request for 30 s, or say what became of it."""
        ...

    async def look(self, request: Request, now: Moment) -> Busy | Reused | Stored | None:
        """What became of the request, without taking it; None when it may be taken."""
        ...

    async def complete(self, request: Request, lease: Moment, answer: Stored) -> None:
        """Keep the answer for the requests that come again. Nothing when the request was taken over since."""
        ...

    async def release(self, request: Request, lease: Moment) -> None:
        """Nothing was done: whoever comes again may try. Nothing when the request was taken over since."""
        ...

    async def forget_expired(self, now: Moment, limit: int = 1_000) -> int:
        """Drop up to `limit` keys older than a day; how many went."""
        ...


class PostgresIdempotencyKeys:
    """`IdempotencyKeys` in the table `idempotency_keys`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, request: Request, entity_id: str, now: Moment) -> Fresh | Busy | Reused | Stored:
        """See `IdempotencyKeys.claim`."""
        leased_until = Moment(now + LEASE_SECONDS * SECOND)
        statement = pg_insert(IdempotencyKey).values(
            scope=request.scope,
            key=request.key,
            fingerprint=request.fingerprint,
            entity_id=entity_id,
            leased_until=leased_until,
            expires_at=Moment(now + KEEP_SECONDS * SECOND),
        )
        # Whose lease ran out without an answer died on the way: the row, and with it the entity's id, is taken over.
        statement = statement.on_conflict_do_update(
            index_elements=[IdempotencyKey.scope, IdempotencyKey.key],
            set_={"leased_until": leased_until},
            where=(IdempotencyKey.status.is_(None))
            & (IdempotencyKey.leased_until < now)
            & (IdempotencyKey.fingerprint == request.fingerprint),
        )
        async with self._database.writing() as connection:
            taken = (await connection.execute(statement.returning(IdempotencyKey.entity_id))).scalar_one_or_none()
            if taken is not None:
                return Fresh(taken, leased_until)
            row = (await connection.execute(select(IdempotencyKey.__table__).where(*_is(request)))).one_or_none()
        if row is None:
            return Busy()  # forgotten between the two statements: the caller asks again
        return _became(row, request)

    async def look(self, request: Request, now: Moment) -> Busy | Reused | Stored | None:
        """See `IdempotencyKeys.look`."""
        async with self._database.reading() as connection:
            row = (await connection.execute(select(IdempotencyKey.__table__).where(*_is(request)))).one_or_none()
        if row is None or (row.status is None and row.fingerprint == request.fingerprint and row.leased_until < now):
            return None
        return _became(row, request)

    async def complete(self, request: Request, lease: Moment, answer: Stored) -> None:
        """See `IdempotencyKeys.complete`."""
        async with self._database.writing() as connection:
            await connection.execute(_held(request, lease).values(status=answer.status, sealed=answer.sealed))

    async def release(self, request: Request, lease: Moment) -> None:
        """See `IdempotencyKeys.release`."""
        async with self._database.writing() as connection:
            await connection.execute(_held(request, lease).values(leased_until=Moment(0)))

    async def forget_expired(self, now: Moment, limit: int = 1_000) -> int:
        """See `IdempotencyKeys.forget_expired`."""
        old = (
            select(IdempotencyKey.scope, IdempotencyKey.key)
            .where(IdempotencyKey.expires_at < now)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("old")
        )
        statement = delete(IdempotencyKey).where(IdempotencyKey.scope == old.c.scope, IdempotencyKey.key == old.c.key)
        async with self._database.writing() as connection:
            return (await connection.execute(statement)).rowcount


async def claim_or_wait(
    keys: IdempotencyKeys, request: Request, entity_id: str, now: Moment, wait_seconds: float
) -> Fresh | Busy | Reused | Stored:
    """Like `claim`, but while the same request is being done, wait for its answer up to `wait_seconds`; when whoever does
    it dies, take it over as soon as that shows."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    pause = 0.02
    claim = await keys.claim(request, entity_id, now)
    while isinstance(claim, Busy) and loop.time() < began + wait_seconds:
        await asyncio.sleep(pause)
        pause = min(pause * 2, 0.5)
        # Many may wait when the database is slow; they only read, so as not to make it slower.
        then = Moment(now + int((loop.time() - began) * SECOND))
        seen = await keys.look(request, then)
        claim = seen if seen is not None else await keys.claim(request, entity_id, then)
    return claim


def _became(row: Row[Any], request: Request) -> Busy | Reused | Stored:
    if row.fingerprint != request.fingerprint:
        return Reused()
    return Busy() if row.status is None else Stored(row.status, row.sealed or b"")


def _held(request: Request, lease: Moment) -> Update:
    # A lease is taken over only after it ran out, so its successor's is always a later one.
    return update(IdempotencyKey).where(*_is(request), IdempotencyKey.leased_until == lease, IdempotencyKey.status.is_(None))


def _is(request: Request) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return IdempotencyKey.scope == request.scope, IdempotencyKey.key == request.key
