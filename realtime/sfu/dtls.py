"""DTLS-SRTP of one peer over the shared port: the only user of aiortc's private names, behind `self_test`."""

import asyncio
from collections.abc import Callable, Sequence
from importlib.metadata import version

import structlog
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from aiortc.rtcdtlstransport import SRTP_PROFILES
from pylibsrtp import Session

HANDSHAKE_SECONDS = 15.0
_WAITING_DATAGRAMS = 32
_NEEDED = ("_set_role", "_recv_next", "_setup_srtp", "_validate_peer_identity", "start", "stop")

_log = structlog.get_logger(__name__)


class HandshakeFailed(Exception):
    """There is no secure connection with the peer; the sentence says why."""


class TransportUnusable(Exception):
    """The installed aiortc is not the one that this was written for; the sentence says what to do."""


def self_test() -> None:
    """Raise TransportUnusable unless aiortc has every private name that is used here."""
    missing = [name for name in _NEEDED if not callable(getattr(RTCDtlsTransport, name, None))]
    probe = RTCDtlsTransport(_Wire(lambda _data: None), [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]  # a duck
    missing += [name for name in ("_tx_srtp", "_rx_srtp", "_state") if not hasattr(probe, name)]
    if missing or not SRTP_PROFILES:
        raise TransportUnusable(
            f"aiortc {version('aiortc')} lacks {', '.join(missing) or 'SRTP profiles'}: "
            "install the version that requirements/ pins."
        )


class Certificate:
    """What this process proves itself with to every browser: one key, made when it begins."""

    def __init__(self) -> None:
        self.rtc = RTCCertificate.generateCertificate()

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate as SDP has it: "sha-256 AA:…"."""
        return next(f"sha-256 {print_.value}" for print_ in self.rtc.getFingerprints() if print_.algorithm == "sha-256")


class _Wire:
    """What aiortc takes for an ICE transport: datagrams come from a bounded queue, and go to the port."""

    role = "controlled"
    state = "completed"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._deliver = send
        self.waiting: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING_DATAGRAMS)

    async def _recv(self) -> bytes:
        data = await self.waiting.get()
        if data is None:
            raise ConnectionError
        return data

    async def _send(self, data: bytes) -> None:
        self._deliver(data)

    def cut(self) -> None:
        """Nothing is sent any more, and whoever waits for a datagram stops waiting."""
        self._deliver = _drop
        while self.waiting.full():
            self.waiting.get_nowait()
        self.waiting.put_nowait(None)


def _nothing() -> None:
    """Nobody is told."""


def _drop(_data: bytes) -> None:
    """What is sent after the end."""


class Dtls:
    """One handshake, then SRTP keys for both ways. SRTP itself never passes through here."""

    def __init__(self, certificate: Certificate, send: Callable[[bytes], None], ended: Callable[[], None]) -> None:
        """`send` takes datagrams for the peer; `ended` is called once when the peer ends the connection."""
        self._wire = _Wire(send)
        self._transport = RTCDtlsTransport(self._wire, [certificate.rtc])  # type: ignore[arg-type]  # it has what is used of it
        self._ended = ended
        self.sender: Session | None = None
        self.receiver: Session | None = None

    def receive(self, data: bytes) -> bool:
        """Take a DTLS datagram; whether there was room for it."""
        try:
            self._wire.waiting.put_nowait(data)
        except asyncio.QueueFull:
            return False
        return True

    async def connect(self, fingerprints: Sequence[str], *, server: bool) -> None:
        """Shake hands with the peer that has these fingerprints ("sha-256 AA:…"). Raises HandshakeFailed."""
        if not fingerprints:
            raise HandshakeFailed("The offer has no fingerprint.")
        self._transport._set_role("server" if server else "client")
        parameters = RTCDtlsParameters([RTCDtlsFingerprint(*told.split(" ", 1)) for told in fingerprints])
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await self._transport.start(parameters)
        except TimeoutError:
            raise HandshakeFailed(f"The browser did not finish its handshake in {HANDSHAKE_SECONDS:.0f} s.") from None
        if self._transport.state != "connected":
            raise HandshakeFailed("The handshake failed: the keys or the fingerprint of the offer do not fit.")
        self.sender, self.receiver = self._transport._tx_srtp, self._transport._rx_srtp
        self._transport.on("statechange", self._changed)

    def _changed(self) -> None:
        if self._transport.state in ("closed", "failed"):
            self._ended()

    async def close(self) -> None:
        """Tell the peer, end the connection, and let go of the owner: what is over is freed at once, without a collector."""
        self._transport.remove_all_listeners()
        try:
            await self._transport.stop()
        finally:
            self._wire.cut()
            self._ended = _nothing
