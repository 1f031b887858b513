"""The real parts of the edge: Postgres, Redis and the actors, opened for one replica."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from actors.clients import ActorClients, connect
from actors.config import ActorConfig
from actors.media_streams import MediaStreams
from classroom.times import Moment
from persistence.accounts import PostgresAccounts
from persistence.command_keys import RedisCommandKeys
from persistence.courses import PostgresCourses
from persistence.database import Database, open_engine
from persistence.denied_redis import RedisDenied, read_denials
from persistence.enrollments import PostgresEnrollments
from persistence.errors import StoreAway
from persistence.idempotency import IdempotencyKeys, PostgresIdempotencyKeys
from persistence.ids import new_id
from persistence.live_records import PostgresLiveRecords
from persistence.object_store import open_object_store
from persistence.pools import open_pool
from persistence.rate_limits import redis_rate_limits
from persistence.redis_store import RedisGatewayDirectory, RedisTickets, Together, open_redis, ping
from persistence.sign_in_throttle import redis_sign_in_throttle
from persistence.sign_ins import PostgresSignIns
from persistence.tokens import AccessTokens
from serve_app.composition import EdgeConfig, Parts
from serve_app.passwords import Passwords
from serve_app.sealing import Seal
from serve_app.stores import open_stores

_TIDY_EVERY_SECONDS = 600.0
_log: structlog.stdlib.BoundLogger = structlog.get_logger("lyceum.parts")


class PartDown(Exception):
    """A part answered, and said that it is not well."""


def system_clock() -> Moment:
    """Now."""
    return Moment(time.time_ns() // 1_000)


@asynccontextmanager
async def open_parts(config: EdgeConfig, actors: ActorConfig) -> AsyncIterator[Parts]:
    """The parts for as long as the block lasts. Postgres and Redis may be away: who needs them says so when asked."""
    from actors.media_calls import connect_streams  # imports Ray, which tests of the edge do without

    async with AsyncExitStack() as stack:
        database = Database(open_engine(actors.database_url))
        stack.push_async_callback(database.close)
        pool = await stack.enter_async_context(await open_pool(actors.database_url, 4, least=0))
        redis = open_redis(actors.redis_url)
        stack.push_async_callback(redis.aclose)
        together = Together(redis)
        limits = redis_rate_limits(redis, config.rate_limit_per_minute, config.live_rate_limit_per_minute)
        stack.push_async_callback(limits.close)
        following = open_redis(actors.redis_url, 3)
        stack.push_async_callback(following.aclose)
        denied = RedisDenied(following, read_denials(pool), config.denied_seconds)
        await denied.start()
        stack.push_async_callback(denied.close)
        passwords = Passwords()
        stack.callback(passwords.close)
        clients = await asyncio.to_thread(connect, actors)
        streams = connect_streams(actors, clients.live)
        idempotency = PostgresIdempotencyKeys(database)
        tidying = await stack.enter_async_context(asyncio.TaskGroup())
        tidy = tidying.create_task(_tidy(idempotency))
        stack.callback(tidy.cancel)
        yield Parts(
            accounts=PostgresAccounts(database),
            sign_ins=PostgresSignIns(database),
            courses=PostgresCourses(database),
            enrollments=PostgresEnrollments(database),
            idempotency=idempotency,
            command_keys=RedisCommandKeys(together),
            stores=open_stores(database, open_object_store(actors.jobs.objects_url)),
            live_records=PostgresLiveRecords(pool),
            live=clients.live,
            progress=clients.progress,
            streams=streams,
            tickets=RedisTickets(together),
            gateways=RedisGatewayDirectory(redis),
            limits=limits,
            denied=denied,
            throttle=redis_sign_in_throttle(redis, config.sign_in_tries_per_account, config.sign_in_tries_per_address),
            tokens=AccessTokens(config.secret_key),
            passwords=passwords,
            seal=Seal(config.secret_key, b"idempotency"),
            checks={
                "postgres": database.check,
                "redis": lambda: ping(redis),
                "actors": lambda: _hosts(clients),
                "gateway": lambda: _gateway(clients),
                **({"media": lambda: _media(streams)} if actors.media.nodes else {}),
            },
            clock=system_clock,
            new_id=new_id,
        )


async def _hosts(clients: ActorClients) -> None:
    if not await clients.hosts_are_well():
        raise PartDown("a grain host does not answer")


async def _gateway(clients: ActorClients) -> None:
    if not await clients.a_gateway_is_well():
        raise PartDown("no gateway answers")


async def _media(streams: MediaStreams) -> None:
    if not await streams.a_node_is_well():
        raise PartDown("no media node answers")


async def _tidy(keys: IdempotencyKeys) -> None:
    """Drop old idempotency keys, for ever."""
    while True:
        try:
            while await keys.forget_expired(system_clock()) > 0:
                pass
        except StoreAway as error:
            _log.warning("old idempotency keys stay for now", reason=str(error)[:200])
        await asyncio.sleep(_TIDY_EVERY_SECONDS)
