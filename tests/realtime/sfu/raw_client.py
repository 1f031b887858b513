"""A client of the media port without a browser: it sends its own binding requests, shakes hands, and reads raw packets."""

import asyncio
import secrets
import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import aioice.stun as stun
from pylibsrtp import Error as SrtpError

from realtime.sfu.dtls import Certificate, Dtls
from realtime.sfu.fan import fan
from realtime.sfu.packets import is_rtcp
from realtime.sfu.srtp import NUMBERS, Packet, Receiver


async def until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait for the condition; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


class RawClient:
    """One UDP socket. `rtp` and `rtcp`: decrypted packets as they came."""

    def __init__(self, *, keep: int = 5000) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.settimeout(0.0)
        self.socket.bind(("127.0.0.1", 0))
        self.certificate = Certificate()
        self.ufrag = secrets.token_hex(4)
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.answered = 0
        self.ended = False
        self.repeated = 0
        self.lose: Callable[[int], bool] = lambda _sequence: False
        self.on_rtp: Callable[[bytes], None] | None = None
        self._keep = keep
        self._early: list[bytes] = []
        self._server: tuple[str, int] | None = None
        self._dtls = Dtls(self.certificate, self._send, self._end)
        self._names = ("", "")

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._readable)
        return self

    async def __aexit__(self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        if self.socket.fileno() >= 0:
            await self._dtls.close()
            asyncio.get_running_loop().remove_reader(self.socket.fileno())
            self.socket.close()

    async def connect(self, port: int, ufrag: str, password: str, fingerprint: str) -> None:
        self._server = ("127.0.0.1", port)
        self._names = (ufrag, password)
        self.bind_request()
        await until(lambda: self.answered)
        await self._dtls.connect([fingerprint], server=False)
        early, self._early = self._early, []
        for data in early:
            self._take(data)

    def bind_request(self, password: str | None = None) -> None:
        """Send a binding request, with another password than ours if one is given."""
        ufrag, own = self._names
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes["USERNAME"] = f"{ufrag}:{self.ufrag}"
        message.attributes["PRIORITY"] = 1
        message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity((password or own).encode())
        self._send(bytes(message))

    def send_rtp(self, packet: bytes) -> None:
        """Any size: pylibsrtp's own `protect` takes 1,356 bytes, and others who publish send more."""
        assert self._dtls.sender is not None
        assert self._server is not None
        whole, to = Packet(packet, *NUMBERS.unpack_from(packet, 2)), Receiver(self._dtls.sender, self._server)
        assert not fan((whole,), (to,), self.socket)

    def send_rtcp(self, packet: bytes) -> None:
        assert self._dtls.sender is not None
        self._send(self._dtls.sender.protect_rtcp(packet))

    def send_noise(self, data: bytes, port: int | None = None) -> None:
        self.socket.sendto(data, self._server or ("127.0.0.1", port or 0))

    def _send(self, data: bytes) -> None:
        assert self._server is not None
        self.socket.sendto(data, self._server)

    def _end(self) -> None:
        self.ended = True

    def _readable(self) -> None:
        for _ in range(64):
            try:
                data = self.socket.recv(2048)
            except BlockingIOError:
                return
            if data[0] < 4:
                self.answered += 1
            elif data[0] < 64:
                self._dtls.receive(data)
            elif self._dtls.receiver is not None:
                self._take(data)
            else:  # a browser has its keys before it reads on; our handshake goes on in a later turn of the loop
                self._early.append(data)

    def _take(self, data: bytes) -> None:
        assert self._dtls.receiver is not None
        if not is_rtcp(data) and self.lose(int.from_bytes(data[2:4], "big")):
            return
        try:
            if is_rtcp(data):
                self.rtcp.append(self._dtls.receiver.unprotect_rtcp(data))
                return
            packet = self._dtls.receiver.unprotect(data)
        except SrtpError as fault:
            if "replay" in str(fault):
                self.repeated += 1
                return
            raise AssertionError(f"what came cannot be read: {fault}") from fault
        if len(self.rtp) < self._keep:
            self.rtp.append(packet)
        if self.on_rtp is not None:
            self.on_rtp(packet)
