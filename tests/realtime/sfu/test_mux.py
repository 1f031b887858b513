"""The port under a flood: whom it is aimed at may wait, nobody else."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator

from aioice import stun
from pylibsrtp import Policy

from realtime.sfu.lanes import Group, shape_of
from realtime.sfu.mux import Mux
from realtime.sfu.srtp import Address, Packet, Receiver, session_of
from tests.realtime.sfu.raw_client import until


class Waiting:
    """A peer that notes from where it was reached."""

    def __init__(self, name: str) -> None:
        self.ufrag, self.password = name, name.encode() * 8
        self.holds = True
        self.reached: asyncio.Future[Address] = asyncio.get_running_loop().create_future()

    def is_at(self, address: Address) -> bool:
        return self.holds

    def on_reached(self, address: Address, *, nominated: bool) -> None:
        assert nominated
        if not self.reached.done():
            self.reached.set_result(address)

    def on_handshake(self, data: bytes) -> None:
        raise AssertionError(data)

    def on_media(self, data: bytes, age: float) -> None:
        raise AssertionError(data)

    def request(self, password: bytes) -> bytes:
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes["USERNAME"] = f"{self.ufrag}:x"
        message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity(password)
        return bytes(message)


class Sending(Waiting):
    """A peer whose packets go on to a group of one viewer; the packet `at` is a fault of ours."""

    def __init__(self, mux: Mux, viewer: Receiver, at: int | None = None) -> None:
        super().__init__("sending")
        self.group = Group(shape_of(7, {"vp8": 96}, 0))
        self.group.receivers.append(viewer)
        self.turns: list[int] = []
        """How many were held before each packet."""
        self._mux, self._at = mux, at

    def on_media(self, data: bytes, age: float) -> None:
        self.turns.append(len(self.group.held))
        if data[3] == self._at:
            raise OverflowError
        self._mux.egress.put(Packet(data, data[3], 9), self.group)


@contextlib.asynccontextmanager
async def forwarding(at: int | None = None, viewers: int = 1) -> AsyncIterator[tuple[Sending, socket.socket, socket.socket]]:
    """What sends, the socket of who sends to it, and the viewer's."""
    mux = Mux("127.0.0.1", 0, 1 << 18, 1 << 18)
    mux.start()
    browser, viewer = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    try:
        for port in (browser, viewer):
            port.bind(("127.0.0.1", 0))
            port.settimeout(0.0)
        session = session_of(bytes(44), Policy.SRTP_PROFILE_AEAD_AES_256_GCM, outbound=True)
        sending = Sending(mux, Receiver(session, viewer.getsockname()), at)
        sending.group.receivers += sending.group.receivers * (viewers - 1)
        mux.add(sending)
        mux.expect(sending, browser.getsockname())
        browser.connect(("127.0.0.1", mux.port))
        yield sending, browser, viewer
    finally:
        mux.close()
        browser.close()
        viewer.close()


def numbers_at(viewer: socket.socket) -> list[int]:
    found = []
    while True:
        try:
            found.append(viewer.recv(2048)[3])
        except BlockingIOError:
            return found


def packet(number: int) -> bytes:
    return struct.pack("!BBHII", 0x80, 96, number, 9, 7) + b"payload"


async def test_what_is_read_in_one_turn_goes_out_together_at_its_end() -> None:
    async with forwarding() as (sending, browser, viewer):
        for number in range(10):
            browser.send(packet(number))
        await until(lambda: len(sending.turns) == 10)
        assert sending.turns == list(range(10))
        assert not sending.group.held
        assert numbers_at(viewer) == list(range(10))


async def test_a_fault_in_a_turn_keeps_nothing_back() -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: faults.append(told.get("exception")))
    try:
        async with forwarding(at=2) as (sending, browser, viewer):
            for number in range(5):
                browser.send(packet(number))
            await until(lambda: len(sending.turns) == 5)
            assert sending.turns == [0, 1, 2, 0, 1]
            assert numbers_at(viewer) == [0, 1, 3, 4]
            sending._mux.egress.put(Packet(packet(9), 9, 9), sending.group)
            assert numbers_at(viewer) == [9]
    finally:
        asyncio.get_running_loop().set_exception_handler(None)
    assert [type(fault) for fault in faults] == [OverflowError]


async def test_a_turn_ends_when_much_is_to_be_sent() -> None:
    async with forwarding(viewers=500) as (sending, browser, _viewer):
        for number in range(12):
            browser.send(packet(number))
        await until(lambda: len(sending.turns) == 12)
        assert max(sending.turns) == 4


async def test_who_floods_with_one_name_keeps_nobody_else_away() -> None:
    mux = Mux("127.0.0.1", 0, 1 << 18, 1 << 18)
    mux.start()
    told, newcomer = Waiting("told"), Waiting("newcomer")
    attacker, browser = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    try:
        mux.add(told)
        mux.add(newcomer)
        to, forged, asked = ("127.0.0.1", mux.port), told.request(b"wrong"), newcomer.request(newcomer.password)
        browser.bind(("127.0.0.1", 0))
        for turn in range(1, 61):
            for _ in range(50):
                attacker.sendto(forged, to)
            await until(lambda turn=turn: sum(mux.faults.counts.values()) >= 50 * turn)  # type: ignore[misc]  # mypy: a default's type
        for _ in range(50):
            attacker.sendto(forged, to)
        browser.sendto(asked, to)
        async with asyncio.timeout(5):
            assert await newcomer.reached == browser.getsockname()
        assert mux.faults.counts["stun_too_much"] > 1000
        assert not told.reached.done()
    finally:
        mux.close()
        attacker.close()
        browser.close()


async def test_who_forges_where_it_comes_from_takes_nobodys_address() -> None:
    """Neither a browser's nor a node's; one that is not heard of any more gives way."""
    mux = Mux("127.0.0.1", 0, 1 << 18, 1 << 18)
    mux.start()
    here, forger = Waiting("here"), Waiting("forger")
    browser = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        mux.add(here)
        mux.add(forger)
        browser.bind(("127.0.0.1", 0))
        mux.expect(here, browser.getsockname())
        browser.sendto(forger.request(forger.password), ("127.0.0.1", mux.port))
        await until(lambda: mux.faults.counts.get("address_of_another"))
        assert not forger.reached.done()
        here.holds = False
        browser.sendto(forger.request(forger.password), ("127.0.0.1", mux.port))
        async with asyncio.timeout(5):
            assert await forger.reached == browser.getsockname()
    finally:
        mux.close()
        browser.close()


async def test_requests_from_a_known_address_are_bounded_too() -> None:
    mux = Mux("127.0.0.1", 0, 1 << 18, 1 << 18)
    mux.start()
    flooder = Waiting("flooder")
    browser = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        mux.add(flooder)
        browser.bind(("127.0.0.1", 0))
        browser.settimeout(0.0)
        asked = flooder.request(flooder.password)
        for turn in range(1, 41):
            for _ in range(50):
                browser.sendto(asked, ("127.0.0.1", mux.port))
            await until(lambda turn=turn: mux.faults.counts.get("stun_too_much", 0) >= 50 * turn - 1500)  # type: ignore[misc]  # mypy: a default's type
        assert flooder.reached.done()
    finally:
        mux.close()
        browser.close()
