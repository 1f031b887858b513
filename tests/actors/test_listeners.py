import asyncio
from collections.abc import Sequence

from actors.envelopes import EvictNotice, Parcel
from actors.listeners import GONE_KEPT, Listeners
from actors.live_grain import gateway_run
from classroom.ids import ConnectionId, Topic, UserId
from classroom.ports import Batch
from tests.actors.school import turns

TOPIC = Topic("live:class")


class Sender:
    def __init__(self) -> None:
        self.sent: list[tuple[str, Parcel]] = []
        self.failures = 0
        self.forgotten: list[str] = []
        self.owed: list[EvictNotice] = []

    def send(self, gateway: str, parcel: Parcel) -> None:
        self.sent.append((gateway, parcel))

    def lost(self, gateway: str) -> int:
        return self.failures

    def forget(self, gateway: str) -> Sequence[EvictNotice]:
        self.forgotten.append(gateway)
        return self.owed


async def test_what_one_turn_has_for_a_gateway_is_one_parcel_in_order() -> None:
    sender = Sender()
    listeners = Listeners("host", "run", sender)
    batches = [Batch(TOPIC, 1, number, [b"{}"]) for number in range(1, 6)]
    for batch in batches:
        listeners.publish("gateway", batch)
    listeners.publish("other", batches[0])
    listeners.resync("gateway", TOPIC)
    assert not sender.sent
    await turns()
    assert sender.sent == [
        ("gateway", Parcel("host", "run", batches, [], [TOPIC])),
        ("other", Parcel("host", "run", batches[:1], [], [])),
    ]


async def test_the_token_changes_when_a_gateway_must_follow_anew_and_not_otherwise() -> None:
    sender = Sender()
    listeners = Listeners("host", "run", sender)
    assert listeners.attach("gateway", "g-1")
    tokens = [listeners.token("gateway")]
    await asyncio.sleep(9)
    assert not listeners.forget_silent()
    assert not listeners.attach("gateway", "g-1")
    assert listeners.token("gateway") == tokens[0]
    await asyncio.sleep(11)
    assert listeners.forget_silent() == ["gateway"]
    assert listeners.attach("gateway", "g-1")
    tokens.append(listeners.token("gateway"))
    sender.failures += 1
    tokens.append(listeners.token("gateway"))
    tokens.append(Listeners("host", "another run", sender).token("gateway"))
    assert len(set(tokens)) == 4


async def test_a_host_that_was_held_up_itself_pardons_everybody() -> None:
    listeners = Listeners("host", "run", Sender())
    listeners.attach("gateway", "g-1")
    await asyncio.sleep(30)
    listeners.pardon()
    assert not listeners.forget_silent()
    assert listeners.runs == {"g-1"}


async def test_recent_evictions_are_told_to_whoever_attaches() -> None:
    sender = Sender()
    listeners = Listeners("host", "run", sender)
    listeners.evict([EvictNotice("class", UserId("old"))])
    await asyncio.sleep(20)
    listeners.evict([EvictNotice("class", UserId("new"))])
    listeners.attach("gateway", "g-1")
    await turns()
    assert [notice.user_id for _, parcel in sender.sent for notice in parcel.evictions] == ["new"]


async def test_a_gateway_that_was_silent_and_comes_back_is_told_whom_it_missed_and_only_then() -> None:
    sender = Sender()
    listeners = Listeners("host", "run", sender)
    listeners.attach("gateway", "g-1")
    sender.owed = [EvictNotice("class", UserId("owed"))]
    await asyncio.sleep(11)
    assert listeners.forget_silent() == ["gateway"]
    assert sender.forgotten == ["gateway"]
    listeners.evict([EvictNotice("class", UserId("missed"))])
    await asyncio.sleep(60)
    assert not sender.sent
    listeners.attach("gateway", "g-1")
    await turns()
    assert [notice.user_id for _, parcel in sender.sent for notice in parcel.evictions] == ["owed", "missed"]
    await asyncio.sleep(11)
    listeners.forget_silent()
    sender.sent.clear()
    listeners.attach("gateway", "g-2")
    await turns()
    assert not sender.sent, "another run has none of those sockets"


async def test_who_follows_without_ever_saying_that_it_lives_is_forgotten_too() -> None:
    sender = Sender()
    listeners = Listeners("host", "run", sender)
    listeners.publish("stranger", Batch(TOPIC, 1, 1, [b"{}"]))
    listeners.publish("friend", Batch(TOPIC, 1, 1, [b"{}"]))
    await asyncio.sleep(9)
    listeners.attach("friend", "g-1")
    assert not listeners.forget_silent()
    await asyncio.sleep(2)
    assert listeners.forget_silent() == ["stranger"]
    assert not listeners.forget_silent()


async def test_gateways_that_are_gone_for_good_are_not_remembered_for_ever() -> None:
    listeners = Listeners("host", "run", Sender())
    for number in range(3 * GONE_KEPT):
        listeners.attach(f"gateway-{number}", "run")
    await asyncio.sleep(11)
    listeners.forget_silent()
    assert len(listeners._gone) == GONE_KEPT
    assert not listeners.runs
    assert not listeners._comings


async def test_after_the_end_nothing_is_sent() -> None:
    sender = Sender()
    listeners = Listeners("host", "run", sender)
    listeners.publish("gateway", Batch(TOPIC, 1, 1, [b"{}"]))
    listeners.close()
    await turns()
    assert not sender.sent


def test_a_connection_is_of_the_run_that_its_name_begins_with_whatever_follows() -> None:
    assert {gateway_run(ConnectionId(name)) for name in ("run.socket", "run.run.socket", "run.a.b.c")} == {"run"}
