"""Whom a dispatcher asks, and what it learns, while hosts are silent, gone or unknown."""

import asyncio
from collections.abc import Sequence

import pytest

from actors.dispatch import LANES, Dispatcher, HostAway
from actors.envelopes import LIVE, OWNERS, Envelope, NotOwner, Owned, Reply
from actors.shards import SHARDS, host_names, shard_of
from tests.actors.answering import DONE, Hosts, envelope


async def test_what_a_silent_host_was_sent_goes_to_its_successor_and_a_late_answer_counts_for_nothing() -> None:
    shard = shard_of(LIVE, "class")
    woken = asyncio.Event()

    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        if host == still:
            await woken.wait()
            return [NotOwner(shard, None)] * len(envelopes)
        return [Owned({shard: host}) if each.kind == OWNERS else DONE for each in envelopes]

    hosts = Hosts(answer)
    dispatcher = Dispatcher(hosts, host_names(2))
    still = dispatcher.owner(LIVE, "class")
    [other] = set(dispatcher.hosts) - {still}
    loop = asyncio.get_running_loop()
    asked = loop.time()
    assert await asyncio.gather(*[dispatcher.execute(envelope(number)) for number in range(3)]) == [DONE] * 3
    assert 1.0 <= loop.time() - asked <= 1.6
    assert hosts.calls[still] == [[0, 1, 2]]
    woken.set()
    await asyncio.sleep(5)
    assert [call for call in hosts.calls[other] if call != [-1]] == [[0, 1, 2]]
    assert await dispatcher.execute(envelope(3)) == DONE
    assert dispatcher.owner(LIVE, "class") == other


async def test_a_host_that_was_away_once_is_asked_when_its_successor_is_gone_for_good() -> None:
    away: set[str] = set()
    names = host_names(2)

    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        if host in away:
            raise HostAway("gone")
        return [Owned(dict.fromkeys(range(SHARDS), host)) if each.kind == OWNERS else DONE for each in envelopes]

    dispatcher = Dispatcher(Hosts(answer), names)
    first = dispatcher.owner(LIVE, "class")
    [second] = set(names) - {first}
    away.add(first)
    assert await dispatcher.execute(envelope(1)) == DONE
    assert dispatcher.owner(LIVE, "class") == second
    away.symmetric_difference_update(names)
    assert await dispatcher.execute(envelope(2)) == DONE, "nothing was sent there since, so nobody saw it come back"
    assert dispatcher.owner(LIVE, "class") == first


async def test_a_host_that_was_unknown_is_found_by_what_others_say_of_it() -> None:
    shard = shard_of(LIVE, "class")

    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        return [DONE if host == "newcomer" else NotOwner(shard, "newcomer") for _ in envelopes]

    dispatcher = Dispatcher(Hosts(answer), host_names(1))
    assert await dispatcher.execute(envelope(1)) == DONE
    assert "newcomer" in dispatcher.hosts


@pytest.mark.parametrize("known", [1, 3])
async def test_when_all_known_hosts_are_gone_for_good_it_is_found_out_which_there_are(known: int) -> None:
    discovered: list[float] = []

    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        if not host.startswith("newcomer"):
            raise HostAway("gone")
        return [Owned(dict.fromkeys(range(SHARDS), host)) if each.kind == OWNERS else DONE for each in envelopes]

    async def discover() -> Sequence[str]:
        discovered.append(asyncio.get_running_loop().time())
        if len(discovered) == 1:
            raise ConnectionError("a fault of whoever knows")
        return ["newcomer"]

    dispatcher = Dispatcher(Hosts(answer), host_names(known), discover)
    assert await dispatcher.execute(envelope(1)) == DONE
    assert dispatcher.owner(LIVE, "class") == "newcomer"
    assert len(discovered) == 2
    assert discovered[1] - discovered[0] >= 2


async def test_nobody_is_looked_for_while_somebody_answers() -> None:
    gone: set[str] = set()
    looked: list[bool] = []

    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        if host in gone:
            raise HostAway("gone")
        return [Owned(dict.fromkeys(range(SHARDS), host)) if each.kind == OWNERS else DONE for each in envelopes]

    async def discover() -> Sequence[str]:
        looked.append(True)
        return []

    dispatcher = Dispatcher(Hosts(answer), host_names(2), discover)
    gone.add(dispatcher.owner(LIVE, "class"))
    assert await dispatcher.execute(envelope(1)) == DONE
    assert not looked


async def test_hosts_that_own_nothing_any_more_are_let_go_one_day() -> None:
    shard = shard_of(LIVE, "class")
    day = 0

    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        today = f"host-of-day-{day}"
        return [DONE if host == today else NotOwner(shard, today) for _ in envelopes]

    dispatcher = Dispatcher(Hosts(answer), host_names(1))
    for day in range(500):  # the hosts read it
        assert await dispatcher.execute(envelope(day)) == DONE
    assert len(dispatcher._lanes) <= LANES


async def test_the_only_host_is_waited_for() -> None:
    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        await asyncio.sleep(4)
        return [DONE] * len(envelopes)

    hosts = Hosts(answer)
    assert await Dispatcher(hosts, host_names(1)).execute(envelope(1)) == DONE
    assert hosts.calls["grain-host-0"] == [[1]]
