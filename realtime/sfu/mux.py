"""One UDP port for everybody: datagrams find their peer by address, addresses by authenticated binding requests."""

import asyncio
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from struct import Struct
from typing import Protocol

import structlog

from realtime.rates import Bucket
from realtime.sfu.egress import Egress
from realtime.sfu.srtp import Address
from realtime.sfu.stun import MOST_BYTES, is_signed, read_request, success

DATAGRAM_BYTES = 2048
_READS_A_TURN = 64
_SECONDS_A_TURN = 0.01
_ADDRESSES_A_PEER = 8
_REQUESTS_A_SECOND = 50  # of one peer, whose signature is checked: from its addresses, and as many from ones not known yet
_SNDBUFFORCE, _RCVBUFFORCE, _TIMESTAMP_NS = 32, 33, 35  # socket(7); Python has no names for them
_STAMP = Struct("@qq")
_NOTES_BYTES = socket.CMSG_SPACE(_STAMP.size)
_OLDEST_SECONDS = 1.0  # a clock that was set in between says anything

_log = structlog.get_logger(__name__)


class Faults:
    """Counts what was refused, by its name, and says so once a minute at most."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._told_at = -60.0

    def count(self, name: str) -> None:
        """One more of these. Names are ours, never a peer's, so there are few."""
        self.counts[name] = self.counts.get(name, 0) + 1
        now = time.monotonic()
        if now - self._told_at >= 60.0:
            self._told_at = now
            _log.info("media.refused", **self.counts)


class Endpoint(Protocol):
    """One peer, as the port sees it."""

    ufrag: str
    password: bytes

    def is_at(self, address: Address) -> bool:
        """Whether the peer is reached at this address, and was heard lately: then it is nobody else's."""
        ...

    def on_reached(self, address: Address, *, nominated: bool) -> None:
        """A request with our password came from this address."""
        ...

    def on_handshake(self, data: bytes) -> None:
        """A DTLS datagram from one of the peer's addresses."""
        ...

    def on_media(self, data: bytes, age: float) -> None:
        """An SRTP or SRTCP datagram from one of the peer's addresses, which came to this machine so many seconds ago."""
        ...


class Mux:
    """The port. Nobody who does not know a password causes anything to be kept."""

    def __init__(self, address: str, port: int, receive_buffer: int, send_buffer: int) -> None:
        """Bind it. Raises OSError when it cannot be bound."""
        self.faults = Faults()
        self.dropped = 0
        """What the system had no room to send."""
        self._by_ufrag: dict[str, Endpoint] = {}
        self._by_address: dict[Address, Endpoint] = {}
        self._addresses: dict[str, deque[Address]] = {}
        self._strangers: dict[str, Bucket] = {}
        self._known: dict[str, Bucket] = {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self.socket.settimeout(0.0)
            _enlarge(self.socket, socket.SO_RCVBUF, _RCVBUFFORCE, receive_buffer)
            _enlarge(self.socket, socket.SO_SNDBUF, _SNDBUFFORCE, send_buffer)
            if sys.platform == "linux":
                self.socket.setsockopt(socket.SOL_SOCKET, _TIMESTAMP_NS, 1)
            self.socket.bind((address, port))
        except OSError:
            self.socket.close()
            raise
        self.port: int = self.socket.getsockname()[1]
        self.egress = Egress(self.socket)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Read in the running loop from now on."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.socket.fileno(), self._readable)

    def close(self) -> None:
        """Read and send no more."""
        if self._loop is not None:
            self._loop.remove_reader(self.socket.fileno())
            self._loop = None
        self.socket.close()

    def add(self, endpoint: Endpoint) -> None:
        """Answer binding requests for this peer."""
        self._by_ufrag[endpoint.ufrag] = endpoint
        self._addresses[endpoint.ufrag] = deque()
        for buckets in (self._strangers, self._known):
            buckets[endpoint.ufrag] = Bucket(_REQUESTS_A_SECOND, _REQUESTS_A_SECOND, time.monotonic())

    def expect(self, endpoint: Endpoint, address: Address) -> None:
        """Hand what comes from this address to the peer without a binding request: a link, whose address Ray told."""
        self._remember(endpoint, address)

    def remove(self, endpoint: Endpoint) -> None:
        """Forget the peer and its addresses."""
        self._by_ufrag.pop(endpoint.ufrag, None)
        self._strangers.pop(endpoint.ufrag, None)
        self._known.pop(endpoint.ufrag, None)
        for address in self._addresses.pop(endpoint.ufrag, ()):
            if self._by_address.get(address) is endpoint:
                del self._by_address[address]

    def send(self, data: bytes, address: Address) -> None:
        """Send now or, when the system has no room, never: whoever misses it asks again."""
        try:
            self.socket.sendto(data, address)
        except OSError:
            self.dropped += 1

    def _readable(self) -> None:
        self.egress.hold()
        try:
            self._read()
        finally:
            self.egress.release()

    def _read(self) -> None:
        receive, by_address = self.socket.recvmsg, self._by_address
        until = time.monotonic() + _SECONDS_A_TURN
        for _ in range(_READS_A_TURN):
            try:
                data, notes, _flags, address = receive(DATAGRAM_BYTES, _NOTES_BYTES)
            except BlockingIOError:
                return
            except OSError:  # what the network says of an earlier datagram, for example that nobody listens
                self.faults.count("unreachable")
                continue
            if not data:
                continue
            first = data[0]
            if 127 < first < 192:
                peer = by_address.get(address)
                if peer is not None:
                    peer.on_media(data, _age(notes))
                else:
                    self.faults.count("media_of_a_stranger")
            elif first < 4:
                self._on_stun(data, address)
            elif 19 < first < 64:
                peer = by_address.get(address)
                if peer is not None:
                    peer.on_handshake(data)
                else:
                    self.faults.count("handshake_of_a_stranger")
            else:
                self.faults.count("no_known_protocol")
            if self.egress.is_full or time.monotonic() > until:
                return  # the loop comes back: the socket is still readable

    def _on_stun(self, data: bytes, address: Address) -> None:
        request = read_request(data) if len(data) <= MOST_BYTES else None
        if request is None:
            self.faults.count("stun_unread")
            return
        peer = self._by_ufrag.get(request.ufrag)
        if peer is None:
            self.faults.count("stun_for_nobody")
            return
        holder = self._by_address.get(address)
        bucket = (self._known if holder is peer else self._strangers)[request.ufrag]
        if not bucket.take(time.monotonic()):
            self.faults.count("stun_too_much")
            return
        if not is_signed(data, request, peer.password):
            self.faults.count("stun_forged")
            return
        if holder is not None and holder is not peer and holder.is_at(address):
            self.faults.count("address_of_another")  # who forges where it comes from takes nobody's packets away
            return
        self._remember(peer, address)
        self.send(success(request.transaction, address[0], address[1], peer.password), address)
        peer.on_reached(address, nominated=request.nominates)

    def _remember(self, peer: Endpoint, address: Address) -> None:
        if self._by_address.get(address) is peer:
            return
        known = self._addresses[peer.ufrag]
        if len(known) >= _ADDRESSES_A_PEER:
            oldest = known.popleft()
            if self._by_address.get(oldest) is peer:
                del self._by_address[oldest]
        known.append(address)
        self._by_address[address] = peer


def _age(notes: Sequence[tuple[int, int, bytes]]) -> float:
    """Seconds since the system took a datagram in, by what it noted on it; 0 where it notes nothing."""
    for level, kind, note in notes:
        if level == socket.SOL_SOCKET and kind == _TIMESTAMP_NS and len(note) == _STAMP.size:
            seconds, nanoseconds = _STAMP.unpack(note)
            waited: float = time.time() - (seconds + nanoseconds / 1e9)
            return min(_OLDEST_SECONDS, max(0.0, waited))
    return 0.0


def _enlarge(port: socket.socket, option: int, force: int, size: int) -> None:
    """Ask for room; beyond the system's bound where we may (as root on Linux), else up to it."""
    if sys.platform == "linux":
        try:
            port.setsockopt(socket.SOL_SOCKET, force, size)
        except PermissionError:
            pass
        else:
            return
    port.setsockopt(socket.SOL_SOCKET, option, size)
