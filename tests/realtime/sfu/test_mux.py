"""The port under a flood: whom it is aimed at may wait, nobody else."""

import asyncio
import socket

from aioice import stun

from realtime.sfu.mux import Address, Mux
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
