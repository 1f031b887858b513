"""The deny-list over Redis: a stream that every process follows, with Postgres behind it as the truth."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import redis.asyncio as redis
import structlog
from redis.exceptions import RedisError

from classroom.ids import UserId
from classroom.times import SECOND, Moment, from_datetime, to_datetime
from persistence.denied import About, Denial, DenyList, Verdict
from persistence.errors import StoreAway
from persistence.live_pool import borrow
from persistence.tokens import Claims

SURE_SECONDS = 3.0
"""Who has heard from neither Redis nor Postgres for so long asks before going by what it knows."""
LOOK_SECONDS = 5.0
"""So often each process looks into Postgres although Redis answers: a process that alone lost Redis can tell nobody."""
ASKED_SECONDS = 0.3
"""So long Redis holds a question until there is something new: less than a call to it may take."""
PAUSE_SECONDS = 0.5
OVERLAP = 10 * SECOND
"""So far back each look into Postgres reaches behind the last one: clocks differ, and commits come late."""
AT_ONCE = 1_000
MOST_IN_STREAM = 10_000
"""Enough for those who are a moment behind: whoever missed more reads Postgres."""

_STREAM = "lyceum:denied"
_FOLLOWERS = "lyceum:denied:followers"
_AWAY = (RedisError, OSError, TimeoutError)
_FOLLOWER_SECONDS = 10  # longer than a follower is sure after it wrote its key, however slow its calls are
_WAIT_AT_FIRST, _WAIT_AT_MOST = 0.002, 0.05

ReadDenials = Callable[[Moment], Awaitable[Sequence[tuple[About, str, Moment, bool]]]]
"""What Postgres knows of denials since a moment: about, key, at, lifted."""

_log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Denial).decode

_READ = """
    SELECT 'user' AS about, id::text AS key, status_changed_at AS at, status = 'active' AND deleted_at IS NULL AS lifted
    FROM users WHERE status_changed_at > $1
    UNION ALL
    SELECT 'family', id::text, revoked_at, false FROM refresh_families WHERE revoked_at > $1
    UNION ALL
    SELECT 'role', target_id || ':' || (details->>'from'), at, false FROM audit_log
    WHERE at > $1 AND action = 'user.role' AND (details->>'lowered')::boolean
    UNION ALL
    SELECT 'role', target_id || ':' || (details->>'to'), at, true FROM audit_log
    WHERE at > $1 AND action = 'user.role'
"""


def read_denials(pool: "asyncpg.Pool[Any]") -> ReadDenials:
    """Reads what tables say. The readers raise StoreAway."""

    async def read(since: Moment) -> Sequence[tuple[About, str, Moment, bool]]:
        async with borrow(pool) as connection:
            rows = await connection.fetch(_READ, to_datetime(since))
        return [(About(row["about"]), row["key"], from_datetime(row["at"]), row["lifted"]) for row in rows]

    return read


class RedisDenied:
    """`persistence.denied.Denied` of a process that follows. `on_news` hears of each denial once, before the process says
    that it has heard; `life_seconds` is how long an access token is good for at most.

    What one process tells is in the others' memory within milliseconds while Redis answers, within `LOOK_SECONDS` otherwise.
    """

    def __init__(
        self,
        client: "redis.Redis",
        read: ReadDenials,
        life_seconds: int,
        on_news: Callable[[Sequence[Denial]], None] = lambda _: None,
        now: Callable[[], Moment] = lambda: Moment(time.time_ns() // 1_000),
    ) -> None:
        self._redis = client
        self._read = read
        self._life = life_seconds * SECOND
        self._on_news = on_news
        self._now = now
        self._list = DenyList()
        self._name = uuid4().hex
        self._heard: str | None = None
        self._beginnings = 0
        self._is_whole = False  # whether Postgres was read since it was noted from where in the stream on to listen
        self._read_until: Moment | None = None
        self._looked_at = 0.0
        self._sure_since = float("-inf")
        self._waiting: list[tuple[Sequence[Denial], asyncio.Future[None]]] = []
        self._telling: asyncio.Task[None] | None = None
        self._silent: dict[str, str] = {}
        self._closed = False
        self._looking: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to follow; waits for the first look into Postgres, which may fail: then who asks has to look."""
        try:
            await self._begin()
        except _AWAY as error:
            _log.info("denied_unheard", reason=str(error)[:200])
        try:
            await self._look()
        except StoreAway as error:
            _log.warning("denied_unread", reason=str(error)[:200])
        self._following = asyncio.get_running_loop().create_task(self._follow())

    async def close(self) -> None:
        """See `Denied.close`."""
        running = {task for task in (self._following, self._looking, self._telling) if task is not None}
        self._closed = True
        while running:
            for task in running:
                task.cancel()
            # Again and again: a call that ends at the very moment of a cancellation may pass over it.
            _, running = await asyncio.wait(running, timeout=1.0)
        for _, told in self._waiting:
            _done(told)
        try:
            await self._redis.delete(_follower_key(self._name))
        except _AWAY as error:
            _log.info("denied_not_unregistered", reason=str(error)[:200])

    @property
    def is_sure(self) -> bool:
        """See `Denied.is_sure`."""
        return time.monotonic() - self._sure_since < SURE_SECONDS and self._read_until is not None

    async def make_sure(self) -> None:
        """See `Denied.make_sure`. Who asks at the same time shares one look."""
        await asyncio.shield(self._look_soon())

    def verdict(self, claims: Claims) -> Verdict | None:
        """See `Denied.verdict`."""
        return self._list.verdict(claims)

    def has_user(self, user_id: UserId) -> bool:
        """See `Denied.has_user`."""
        return self._list.has_user(user_id)

    async def tell(self, denials: Sequence[Denial]) -> None:
        """See `Denied.tell`. Takes milliseconds; three seconds when a process has died lately, five while Redis is away.
        Those who tell at the same time share the way."""
        if not denials:
            return
        self._note(denials)
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((denials, told))
        if self._telling is None or self._telling.done():
            self._telling = asyncio.get_running_loop().create_task(self._tell())
        await told

    def _note(self, denials: Sequence[Denial]) -> None:
        news = self._list.note(denials, self._now())
        if news:
            self._on_news(news)

    # Telling

    async def _tell(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            began, seconds = time.monotonic(), 0.0
            try:
                place = await self._add([denial for denials, _ in batch for denial in denials])
                await self._until_heard(place, began + SURE_SECONDS)
            except _AWAY as error:
                _log.warning("denied_by_postgres_alone", denials=len(batch), reason=str(error)[:200])
                seconds = max(0.0, began + LOOK_SECONDS - time.monotonic())
            except Exception:
                _log.exception("denied_by_postgres_alone")
                seconds = LOOK_SECONDS
            for _, told in batch:
                asyncio.get_running_loop().call_later(seconds, _done, told)

    async def _add(self, denials: Sequence[Denial]) -> str:
        """Put them into the stream; the place of the last."""
        async with self._redis.pipeline(transaction=True) as pipe:
            for denial in denials:
                pipe.xadd(_STREAM, {"d": _encode(denial)}, maxlen=MOST_IN_STREAM, approximate=True)
            places = await pipe.execute()
        return _text(places[-1])

    async def _until_heard(self, place: str, until: float) -> None:
        """Until every follower has got as far, or is gone; `until` at most, when whoever has not is not sure any more."""
        wanted, pause = _order(place), _WAIT_AT_FIRST
        while True:
            places = await self._followers()
            # Who did not come this far in time before, and has not moved since, is not waited for again.
            behind = {name for name, heard in places.items() if _order(heard) < wanted and self._silent.get(name) != heard}
            if not behind:
                return
            if time.monotonic() >= until:
                _log.warning("denied_not_heard", behind=len(behind))
                self._silent = {name: places[name] for name in places if name in behind or name in self._silent}
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _WAIT_AT_MOST)

    async def _followers(self) -> dict[str, str]:
        names = sorted(_text(name) for name in await self._redis.smembers(_FOLLOWERS))
        names = [name for name in names if name != self._name]
        if not names:
            return {}
        places = await self._redis.mget([_follower_key(name) for name in names])
        gone = [name for name, place in zip(names, places, strict=True) if place is None]
        if gone:
            await self._redis.srem(_FOLLOWERS, *gone)
        return {name: _text(place) for name, place in zip(names, places, strict=True) if place is not None}

    # Following

    async def _follow(self) -> None:
        while not self._closed:
            heard = False
            try:
                if self._heard is None:
                    await self._begin()
                began = time.monotonic()
                if await self._hear() and self._is_whole:
                    self._sure_since = max(self._sure_since, began)
                heard = True
            except _AWAY as error:
                self._heard, self._is_whole = None, False
                _log.info("denied_unheard", reason=str(error)[:200])
            except Exception:
                _log.exception("denied_unheard")
            if heard and self._is_whole:
                if time.monotonic() - self._looked_at >= LOOK_SECONDS:
                    self._look_soon()  # however long Postgres takes, hearing goes on
                continue
            try:
                await self._look()
            except StoreAway as error:
                _log.info("denied_unread", reason=str(error)[:200])
            except Exception:
                _log.exception("denied_unread")
                heard = False
            if not heard:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _begin(self) -> None:
        """Note from where in the stream on to listen. What was told before is in Postgres, which is to be read next."""
        last: Any = await self._redis.xrevrange(_STREAM, count=1)
        self._heard, self._is_whole = _text(last[0][0]) if last else "0-0", False
        self._beginnings += 1
        await self._register()

    async def _hear(self) -> bool:
        """Wait a moment for more than is known. True when there was no more than it took."""
        await self._register()
        answer: Any = await self._redis.xread(
            {_STREAM: self._heard or "0-0"}, count=AT_ONCE, block=int(ASKED_SECONDS * 1_000)
        )
        entries = [entry for _, found in answer for entry in found]
        if not entries:
            return True
        self._note([_decode(fields[b"d"]) for _, fields in entries])
        self._heard = _text(entries[-1][0])
        return len(entries) < AT_ONCE

    async def _register(self) -> None:
        """Say how far this process has got."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(_follower_key(self._name), self._heard or "0-0", ex=_FOLLOWER_SECONDS)
            pipe.sadd(_FOLLOWERS, self._name)
            await pipe.execute()

    def _look_soon(self) -> "asyncio.Task[None]":
        """The look that is under way, or a new one."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
            self._looking.add_done_callback(_note_failure)
        return self._looking

    async def _look(self) -> None:
        began, now, beginning = time.monotonic(), self._now(), self._beginnings
        since = now - self._life if self._read_until is None else self._read_until - OVERLAP
        try:
            async with asyncio.timeout(SURE_SECONDS):
                found = await self._read(Moment(since))
        except TimeoutError as error:
            raise StoreAway("Postgres did not say in time whose tokens are refused") from error
        self._note([Denial(about, key, at, Moment(at + self._life), lifted) for about, key, at, lifted in found])
        self._read_until = now
        self._looked_at = began
        self._is_whole = self._is_whole or (self._heard is not None and beginning == self._beginnings)
        self._sure_since = max(self._sure_since, began)


def _note_failure(look: "asyncio.Task[None]") -> None:
    error = None if look.cancelled() else look.exception()
    if error is not None:
        _log.info("denied_unread", reason=str(error)[:200])


def _done(told: "asyncio.Future[None]") -> None:
    if not told.done():
        told.set_result(None)


def _follower_key(name: str) -> str:
    return f"lyceum:denied:follower:{name}"


def _order(place: str) -> tuple[int, int]:
    at, _, number = place.partition("-")
    return int(at), int(number or 0)


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()
