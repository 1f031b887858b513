"""What may be lost, in Redis: socket tickets, the directory of gateways, rate limits."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import msgspec
import redis.asyncio as redis
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from classroom.callers import Caller, Role
from classroom.ids import UserId

_REST_SECONDS = 1.0
_CALL_SECONDS = 1.0
_MOST_TOGETHER = 1_000
_MOST_WAITING = 10_000
_AWAY = (RedisError, OSError, TimeoutError)
_T = TypeVar("_T")
_NOBODY = object()
"""The answer of a Redis that is away; None is what it answers when there is no such key."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Ticket:
    user_id: str
    name: str
    role: str


_ENCODE = msgspec.json.Encoder()
_TICKETS = msgspec.json.Decoder(_Ticket)


def open_redis(redis_url: str, connections: int = 16) -> "redis.Redis":
    """A client of the server at `redis_url` (`redis://`, `rediss://`, `unix://`); connects when first used.

    Every call ends within about two seconds (a second for a free connection, a second a try, two tries on a connection
    that broke), so that a server that went away costs nobody more.
    """
    pool = redis.BlockingConnectionPool.from_url(
        redis_url,
        max_connections=connections,
        timeout=_CALL_SECONDS,
        decode_responses=False,
        socket_timeout=_CALL_SECONDS,
        socket_connect_timeout=_CALL_SECONDS,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=15,
    )
    return redis.Redis.from_pool(pool)


async def ping(client: "redis.Redis") -> None:
    """Ask for nothing. Raises what the client raises when no answer comes."""
    await client.echo("")


class Reach:
    """Calls to a Redis that may be away: after a failure it is left alone for a second, so that the calls of that
    second cost nothing; then one call at a time tries whether it is back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failing = False
        self._rest_until = 0.0

    @property
    def resting(self) -> bool:
        """Whether a call would not even be tried now."""
        return self._failing and self._clock() < self._rest_until

    async def ask(self, call: Callable[[], Awaitable[_T]]) -> _T | None:
        """The call's answer, or None while Redis is away."""
        if self._failing:
            if self._clock() < self._rest_until:
                return None
            self._rest_until = self._clock() + _CALL_SECONDS * 3  # nobody else while this call finds out
        try:
            answer = await call()
        except _AWAY:
            self._failing = True
            self._rest_until = self._clock() + _REST_SECONDS
            return None
        self._failing = False
        return answer


class Together:
    """Sends the commands of one loop turn as one pipeline, so that a rush costs a few round trips and one connection."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._reach = Reach()
        self._waiting: list[tuple[list[bytes | int], asyncio.Future[Any]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def ask(self, *command: str | bytes | int) -> Any:
        """The command's answer, or None while Redis is away."""
        answer = _NOBODY if self._reach.resting else await self._enqueue(command)
        return None if answer is _NOBODY else answer

    async def require(self, *command: str | bytes | int) -> Any:
        """The command's answer, which may be None. Raises ConnectionError while Redis is away."""
        answer = _NOBODY if self._reach.resting else await self._enqueue(command)
        if answer is _NOBODY:
            raise ConnectionError("Redis is away")
        return answer

    def tell(self, *command: str | bytes | int) -> None:
        """Send the command without waiting for it. Dropped while Redis is away or 10,000 others wait to be sent."""
        if not self._reach.resting and len(self._waiting) < _MOST_WAITING:
            self._enqueue(command)

    def _enqueue(self, command: tuple[str | bytes | int, ...]) -> asyncio.Future[Any]:
        # What cannot be encoded fails here, in the hands of who asked, and not the pipeline of everybody.
        encoded = [part.encode() if isinstance(part, str) else part for part in command]
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((encoded, answer))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())
        return answer

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST_TOGETHER], self._waiting[_MOST_TOGETHER:]
            commands = [command for command, _ in batch]
            answers: list[Any] | None = None
            try:
                answers = await self._reach.ask(partial(self._pipeline, commands))
            except Exception:
                _log.exception("redis_pipeline_failed", commands=len(commands))
            finally:
                for (_, answer), given in zip(batch, answers or [_NOBODY] * len(batch), strict=True):
                    if not answer.done():
                        answer.set_result(given)

    async def _pipeline(self, commands: list[list[bytes | int]]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            answers = await pipe.execute(raise_on_error=False)  # one that is refused is no reason to lose the others
        for answer in answers:
            if isinstance(answer, ResponseError):
                _log.warning("redis_command_refused", reason=str(answer)[:200])
        return [None if isinstance(answer, ResponseError) else answer for answer in answers]


class RedisTickets:
    """`classroom.ports.Tickets` on Redis, over a way to it of their own or one that is shared."""

    def __init__(self, redis_or_shared: "redis.Redis | Together") -> None:
        self._together = redis_or_shared if isinstance(redis_or_shared, Together) else Together(redis_or_shared)

    async def issue(self, caller: Caller, ttl_seconds: int) -> str | None:
        """A ticket that works once; None while Redis is away."""
        ticket = secrets.token_urlsafe(24)
        holder = _ENCODE.encode(_Ticket(caller.user_id, caller.name, caller.role.value))
        kept = await self._together.ask("SET", _ticket_key(ticket), holder, "EX", ttl_seconds)
        return ticket if kept is not None else None

    async def redeem(self, ticket: str) -> Caller | None:
        """Who the ticket was made for; None when it is unknown, used or too old. Raises ConnectionError while Redis is
        away: whether the ticket is good is then not known."""
        held = await self._together.require("GETDEL", _ticket_key(ticket))
        if held is None:
            return None
        known = _TICKETS.decode(held)
        return Caller(UserId(known.user_id), known.name, Role(known.role))


class RedisGatewayDirectory:
    """`classroom.ports.GatewayDirectory` on Redis: one key a gateway, gone when it stops registering, and a set of their
    names."""

    _KNOWN_FOR_SECONDS = 1.0

    def __init__(self, client: "redis.Redis", clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = client
        self._clock = clock
        self._reach = Reach(clock)
        self._known: tuple[str, ...] = ()
        self._known_until = 0.0
        self._reading: asyncio.Task[None] | None = None

    async def register(self, name: str, url: str, ttl_seconds: int) -> None:
        """Say that the gateway `name` takes sockets at `url` for the next `ttl_seconds`; nothing while Redis is away."""

        async def write() -> None:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(_gateway_key(name), url, ex=ttl_seconds)
                pipe.sadd(_GATEWAYS, name)
                await pipe.execute()

        await self._reach.ask(write)

    async def list_urls(self) -> Sequence[str]:
        """The addresses of the gateways that registered lately, as they were read a second ago at most; a crowd that comes
        when they are older waits for one reading. Empty when nobody knows."""
        if self._clock() >= self._known_until:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._refresh())
            await asyncio.shield(self._reading)
        return self._known

    async def _refresh(self) -> None:
        self._known = await self._reach.ask(self._read) or ()
        self._known_until = self._clock() + self._KNOWN_FOR_SECONDS

    async def _read(self) -> tuple[str, ...]:
        names = sorted(_text(name) for name in await self._redis.smembers(_GATEWAYS))
        if not names:
            return ()
        urls = await self._redis.mget([_gateway_key(name) for name in names])
        gone = [name for name, url in zip(names, urls, strict=True) if url is None]
        if gone:
            await self._redis.srem(_GATEWAYS, *gone)
        return tuple(dict.fromkeys(_text(url) for url in urls if url is not None))


_GATEWAYS = "lyceum:gateways"


def _gateway_key(name: str) -> str:
    return f"lyceum:gateway:{name}"


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()


def _ticket_key(ticket: str) -> str:
    return f"lyceum:ticket:{ticket[:64]}"
