import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest

from classroom.callers import Caller, Role
from classroom.ids import UserId
from persistence.embedded.redis import start
from persistence.ids import new_id
from persistence.memory.tickets import MemoryGatewayDirectory, MemoryTickets
from persistence.redis_store import Reach, RedisGatewayDirectory, RedisTickets, Together, open_redis, ping

ADA = Caller(UserId(new_id()), "Ada Łovelace", Role.INSTRUCTOR)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "redis"])
def tickets(request: pytest.FixtureRequest, redis_client: Any) -> Any:
    return MemoryTickets() if request.param == "memory" else RedisTickets(redis_client)


@pytest.fixture(params=["memory", "redis"])
def directory(request: pytest.FixtureRequest, redis_client: Any) -> Any:
    # The real one remembers what it read for a second; here that second is over each time it is asked.
    clock = iter(float(second) for second in range(0, 10_000, 2))
    return MemoryGatewayDirectory() if request.param == "memory" else RedisGatewayDirectory(redis_client, clock.__next__)


async def test_a_ticket_works_once(tickets: Any) -> None:
    ticket = await tickets.issue(ADA, 60)
    assert await tickets.redeem(ticket) == ADA
    assert await tickets.redeem(ticket) is None
    assert await tickets.redeem("made up") is None


async def test_tickets_asked_for_together_are_all_different_and_all_good(tickets: Any) -> None:
    people = [Caller(UserId(new_id()), f"P{number}", Role.STUDENT) for number in range(200)]
    issued = await asyncio.gather(*(tickets.issue(person, 60) for person in people))
    assert len(set(issued)) == 200
    assert await asyncio.gather(*(tickets.redeem(ticket) for ticket in issued)) == people


async def test_a_ticket_redeemed_twice_at_once_works_once(tickets: Any) -> None:
    ticket = await tickets.issue(ADA, 60)
    answers = await asyncio.gather(*(tickets.redeem(ticket) for _ in range(5)))
    assert answers.count(ADA) == 1


async def test_an_old_ticket_is_none(redis_client: Any) -> None:
    clock = Clock()
    memory = MemoryTickets(clock)
    ticket = await memory.issue(ADA, 60)
    clock.now += 60
    assert await memory.redeem(ticket) is None

    await RedisTickets(redis_client).issue(ADA, 60)
    keys = [key async for key in redis_client.scan_iter(match="lyceum:ticket:*")]
    assert keys
    assert all(0 < left <= 60 for left in [await redis_client.ttl(key) for key in keys])


async def test_memory_holds_a_bounded_number_of_tickets() -> None:
    tickets = MemoryTickets()
    first = await tickets.issue(ADA, 60)
    for _ in range(10_000):
        last = await tickets.issue(ADA, 60)
    assert await tickets.redeem(first) is None
    assert await tickets.redeem(last) == ADA


async def test_gateways_are_known_while_they_register(directory: Any) -> None:
    names = [f"test-{new_id()}" for _ in range(2)]
    await directory.register(names[0], "ws://one/ws", 60)
    await directory.register(names[1], "ws://two/ws", 60)
    await directory.register(names[0], "ws://uno/ws", 60)
    urls = await directory.list_urls()
    assert "ws://uno/ws" in urls
    assert "ws://two/ws" in urls
    assert "ws://one/ws" not in urls


async def test_a_gateway_that_stopped_registering_is_forgotten(redis_client: Any) -> None:
    clock = Clock()
    memory = MemoryGatewayDirectory(clock)
    await memory.register("g", "ws://one/ws", 10)
    clock.now += 10
    assert await memory.list_urls() == ()

    seconds = iter(float(second) for second in range(0, 100, 2))
    real = RedisGatewayDirectory(redis_client, seconds.__next__)
    await real.register("leaving", "ws://leaving/ws", 10)
    assert 0 < await redis_client.ttl("lyceum:gateway:leaving") <= 10
    assert "ws://leaving/ws" in await real.list_urls()
    await redis_client.delete("lyceum:gateway:leaving")
    assert "ws://leaving/ws" not in await real.list_urls()
    assert not await redis_client.sismember("lyceum:gateways", "leaving")


async def test_a_crowd_that_asks_where_the_gateways_are_reads_once(redis_client: Any) -> None:
    directory = RedisGatewayDirectory(redis_client)
    await directory.register("crowded", "ws://crowded/ws", 60)
    before = (await redis_client.info("commandstats"))["cmdstat_smembers"]["calls"] if await directory.list_urls() else 0
    directory._known_until = 0.0
    answers = await asyncio.gather(*(directory.list_urls() for _ in range(500)))
    assert all("ws://crowded/ws" in urls for urls in answers)
    after = (await redis_client.info("commandstats"))["cmdstat_smembers"]["calls"]
    assert after == before + 1


async def test_while_redis_is_away_everybody_is_told_so_at_once() -> None:
    with tempfile.TemporaryDirectory(prefix="lyceum-test-redis-") as folder:
        server = start(Path(folder), Path(folder) / "redis.log")
        client = open_redis(server.url)
        tickets, directory = RedisTickets(client), RedisGatewayDirectory(client)
        await ping(client)
        await directory.register("g", "ws://one/ws", 60)
        assert await tickets.issue(ADA, 60) is not None
        server.stop(10)

        async with asyncio.timeout(5):
            assert await tickets.issue(ADA, 60) is None
            assert await asyncio.gather(*(tickets.issue(ADA, 60) for _ in range(100))) == [None] * 100
            for _ in range(2):  # whether it was tried or not
                with pytest.raises(ConnectionError, match="away"):
                    await tickets.redeem("any")
            await directory.register("g", "ws://one/ws", 60)
            with pytest.raises(Exception, match="connect"):
                await ping(client)

        again = start(Path(folder), Path(folder) / "redis.log")
        async with asyncio.timeout(10):
            while (ticket := await tickets.issue(ADA, 60)) is None:  # noqa: ASYNC110 - a server that comes back tells nobody
                await asyncio.sleep(0.05)
        assert await tickets.redeem(ticket) == ADA
        await client.aclose()
        again.stop(10)


async def test_a_command_that_cannot_be_written_harms_only_who_sent_it(redis_client: Any) -> None:
    together = Together(redis_client)
    before = asyncio.create_task(together.ask("ECHO", "before"))
    bad = asyncio.create_task(together.ask("ECHO", "\ud800"))
    after = asyncio.create_task(together.ask("ECHO", "after"))
    async with asyncio.timeout(5):
        assert await asyncio.gather(before, after) == [b"before", b"after"]
        with pytest.raises(UnicodeEncodeError):
            await bad
    with pytest.raises(UnicodeEncodeError):
        together.tell("SET", "\ud800", 1)


class FailsOnce:
    """A client with a fault that nobody thought of."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.faults = 1

    def pipeline(self, transaction: bool) -> Any:
        if self.faults:
            self.faults -= 1
            raise RuntimeError("a fault in the library")
        return self._client.pipeline(transaction=transaction)


async def test_a_fault_strands_nothing_that_waits_behind_it(redis_client: Any) -> None:
    together = Together(FailsOnce(redis_client))  # type: ignore[arg-type] # only what Together uses of a client
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*(together.ask("ECHO", str(number)) for number in range(2_500)))
    assert set(answers[:1_000]) == {None}, "the first pipeline"
    assert answers[1_000:] == [str(number).encode() for number in range(1_000, 2_500)]


async def test_a_server_that_failed_is_left_alone_for_a_second() -> None:
    clock = Clock()
    reach = Reach(clock)
    calls = []

    async def fail() -> str:
        calls.append(clock.now)
        raise ConnectionError

    async def work() -> str:
        return "here"

    assert await reach.ask(fail) is None
    assert reach.resting
    assert await reach.ask(fail) is None
    assert len(calls) == 1
    clock.now += 1
    assert await reach.ask(work) == "here"
    assert not reach.resting


async def test_only_one_call_tries_whether_the_server_is_back() -> None:
    clock = Clock()
    reach = Reach(clock)
    back = asyncio.Event()
    tries = []

    async def fail() -> str:
        raise ConnectionError

    async def hang() -> str:
        tries.append(clock.now)
        await back.wait()
        return "here"

    await reach.ask(fail)
    clock.now += 1
    first = asyncio.create_task(reach.ask(hang))
    await asyncio.sleep(0)
    assert [await reach.ask(hang) for _ in range(5)] == [None] * 5
    assert len(tries) == 1
    back.set()
    assert await asyncio.wait_for(first, 10) == "here"
    assert await reach.ask(hang) == "here"
