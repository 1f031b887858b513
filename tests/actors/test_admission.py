from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.admission import Admission, evictions_of
from classroom.callers import Caller, Role
from classroom.ids import UserId
from classroom.times import SECOND, Moment
from persistence.denied import denied_family, denied_role, denied_user
from persistence.errors import StoreAway
from persistence.ids import new_id
from persistence.memory.denied import MemoryDenied
from persistence.memory.tickets import MemoryGatewayDirectory, MemoryTickets
from persistence.tokens import AccessTokens
from realtime.closing import FORBIDDEN, RESYNC
from realtime.gateway import Evict, Gateway
from realtime.settings import GatewaySettings
from tests.realtime.conftest import World

NOW = Moment(1_790_000_000_000_000)
LATER = Moment(NOW + 3_600 * SECOND)
TOKENS = AccessTokens("a secret key that only the tests know")


class Gate:
    """An admission with its parts."""

    def __init__(self) -> None:
        self.denied = MemoryDenied(lambda: NOW)
        self.tickets = MemoryTickets()
        self.admission = Admission(TOKENS, self.tickets, self.denied, lambda: NOW)

    def token(self, caller: Caller, family: str = "f") -> str:
        return TOKENS.make(caller, NOW, 3_600, family)


@pytest.fixture
def gate() -> Gate:
    return Gate()


def somebody(role: Role = Role.STUDENT) -> Caller:
    return Caller(UserId(new_id()), "Sam", role)


async def test_a_good_token_or_ticket_opens_a_socket_until_its_person_is_banned(gate: Gate) -> None:
    sam, other = somebody(), somebody()
    assert gate.admission.identify(gate.token(sam)) == sam
    assert gate.admission.identify("nonsense") is None
    ticket = await gate.admission.issue(sam, 60)
    late = await gate.admission.issue(sam, 60)
    assert ticket is not None
    assert late is not None
    assert await gate.admission.redeem(ticket) == sam
    assert await gate.admission.redeem(ticket) is None

    await gate.denied.tell([denied_user(sam.user_id, NOW, LATER)])
    assert gate.admission.identify(gate.token(sam)) is None
    assert await gate.admission.redeem(late) is None
    assert gate.admission.identify(gate.token(other)) == other


async def test_a_sign_in_that_is_over_or_a_role_that_was_taken_away_opens_none(gate: Gate) -> None:
    ada = somebody(Role.ADMIN)
    await gate.denied.tell([denied_family("out", NOW, LATER)])
    assert gate.admission.identify(gate.token(ada, "out")) is None
    assert gate.admission.identify(gate.token(ada, "in")) == ada
    await gate.denied.tell([denied_role(ada.user_id, Role.ADMIN, NOW, LATER)])
    assert gate.admission.identify(gate.token(ada, "in")) is None


async def test_who_is_not_sure_asks_and_who_cannot_ask_lets_nobody_in(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    sam, banned = somebody(), somebody()
    tickets = [await gate.admission.issue(sam, 60) for _ in range(2)]
    monkeypatch.setattr(MemoryDenied, "is_sure", False)

    async def hear(self: MemoryDenied) -> None:
        await self.tell([denied_user(banned.user_id, NOW, LATER)])

    monkeypatch.setattr(MemoryDenied, "make_sure", hear)
    answers: list[Any] = [gate.admission.identify(gate.token(each)) for each in (sam, banned)]
    assert [await answer for answer in answers] == [sam, None]
    assert await gate.admission.redeem(str(tickets[0])) == sam

    async def away(self: MemoryDenied) -> None:
        raise StoreAway("the test says so")

    monkeypatch.setattr(MemoryDenied, "make_sure", away)
    answer: Any = gate.admission.identify(gate.token(sam))
    with pytest.raises(ConnectionError):
        await answer
    with pytest.raises(ConnectionError):
        await gate.admission.redeem(str(tickets[1]))


def test_sockets_close_for_who_was_banned_or_lost_a_role_and_for_nobody_else() -> None:
    sam, ada = UserId(new_id()), UserId(new_id())
    news = [
        denied_user(sam, NOW, LATER),
        denied_user(ada, NOW, LATER, lifted=True),
        denied_family(new_id(), NOW, LATER),
        denied_role(ada, Role.ADMIN, NOW, LATER),
        denied_role(ada, Role.STUDENT, NOW, LATER, lifted=True),
    ]
    assert evictions_of(news) == [Evict(sam, None, FORBIDDEN.code), Evict(ada, None, RESYNC.code)]


@pytest.fixture
async def world(gate: Gate) -> AsyncIterator[World]:
    """A gateway on a real port that admits by the list."""
    world = World()
    settings = GatewaySettings("g1", "127.0.0.1", 0, "ws://127.0.0.1:1/ws")
    directory = MemoryGatewayDirectory()
    world.gateway = Gateway(settings, gate.admission.identify, gate.admission, world.host, world.host, directory)
    world._gateways.append(world.gateway)
    await world.gateway.start()
    yield world
    await world.close()


async def test_open_sockets_of_who_is_banned_are_closed_and_no_other_opens(gate: Gate, world: World) -> None:
    sam, other = somebody(), somebody()
    peers = []
    for caller in (sam, sam, other):
        peer = await world.open()
        await peer.hello(gate.token(caller))
        peers.append(peer)
    ban = denied_user(sam.user_id, NOW, LATER)
    await gate.denied.tell([ban])
    world.gateway.evict(evictions_of([ban]))
    for peer in peers[:2]:
        assert await peer.closed() == (4501, "forbidden")
    again = await world.open()
    await again.send(type="hello", token=gate.token(sam))
    assert (await again.closed())[0] == 4500
    await peers[2].send(type="ping")
    await peers[2].expect("pong")
