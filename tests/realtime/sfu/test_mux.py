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
        self.reached: asyncio.Future[Address] = asyncio.get_running_loop().create_future()

    def on_reached(self, address: Address, *, nominated: bool) -> None:
        assert nominated
        if not self.reached.done():
            self.reached.set_result(address)

    def on_handshake(self, data: bytes) -> None:
        raise AssertionError(data)

    def on_media(self, data: bytes) -> None:
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
