"""Commits to Postgres over one kept connection."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy
from asyncpg.prepared_stmt import PreparedStatement

from persistence.batches import Bundle, Committed
from persistence.errors import AWAY, StoreAway
from persistence.journal_sql import commit_statement, logs, owners

CONNECT_SECONDS = 2.0
COMMIT_SECONDS = 5.0

# One plan for all sizes of batch (planning costs more than a small commit); the fence needs READ COMMITTED, which looks at
# the newest row after waiting for a lock; and durable: whatever the database's defaults.
_SETTINGS = """
    SELECT set_config('plan_cache_mode', 'force_generic_plan', false), set_config('jit', 'off', false),
           set_config('statement_timeout', $1, false),
           set_config('default_transaction_isolation', 'read committed', false),
           CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END
"""
# Nothing was written, and one grain is to blame: what it holds does not fit its column or points to nothing.
_ONES_OWN_FAULT = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)

_log = structlog.get_logger(__name__)


class PostgresCommits:
    """Writes a batch as one statement, in one round trip, with one flush to disk."""

    def __init__(self, pool: "asyncpg.Pool[Any]", commit_seconds: float = COMMIT_SECONDS) -> None:
        self._pool = pool
        self._seconds = commit_seconds
        self._connection: PoolConnectionProxy[Any] | None = None
        self._prepared: dict[str, PreparedStatement[Any]] = {}

    async def commit(self, bundles: Sequence[Bundle]) -> Sequence[Committed]:
        """See `Commits.commit`."""
        verdicts: dict[Bundle, Committed] = {}
        try:
            await self._settle(list(bundles), verdicts)
        except AWAY as error:
            self._drop()
            raise StoreAway(f"Postgres did not confirm a commit: {str(error) or type(error).__name__}") from error
        except BaseException:
            self._drop()
            raise
        return [verdicts[bundle] for bundle in bundles]

    async def close(self) -> None:
        """Close the connection in good order; the pool makes another for whoever comes next."""
        connection, self._connection = self._connection, None
        self._prepared.clear()
        if connection is not None:
            with suppress(*AWAY):  # then it is closed already, which is all that is wanted
                await connection.close(timeout=CONNECT_SECONDS)

    async def _settle(self, bundles: list[Bundle], verdicts: dict[Bundle, Committed]) -> None:
        """Write all that can be written: what is fenced or does not fit its log is left out and the rest sent again."""
        while bundles:
            try:
                row = await self._execute(bundles)
            except _ONES_OWN_FAULT as error:
                await self._settle_apart(bundles, verdicts, error)
                return
            if row["ok"]:
                verdicts.update(dict.fromkeys(bundles, Committed.YES))
                return
            refused = _refused(bundles, row)
            verdicts.update(refused)
            bundles = [bundle for bundle in bundles if bundle not in refused]

    async def _settle_apart(self, bundles: list[Bundle], verdicts: dict[Bundle, Committed], error: Exception) -> None:
        """One grain's rows were turned down: find it by halves, so that the others do not suffer."""
        if len(bundles) == 1:
            [bundle] = bundles
            _log.error("journal_write_invalid", kind=bundle.kind, grain_id=bundle.grain_id, reason=str(error))
            verdicts[bundle] = Committed.UNKNOWN
            return
        middle = len(bundles) // 2
        await self._settle(bundles[:middle], verdicts)
        await self._settle(bundles[middle:], verdicts)

    async def _execute(self, bundles: Sequence[Bundle]) -> Any:
        sql, arguments = commit_statement(bundles)
        prepared = self._prepared.get(sql)
        if prepared is None:
            connection = self._connection or await self._connect()
            prepared = self._prepared[sql] = await connection.prepare(sql, timeout=self._seconds)
        return await prepared.fetchrow(*arguments, timeout=self._seconds)

    async def _connect(self) -> "PoolConnectionProxy[Any]":
        connection = await self._pool.acquire(timeout=CONNECT_SECONDS)
        self._connection = connection
        await connection.execute(_SETTINGS, f"{int(self._seconds * 1000)}", timeout=CONNECT_SECONDS)
        return connection

    def _drop(self) -> None:
        """Cut the connection, for nobody knows what still runs on it."""
        connection, self._connection = self._connection, None
        self._prepared.clear()
        if connection is not None:
            connection.terminate()


def _refused(bundles: Sequence[Bundle], row: Any) -> dict[Bundle, Committed]:
    held = set(row["owner"])
    lost = {pair for number, pair in enumerate(owners(bundles), 1) if number not in held}
    refused = {bundle: Committed.FENCED for bundle in bundles if (bundle.shard_id, bundle.epoch) in lost}
    for kind, check in (("live", "live_head"), ("inbox", "inbox_head"), ("course", "course_head")):
        writing = logs(bundles, kind)
        if writing:
            fitting = set(row[check])
            for number, bundle in enumerate(writing, 1):
                if number not in fitting:
                    refused.setdefault(bundle, Committed.UNKNOWN)
    if not refused:
        raise AssertionError("the statement wrote nothing and named no bundle")
    return refused
