"""One browser: found by ICE, trusted by DTLS, heard over SRTP, and gone after silence."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from typing import Protocol

from pylibsrtp import Error as SrtpError
from pylibsrtp import Session

from realtime.rates import Bucket
from realtime.sfu.dtls import Certificate, Dtls, HandshakeFailed
from realtime.sfu.fan import fan
from realtime.sfu.mux import Mux
from realtime.sfu.packets import is_rtcp
from realtime.sfu.srtp import NUMBERS, Address, Packet, Receiver

_RTP_A_SECOND, _RTP_BURST = 4000.0, 4000
_RTCP_A_SECOND, _RTCP_BURST = 200.0, 400
_HELD_SECONDS = 5.0
_HANDSHAKES_A_SECOND, _HANDSHAKES_BURST = 20.0, 100  # a handshake takes ten; each costs a turn of OpenSSL
_MOST_SSRCS = 64  # libsrtp keeps some memory for each that it decrypts; a page with eleven lines has thirty
_SSRC_SECONDS = 30.0  # unheard for so long, one gives way to another: who begins its streams anew must not run out of them


class Listener(Protocol):
    """What a peer's packets and fate are told to."""

    def on_rtp(self, data: bytes, now: float, arrived: float) -> None:
        """A packet of media, decrypted. It `arrived` at this machine by then, and perhaps waited for us."""
        ...

    def on_rtcp(self, data: bytes, now: float) -> None:
        """A compound packet of reports, decrypted."""
        ...

    def on_moved(self, address: Address) -> None:
        """The peer is to be reached here from now on."""
        ...

    def on_ended(self, why: str) -> None:
        """The peer ended the connection."""
        ...


class Peer:
    """The server's end of one browser's connection. `seen`: when something authentic came last, by `clock`."""

    def __init__(
        self, mux: Mux, certificate: Certificate, clock: Callable[[], float], listener: Listener, *, sends_media: bool
    ) -> None:
        """`sends_media`: whether RTP is taken from the peer at all."""
        self.ufrag = secrets.token_hex(4)
        self.password_text = secrets.token_hex(16)
        self.password = self.password_text.encode()
        self.address: Address | None = None
        self.seen = clock()
        self.connected = False
        self._mux = mux
        self._clock = clock
        self._listener = listener
        self._sends_media = sends_media
        self._reached = asyncio.Event()
        self._dtls = Dtls(certificate, self._send_handshake, self._ended)
        self._closed = False
        self._sender: Session | None = None
        self._receiver: Session | None = None
        self._rtp = Bucket(_RTP_A_SECOND, _RTP_BURST, self.seen)
        self._ssrcs: dict[bytes, float] = {}
        self._handshakes = Bucket(_HANDSHAKES_A_SECOND, _HANDSHAKES_BURST, self.seen)
        self._rtcp = Bucket(_RTCP_A_SECOND, _RTCP_BURST, self.seen)
        mux.add(self)

    @property
    def sender(self) -> Session:
        """The SRTP session towards the peer. Only once it is connected."""
        if self._sender is None:
            raise RuntimeError("The peer is not connected yet.")
        return self._sender

    async def connect(self, fingerprints: Sequence[str], *, timeout_seconds: float) -> None:
        """Wait for the browser and shake hands with it. Raises HandshakeFailed."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._reached.wait()
        except TimeoutError:
            raise HandshakeFailed(f"The browser did not reach us within {timeout_seconds:.0f} s.") from None
        if self._closed:
            raise HandshakeFailed("The session was closed before the browser came.")
        await self._dtls.connect(fingerprints, server=True)
        self._sender, self._receiver = self._dtls.sender, self._dtls.receiver
        self.seen = self._clock()
        self.connected = not self._closed

    def is_at(self, address: Address) -> bool:
        """Whether this is the peer's address, and it was heard within five seconds."""
        return self.connected and address == self.address and self._clock() - self.seen < _HELD_SECONDS

    def on_reached(self, address: Address, *, nominated: bool) -> None:
        """Go to this address if it is the first, or the one that the browser chose."""
        self.seen = self._clock()
        if self.address is None or (nominated and address != self.address):
            self.address = address
            self._reached.set()
            self._listener.on_moved(address)

    def on_handshake(self, data: bytes) -> None:
        """Hand a DTLS datagram on, unless there are too many."""
        if not self._handshakes.take(self._clock()) or not self._dtls.receive(data):
            self._mux.faults.count("handshake_flood")

    def on_media(self, data: bytes, age: float) -> None:
        """Decrypt and hand on; what is forged, repeated or too much is dropped and counted. `age`: how
        long it waited for us, in seconds."""
        session = self._receiver
        if session is None or self._closed:
            return
        now = self._clock()
        if is_rtcp(data):
            if not self._rtcp.take(now):
                self._mux.faults.count("rtcp_flood")
                return
            plain = self._decrypted(session.unprotect_rtcp, data, data[4:8], now)
            if plain is not None:
                self._listener.on_rtcp(plain, now)
        elif self._sends_media:
            if not self._rtp.take(now):
                self._mux.faults.count("rtp_flood")
                return
            plain = self._decrypted(session.unprotect, data, data[8:12], now)
            if plain is not None:
                self._listener.on_rtp(plain, now, now - age)
        else:
            self._mux.faults.count("media_of_a_viewer")

    def _decrypted(self, decrypt: Callable[[bytes], bytes], data: bytes, ssrc: bytes, now: float) -> bytes | None:
        if ssrc not in self._ssrcs and len(self._ssrcs) >= _MOST_SSRCS and not self._give_way(now):
            self._mux.faults.count("too_many_ssrcs")
            return None
        try:
            plain = decrypt(data)
        except (SrtpError, ValueError):
            self._mux.faults.count("srtp_unread")
            return None
        self.seen = self._ssrcs[ssrc] = now
        return plain

    def _give_way(self, now: float) -> bool:
        """Forget the SSRC that was not heard for longest; whether there was one."""
        oldest = min(self._ssrcs, key=self._ssrcs.__getitem__)
        if self._receiver is None or now - self._ssrcs[oldest] < _SSRC_SECONDS:
            return False
        del self._ssrcs[oldest]
        self._receiver.remove_stream(int.from_bytes(oldest, "big"))
        return True

    def send(self, packet: bytes) -> None:
        """Encrypt and send one RTP packet."""
        if self.connected and self.address is not None:
            whole, to = Packet(packet, *NUMBERS.unpack_from(packet, 2)), Receiver(self.sender, self.address)
            self._mux.dropped += fan((whole,), (to,), self._mux.socket)

    def send_reports(self, reports: bytes) -> None:
        """Encrypt and send one compound packet of RTCP."""
        if self.connected and self.address is not None and reports:
            self._mux.send(self.sender.protect_rtcp(reports), self.address)

    async def close(self) -> None:
        """Say goodbye and forget the peer; once more changes nothing."""
        if self._closed:
            return
        self._closed = True
        self.connected = False
        self._reached.set()
        try:
            await self._dtls.close()
        finally:
            self._mux.remove(self)

    def _send_handshake(self, data: bytes) -> None:
        if self.address is not None:
            self._mux.send(data, self.address)

    def _ended(self) -> None:
        if not self._closed:
            self._listener.on_ended("The browser ended the connection.")
