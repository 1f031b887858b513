import asyncio

import pytest

from actors.attachments import Attachments
from actors.dispatch import HostAway
from actors.envelopes import Attached


class Hosts:
    def __init__(self) -> None:
        self.tokens: dict[str, str | Exception] = {"one": "a", "two": "b"}
        self.epochs: dict[str, dict[int, int]] = {"one": {1: 1, 2: 1}, "two": {3: 1}}
        self.named: dict[str, tuple[str, ...]] = {}
        self.attached: list[str] = []

    async def attach(self, host: str, gateway: str, run: str) -> Attached:
        self.attached.append(host)
        token = self.tokens[host]
        if isinstance(token, Exception):
            raise token
        if token == "hang":
            await asyncio.Event().wait()
        return Attached(token, self.epochs[host], self.named.get(host, ()))


class Work:
    def __init__(self) -> None:
        self.renewed: list[str] = []
        self.shards: list[frozenset[int]] = []
        self.doubted: list[str] = []
        self.settled = 0
        self.faults = 0

    async def renew(self, host: str, shards: frozenset[int]) -> None:
        if self.faults:
            self.faults -= 1
            raise ZeroDivisionError
        self.renewed.append(host)
        self.shards.append(shards)

    async def settle(self) -> None:
        self.settled += 1
        if self.settled == 2:
            raise ZeroDivisionError


def attachments(hosts: Hosts, work: Work, *known: str) -> Attachments:
    """To these hosts, or to all that there are then."""
    return Attachments(
        hosts, lambda: known or tuple(hosts.tokens), "gateway", "run", work.renew, work.settle, work.doubted.append
    )


async def test_a_host_is_renewed_when_its_token_is_another_and_only_then() -> None:
    hosts, work = Hosts(), Work()
    attaching = attachments(hosts, work)
    for _ in range(3):
        await attaching.attach()
    assert sorted(work.renewed) == ["one", "two"]
    hosts.tokens["two"] = "c"
    await attaching.attach()
    await attaching.attach()
    assert work.renewed[2:] == ["two"]


@pytest.mark.parametrize("trouble", [HostAway("gone"), ZeroDivisionError(), "hang"])
async def test_trouble_with_one_host_keeps_no_other_waiting_for_long(trouble: Exception | str) -> None:
    hosts, work = Hosts(), Work()
    keeping = asyncio.ensure_future(attachments(hosts, work).keep())
    hosts.tokens["one"] = trouble
    await asyncio.sleep(20)
    assert hosts.attached.count("two") >= 5
    assert work.renewed == ["two"]
    hosts.tokens["one"] = "again"
    await asyncio.sleep(5)
    assert work.renewed == ["two", "one"]
    keeping.cancel()


async def test_a_host_that_could_not_be_renewed_is_renewed_in_the_next_round() -> None:
    hosts, work = Hosts(), Work()
    work.faults = 3
    keeping = asyncio.ensure_future(attachments(hosts, work).keep())
    await asyncio.sleep(5)
    assert sorted(work.renewed) == ["one", "two"]
    keeping.cancel()


async def test_doubts_are_settled_in_every_round_whatever_happens() -> None:
    hosts, work = Hosts(), Work()
    keeping = asyncio.ensure_future(attachments(hosts, work).keep())
    await asyncio.sleep(5.1)
    assert work.settled == 10
    keeping.cancel()


async def test_of_shards_that_moved_only_those_are_renewed_and_an_earlier_owner_is_not_believed() -> None:
    hosts, work = Hosts(), Work()
    attaching = attachments(hosts, work)
    await attaching.attach()
    assert dict(zip(work.renewed, work.shards, strict=True)) == {"one": {1, 2}, "two": {3}}
    hosts.epochs["two"] = {2: 2, 3: 1}
    await attaching.attach()
    await attaching.attach()
    assert (work.renewed[2:], work.shards[2:]) == (["two"], [{2}])
    hosts.tokens["one"] = "anew"  # and does not know yet what it lost
    await attaching.attach()
    assert (work.renewed[3:], work.shards[3:]) == (["one"], [{1}])


async def test_hosts_that_come_are_attached_to_and_hosts_that_go_are_let_go() -> None:
    hosts, work = Hosts(), Work()
    keeping = asyncio.ensure_future(attachments(hosts, work).keep())
    await asyncio.sleep(2)
    hosts.tokens["three"], hosts.epochs["three"] = "c", {4: 1}
    del hosts.tokens["one"]
    await asyncio.sleep(1)
    gone = hosts.attached.count("one")
    await asyncio.sleep(5)
    assert hosts.attached.count("one") == gone
    assert "three" in work.renewed
    keeping.cancel()


async def test_hosts_that_only_other_hosts_know_of_are_attached_to_as_well() -> None:
    hosts, work = Hosts(), Work()
    hosts.tokens["three"], hosts.epochs["three"] = "c", {4: 1}
    hosts.named = {"one": ("one", "two"), "two": ("two", "three")}
    attaching = attachments(hosts, work, "one")
    await attaching.attach()
    assert work.renewed == ["one", "two", "three"]
    keeping = asyncio.ensure_future(attaching.keep())
    await asyncio.sleep(5)
    assert hosts.attached.count("three") >= 9
    assert work.renewed == ["one", "two", "three"], "nothing was new"
    keeping.cancel()


@pytest.mark.parametrize("trouble", [HostAway("gone"), "hang"])
async def test_who_does_not_answer_is_doubted_and_what_it_said_counts_no_more(trouble: Exception | str) -> None:
    hosts, work = Hosts(), Work()
    hosts.tokens["three"], hosts.epochs["three"] = "c", {4: 1}
    hosts.named = {"one": ("one", "two"), "two": ("two", "three"), "three": ("two", "three")}
    keeping = asyncio.ensure_future(attachments(hosts, work, "one").keep())
    await asyncio.sleep(5)
    hosts.named["one"] = ("one",)
    hosts.tokens["two"] = hosts.tokens["three"] = trouble
    await asyncio.sleep(10)
    gone = len(hosts.attached) - hosts.attached.count("one")
    assert set(work.doubted) == {"two", "three"}
    await asyncio.sleep(10)
    assert len(hosts.attached) - hosts.attached.count("one") == gone, "two that are gone kept each other's name alive"
    keeping.cancel()
