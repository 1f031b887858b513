"""What a store says when it cannot answer, and which of asyncpg's errors mean that."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg


class StoreAway(Exception):
    """Postgres cannot be reached, is starting or stopping, or did not answer in time.

    Of a write it may not be known whether it happened. Reads may be tried again as they are.
    """


AWAY: tuple[type[Exception], ...] = (
    OSError,  # refused, reset, no such socket; TimeoutError is one as well
    asyncpg.InterfaceError,  # the connection or the pool is closed
    asyncpg.InternalClientError,  # the connection was cut inside a message
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,  # shutting down, starting up, cancelled by a timeout
    asyncpg.exceptions.InsufficientResourcesError,  # no connection, disk or memory left
    asyncpg.exceptions.PostgresSystemError,
    asyncpg.exceptions.ReadOnlySQLTransactionError,  # a standby, until it is promoted
    asyncpg.exceptions.TransactionRollbackError,  # a deadlock's victim
)


@contextmanager
def reaching_store() -> Iterator[None]:
    """Turn what means "Postgres is away" into StoreAway; everything else passes as it is."""
    try:
        yield
    except AWAY as error:
        raise StoreAway(f"Postgres is away: {str(error) or type(error).__name__}") from error
