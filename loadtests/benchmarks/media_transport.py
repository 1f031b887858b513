"""A light client's transport: one UDP socket, the controlling end of ICE, DTLS with SRTP. No aiortc in it: servers are
measured and tested by something that is not made of what they are made of."""

import asyncio
import contextlib
import ipaddress
import os
import secrets
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aioice import stun
from OpenSSL import SSL
from pylibsrtp import Error as SrtpError
from pylibsrtp import Session

from loadtests.benchmarks.media_dtls import new_connection, peer_fingerprint, sessions_of

Address = tuple[str, int]
_READ_IN_A_TURN = 64
_BUFFER_BYTES = 4 * 2**20
_CHECK_SECONDS = 0.1
_CONSENT_SECONDS = 5.0
TIMESTAMPS = 35  # SO_TIMESTAMPNS on Linux, which Python's socket module does not name


class NotConnected(ConnectionError):
    """A light client did not come through; the text says how far it came."""


@dataclass(frozen=True)
class Remote:
    """What an answer or offer says of the other end's transport."""

    address: Address
    ufrag: str
    password: str
    fingerprint: str
    setup: str


class Transport:
    """From `connect` on, RTP and RTCP go out by `send` and `send_rtcp`; what comes goes to `on_rtp` and `on_rtcp`.

    `on_rtp` gets the datagram as it came, encrypted but for its header, and when the kernel had it (seconds since 1970; 0
    unless asked for): `unprotect` is the caller's, since who only counts need not. `on_rtcp` gets plain text."""

    def __init__(
        self,
        on_rtp: Callable[[bytes, float], None],
        on_rtcp: Callable[[bytes], None],
        host: str = "127.0.0.1",
        *,
        kernel_times: bool = False,
    ) -> None:
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(16)
        self.undecipherable = 0
        self.profile = ""
        self._on_rtp, self._on_rtcp, self._kernel_times = on_rtp, on_rtcp, kernel_times
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        if kernel_times:
            self._socket.setsockopt(socket.SOL_SOCKET, TIMESTAMPS, 1)
        self._socket.bind((host, 0))
        self.address: Address = self._socket.getsockname()
        self._remote: Remote | None = None
        self._handshakes: asyncio.Queue[bytes] = asyncio.Queue(64)
        self._checked = asyncio.Event()
        self._ssl: SSL.Connection | None = None
        self._outgoing: Session | None = None
        self._incoming: Session | None = None
        self._consent: asyncio.Task[None] | None = None

    @property
    def remote(self) -> Remote:
        """The other end, once `connect` was told of it."""
        assert self._remote is not None
        return self._remote

    async def connect(self, remote: Remote, seconds: float = 15) -> None:
        """ICE, then DTLS. Raises NotConnected, with how far it came."""
        self._remote = remote
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable)
        stage = "no answer to a binding request"
        try:
            async with asyncio.timeout(seconds):
                while not self._checked.is_set():
                    self.check()
                    try:
                        async with asyncio.timeout(_CHECK_SECONDS):
                            await self._checked.wait()
                    except TimeoutError:
                        continue
                stage = "no end of the DTLS handshake"
                await self._shake_hands(remote)
        except TimeoutError:
            self.close()
            raise NotConnected(f"There was {stage} within {seconds:g} s.") from None
        self._consent = asyncio.create_task(self._keep_consent())

    def check(self) -> None:
        """Send one binding request that nominates (RFC 8445, 7.2 and 8.1)."""
        assert self._remote is not None
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{self._remote.ufrag}:{self.ufrag}"
        request.attributes["PRIORITY"] = 1_853_824_767
        request.attributes["ICE-CONTROLLING"] = 1
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(self._remote.password.encode())
        request.add_fingerprint()
        self.send_datagram(bytes(request))

    def send_datagram(self, data: bytes) -> None:
        """As it is; a full buffer of the kernel loses it, as a network would."""
        assert self._remote is not None
        try:
            self._socket.sendto(data, self._remote.address)
        except (BlockingIOError, ConnectionRefusedError):
            return

    def send(self, packet: bytes) -> bytes:
        """Encrypt and send RTP; gives what went out."""
        assert self._outgoing is not None
        data: bytes = self._outgoing.protect(packet)
        self.send_datagram(data)
        return data

    def send_rtcp(self, packets: bytes) -> None:
        """Encrypt and send a compound."""
        assert self._outgoing is not None
        self.send_datagram(self._outgoing.protect_rtcp(packets))

    def unprotect(self, data: bytes) -> bytes | None:
        """RTP in the clear; None, and counted, when it is not to be had. None before the handshake has ended at this end."""
        if self._incoming is None:
            return None
        try:
            plain: bytes = self._incoming.unprotect(data)
        except SrtpError:
            self.undecipherable += 1
            return None
        return plain

    def move(self) -> None:
        """Go on from another port, as behind a NAT that forgot: the other end learns of it by the next `check`."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket.fileno())
        host = self.address[0]
        self._socket.close()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        self._socket.bind((host, 0))
        self.address = self._socket.getsockname()
        self._kernel_times = False
        loop.add_reader(self._socket.fileno(), self._readable)

    def close(self) -> None:
        """Say goodbye over DTLS where there is one, and close the socket. May be called twice."""
        if self._consent is not None:
            self._consent.cancel()
            self._consent = None
        if self._socket.fileno() < 0:
            return
        if self._ssl is not None and self._outgoing is not None:
            with contextlib.suppress(SSL.Error):  # it has broken already, and there is nobody to say it to
                self._ssl.shutdown()
            self._flush(self._ssl)
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()

    def vanish(self) -> None:
        """Close the socket without a word, as who lost power."""
        if self._consent is not None:
            self._consent.cancel()
            self._consent = None
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()

    async def _keep_consent(self) -> None:
        while True:
            await asyncio.sleep(_CONSENT_SECONDS)  # RFC 7675, 5.1
            self.check()

    async def _shake_hands(self, remote: Remote) -> None:
        is_server = remote.setup == "active"
        connection = self._ssl = new_connection(is_server)
        while True:
            try:
                connection.do_handshake()
                break
            except SSL.WantReadError:
                self._flush(connection)
            except SSL.Error as fault:
                raise NotConnected(f"The DTLS handshake failed: {fault}") from None
            try:
                async with asyncio.timeout(connection.DTLSv1_get_timeout()):
                    connection.bio_write(await self._handshakes.get())
            except TimeoutError:
                connection.DTLSv1_handle_timeout()
        self._flush(connection)
        if peer_fingerprint(connection) != remote.fingerprint:
            raise NotConnected("The other end has another certificate than its SDP says.")
        self.profile, self._incoming, self._outgoing = sessions_of(connection, is_server)

    def _flush(self, connection: SSL.Connection) -> None:
        while True:
            try:
                self.send_datagram(connection.bio_read(1500))
            except SSL.Error:
                return

    def _readable(self) -> None:
        for data, when in self._datagrams():
            first = data[0]
            if 127 < first < 192:  # RFC 7983
                if 192 <= data[1] <= 223:
                    self._take_rtcp(data)
                else:
                    self._on_rtp(data, when)
            elif first < 4:
                self._take_stun(data)
            elif 19 < first < 64 and not self._handshakes.full():
                self._handshakes.put_nowait(data)

    def _datagrams(self) -> Iterator[tuple[bytes, float]]:
        for _ in range(_READ_IN_A_TURN):
            if self._socket.fileno() < 0:
                return  # closed by what came before
            try:
                if self._kernel_times:
                    data, ancillary, _, _ = self._socket.recvmsg(2048, 64)
                    seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
                    when = seconds + nanoseconds / 1e9
                else:
                    data, when = self._socket.recv(2048), 0.0
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue  # nobody is at the other end, or not yet: the timeouts tell
            if len(data) > 1:
                yield data, when

    def _take_rtcp(self, data: bytes) -> None:
        if self._incoming is None:
            return
        try:
            plain = self._incoming.unprotect_rtcp(data)
        except SrtpError:
            self.undecipherable += 1
            return
        self._on_rtcp(plain)

    def _take_stun(self, data: bytes) -> None:
        try:
            message = stun.parse_message(data)
        except ValueError:
            return
        if message.message_class == stun.Class.RESPONSE:
            self._checked.set()
        elif message.message_class == stun.Class.REQUEST and message.check_message_integrity(self.password.encode()):
            assert self._remote is not None
            response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id)
            response.attributes["XOR-MAPPED-ADDRESS"] = self._remote.address
            response.add_message_integrity(self.password.encode())
            response.add_fingerprint()
            self.send_datagram(bytes(response))


def usual_host() -> str:
    """This machine's first address that is not its loopback: full ICE offers no other."""
    import psutil  # only the benchmark asks

    for addresses in psutil.net_if_addrs().values():
        for each in addresses:
            if each.family == socket.AF_INET and not ipaddress.ip_address(each.address).is_loopback:
                return str(each.address)
    return "127.0.0.1"


def new_ssrc() -> int:
    """Random, not 0."""
    return int.from_bytes(os.urandom(4), "big") | 1
