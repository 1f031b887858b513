import asyncio
from collections.abc import Callable

import pytest

from actors.envelopes import EvictNotice, Parcel, unpack
from actors.outgoing import LONGEST_PAUSE_SECONDS, WAITING_EVENTS, GatewayAway, Outgoing
from classroom.ids import Topic, UserId
from classroom.ports import Batch
from tests.actors.school import until

EVICTION = EvictNotice("class", UserId("sam"))


def parcel(first: int, count: int = 1, *evictions: EvictNotice) -> Parcel:
    return Parcel("host", "run", [Batch(Topic("live:class"), 1, first, [b"{}"] * count)], evictions)


class Gateways:
    """Gateways that take parcels when the test lets them."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.fault: Callable[[], Exception] | None = None
        self.taken: list[Parcel] = []
        self.asked = 0
        self.under_way = 0
        self.most_under_way = 0

    async def deliver(self, gateway: str, parcel: bytes) -> None:
        self.asked += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.open.wait()
            if self.fault is not None:
                raise self.fault()
            self.taken.append(unpack(parcel))
        finally:
            self.under_way -= 1

    @property
    def offsets(self) -> list[int]:
        """What has arrived, in order."""
        found: list[int] = []
        for each in self.taken:
            for batch in each.batches:
                found += range(batch.first_offset, batch.first_offset + len(batch.events))
        return found


async def settled() -> None:
    """Everybody has come to where they wait."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_parcels_arrive_in_order_two_under_way_and_the_rest_together() -> None:
    gateways = Gateways()
    outgoing = Outgoing(gateways)
    for first in range(1, 101):
        outgoing.send("gateway", parcel(first))
        await settled()
    gateways.open.set()
    await settled()
    assert gateways.offsets == list(range(1, 101))
    assert len(gateways.taken) == 3
    assert gateways.most_under_way == 2
    assert outgoing.lost("gateway") == 0


async def test_one_gateway_that_does_not_take_anything_keeps_no_other_waiting() -> None:
    class OneHangs(Gateways):
        async def deliver(self, gateway: str, parcel: bytes) -> None:
            if gateway == "hanging":
                await asyncio.Event().wait()
            await super().deliver(gateway, parcel)

    gateways = OneHangs()
    gateways.open.set()
    outgoing = Outgoing(gateways)
    for first in range(1, 11):
        outgoing.send("hanging", parcel(first))
        outgoing.send("well", parcel(first))
        await settled()
    assert gateways.offsets == list(range(1, 11))


async def test_a_gateway_that_does_not_keep_up_loses_its_queue_and_that_is_counted() -> None:
    gateways = Gateways()
    outgoing = Outgoing(gateways)
    for first in range(3):
        outgoing.send("gateway", parcel(first + 1))
        await settled()
    outgoing.send("gateway", parcel(4, WAITING_EVENTS))
    assert outgoing.lost("gateway") == 1
    outgoing.send("gateway", parcel(WAITING_EVENTS + 4))
    gateways.open.set()
    await settled()
    assert gateways.offsets == [1, 2, WAITING_EVENTS + 4]


async def test_a_parcel_that_was_not_taken_is_counted_whatever_the_reason() -> None:
    gateways = Gateways()
    gateways.open.set()
    outgoing = Outgoing(gateways)
    for number, fault in enumerate((lambda: GatewayAway("gone"), lambda: KeyError("a fault of ours")), start=1):
        gateways.fault = fault
        outgoing.send("gateway", parcel(number))
        await settled()
        assert outgoing.lost("gateway") == number
    gateways.fault = None
    gateways.open.clear()
    outgoing.send("gateway", parcel(3))
    await asyncio.sleep(11)
    assert outgoing.lost("gateway") == 3
    gateways.open.set()
    outgoing.send("gateway", parcel(4))
    await settled()
    assert gateways.offsets == [4]
    assert outgoing.lost("another") == 0


async def test_evictions_are_never_lost_with_a_queue() -> None:
    gateways = Gateways()
    gateways.open.set()
    gateways.fault = lambda: GatewayAway("gone")
    outgoing = Outgoing(gateways)
    outgoing.send("gateway", parcel(1, 1, EVICTION))
    await settled()
    gateways.fault = None
    outgoing.send("gateway", parcel(2))
    await settled()
    assert [eviction for each in gateways.taken for eviction in each.evictions] == [EVICTION]
    assert gateways.offsets == [2]


async def test_evictions_are_tried_again_though_nothing_follows() -> None:
    gateways = Gateways()
    gateways.open.set()
    gateways.fault = lambda: GatewayAway("gone")
    outgoing = Outgoing(gateways)
    outgoing.send("gateway", parcel(1, 1, EVICTION))
    await asyncio.sleep(30)
    assert 5 <= gateways.asked <= 20, "in pauses that grow, up to a bound"
    assert outgoing.lost("gateway") == 1, "evictions alone are not lost: there is nothing to follow anew"
    gateways.fault = None
    await until(lambda: gateways.taken, "they arrive", LONGEST_PAUSE_SECONDS + 1)
    asked = gateways.asked
    await asyncio.sleep(30)
    assert [(list(each.batches), list(each.evictions)) for each in gateways.taken] == [([], [EVICTION])]
    assert gateways.asked == asked, "and are not told again"


async def test_evictions_of_a_queue_that_was_lost_leave_without_waiting_for_more() -> None:
    gateways = Gateways()
    outgoing = Outgoing(gateways)
    for first in range(2):
        outgoing.send("gateway", parcel(first + 1))
        await settled()
    outgoing.send("gateway", parcel(3, WAITING_EVENTS + 1, EVICTION))
    gateways.open.set()
    await until(lambda: [list(each.evictions) for each in gateways.taken] == [[], [], [EVICTION]], "evicted", 5)


@pytest.mark.parametrize("hanging", [False, True])
async def test_a_gateway_that_is_forgotten_is_asked_no_more_and_what_it_was_owed_is_told(hanging: bool) -> None:
    gateways = Gateways()
    gateways.fault = lambda: GatewayAway("gone")
    if not hanging:
        gateways.open.set()
    outgoing = Outgoing(gateways)
    others = [EvictNotice("class", UserId(name)) for name in ("kim", "bob")]
    for first, notice in enumerate((EVICTION, *others), start=1):
        outgoing.send("gateway", parcel(first, 1, notice))
        await settled()
    assert sorted(outgoing.forget("gateway"), key=lambda notice: notice.user_id) == [others[1], others[0], EVICTION]
    asked = gateways.asked
    await asyncio.sleep(60)
    assert gateways.asked == asked
    assert outgoing.forget("gateway") == ()
    gateways.fault = None
    gateways.open.set()
    outgoing.send("gateway", parcel(9))
    await settled()
    assert gateways.offsets == [9]
