"""A light viewer: counts what comes, by the sequence numbers in the clear; asks again for what is missing if it is told to;
reports as browsers do."""

import asyncio
import heapq
import struct
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from aiortc.rtp import (
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    pack_remb_fci,
)

from loadtests.benchmarks.media_publisher import STAMP, STAMPED
from loadtests.benchmarks.media_sdp import RTX, read_description, viewer_offer
from loadtests.benchmarks.media_transport import Transport

STAMPS_READ = 8
"""One video packet in so many is decrypted for its stamp."""
FREEZE_SECONDS = 0.19
"""Between two complete frames: max(3 δ, δ + 150 ms) at 25 frames a second, as WebRTC's statistics count freezes."""
_GIVE_UP_SECONDS = 1.0
_ASK_SECONDS = 0.1
_TICK_SECONDS = 0.02
_MOST_MISSING = 1_024


@dataclass
class Stream:
    """What came of one SSRC. Sequence numbers are extended: they do not wrap."""

    ssrc: int
    kind: str
    first: int
    highest: int
    received: int = 0
    recovered: int = 0
    """Missing first, there in the end."""
    repeated: int = 0
    given_up: int = 0
    bytes: int = 0
    markers: list[int] = field(default_factory=list)
    frames: int = 0
    """Complete, with everything before them."""
    freezes: int = 0
    longest_freeze: float = 0.0
    missing: dict[int, list[float]] = field(default_factory=dict)
    """Since when, and when to ask again."""
    last_frame: float = 0.0
    told: tuple[int, int] = (0, 0)

    @property
    def expected(self) -> int:
        """From the first packet to the highest (RFC 3550, A.3)."""
        return self.highest - self.first + 1

    @property
    def lost(self) -> int:
        """What has not come, yet or at all."""
        return self.given_up + len(self.missing)

    def take(self, sequence: int, now: float, *, marker: bool) -> None:
        """A packet came."""
        number = self.highest + ((sequence - self.highest + 0x8000) & 0xFFFF) - 0x8000
        if number > self.highest:
            for gap in range(max(self.highest + 1, number - _MOST_MISSING), number):
                self.missing[gap] = [now, now + _TICK_SECONDS]
            self.given_up += max(0, number - _MOST_MISSING - self.highest - 1)
            self.highest = number
        elif number in self.missing:
            del self.missing[number]
            self.recovered += 1
        else:
            self.repeated += 1
            return
        self.received += 1
        if marker:
            heapq.heappush(self.markers, number)
        self.show_frames(now)

    def show_frames(self, now: float) -> None:
        """Count the frames that are complete by now."""
        frontier = min(self.missing, default=self.highest + 1)
        while self.markers and self.markers[0] < frontier:
            heapq.heappop(self.markers)
            if self.last_frame and now - self.last_frame > FREEZE_SECONDS:
                self.freezes += 1
                self.longest_freeze = max(self.longest_freeze, now - self.last_frame)
            self.frames, self.last_frame = self.frames + 1, now

    def wanted(self, now: float) -> list[int]:
        """What to ask for now, as sequence numbers on the wire; what is older than a second is given up."""
        for number in [number for number, (since, _) in self.missing.items() if now - since > _GIVE_UP_SECONDS]:
            del self.missing[number]
            self.given_up += 1
        due = [number for number, (_, again) in self.missing.items() if again <= now]
        for number in due:
            self.missing[number][1] = now + _ASK_SECONDS
        return [number & 0xFFFF for number in due[:250]]

    def report(self) -> RtcpReceiverInfo:
        """A report block over what came since the last one."""
        expected, received = self.expected - self.told[0], self.received - self.told[1]
        self.told = self.expected, self.received
        fraction = max(0, min(255, (expected - received) * 256 // expected)) if expected > 0 else 0
        return RtcpReceiverInfo(self.ssrc, fraction, self.lost, self.highest & 0xFFFF_FFFF, 0, 0, 0)


class Viewer:
    """Watches from `connect` to `close`. `asks_again`: NACKs for video; `retransmission`: by RTX. `rembs` are the bits a
    second that it says it can take (0: says nothing)."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        *,
        asks_again: bool = False,
        retransmission: bool = False,
        transport_cc: bool = False,
        kernel_times: bool = False,
        bits: int = 5_000_000,
        audios: int = 1,
        videos: int = 1,
    ) -> None:
        self.transport = Transport(self._take_rtp, self._take_rtcp, host, kernel_times=kernel_times)
        self.streams: dict[int, Stream] = {}
        self.waits: list[float] = []
        """Seconds from the publisher to this machine's kernel, of stamped packets."""
        self.heard: Counter[str] = Counter()
        self.asked = 0
        self.bits = bits
        self.kinds = {111: "audio", 96: "video"}
        """By payload type, of this session."""
        self._asks_again, self._retransmission, self._transport_cc = asks_again, retransmission, transport_cc
        self._lines = audios, videos
        self._stamped, self._reads_stamps = 0, kernel_times
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()

    def offer(self) -> str:
        """To be watched with."""
        audios, videos = self._lines
        return viewer_offer(
            self.transport,
            audios=audios,
            videos=videos,
            retransmission=self._retransmission,
            transport_cc=self._transport_cc,
        )

    async def connect(self, answer: str) -> None:
        """Through ICE and DTLS. Raises NotConnected, ValueError."""
        described = read_description(answer)
        self.kinds = {
            number: line.kind for line in described.lines for name, number in line.payload_types.items() if name != "rtx"
        }
        await self.transport.connect(described.remote)
        self._tasks.append(asyncio.create_task(self._report()))
        if self._asks_again:
            self._tasks.append(asyncio.create_task(self._ask()))

    async def close(self) -> None:
        """Say goodbye."""
        await self._stop()
        self.transport.close()

    async def vanish(self) -> None:
        """Without a word."""
        await self._stop()
        self.transport.vanish()

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def stream(self, kind: str = "video") -> Stream | None:
        """The one of this kind from which most came."""
        return max(
            (each for each in self.streams.values() if each.kind == kind), key=lambda each: each.received, default=None
        )

    def begin_anew(self) -> None:
        """Forget what was counted, at the beginning of a measurement."""
        self.streams.clear()
        self.waits.clear()

    async def until(self, holds: Callable[[], bool], seconds: float = 10, what: str = "what was waited for") -> None:
        """Wait until it holds, looked at with each packet. Raises TimeoutError."""
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            counts = {each.kind: each.received for each in self.streams.values()}
            raise TimeoutError(f"{what} did not come within {seconds:g} s; received: {counts}.") from None

    def send_rtcp(self, packets: bytes) -> None:
        """Anything, for tests of bad behaviour."""
        self.transport.send_rtcp(packets)

    def _take_rtp(self, data: bytes, when: float) -> None:
        if len(data) < 12:
            return
        number, sequence, ssrc = data[1] & 0x7F, data[2] << 8 | data[3], int.from_bytes(data[8:12], "big")
        if number == RTX and self._retransmission:
            self._take_retransmission(data)
            return
        stream = self.streams.get(ssrc)
        if stream is None:
            kind = self.kinds.get(number)
            if kind is None:
                self.heard["unknown payload type"] += 1
                return
            stream = self.streams[ssrc] = Stream(ssrc, kind, sequence + 0x10000, sequence + 0xFFFF)
        stream.bytes += len(data)
        stream.take(sequence, time.monotonic(), marker=data[1] > 127 and stream.kind == "video")
        if self._reads_stamps and stream.kind == "video":
            self._stamped += 1
            if self._stamped % STAMPS_READ == 0:
                self._read_stamp(data, when)
        self._changed.set()

    def _take_retransmission(self, data: bytes) -> None:
        plain = self.transport.unprotect(data)
        stream = self.stream()
        if plain is None or stream is None:
            return
        at = 12 + 4 * (plain[0] & 15)
        if plain[0] & 0x10:
            at += 4 + 4 * int.from_bytes(plain[at + 2 : at + 4], "big")
        if len(plain) >= at + 2:  # RFC 4588, 4: the original sequence number comes first
            self.heard["retransmitted"] += 1
            stream.take(int.from_bytes(plain[at : at + 2], "big"), time.monotonic(), marker=plain[1] > 127)
            self._changed.set()

    def _read_stamp(self, data: bytes, when: float) -> None:
        plain = self.transport.unprotect(data)
        if plain is not None and plain[-STAMP.size :].startswith(STAMPED):
            self.waits.append(when - STAMP.unpack(plain[-STAMP.size :])[1])

    def _take_rtcp(self, data: bytes) -> None:
        for packet in RtcpPacket.parse(data):
            self.heard["sr" if isinstance(packet, RtcpSrPacket) else type(packet).__name__] += 1

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(1)
            blocks = [stream.report() for stream in list(self.streams.values())[:31]]
            compound = bytes(RtcpRrPacket(1, blocks))
            if self.bits and blocks:
                remb = pack_remb_fci(self.bits, [block.ssrc for block in blocks])
                compound += bytes(RtcpPsfbPacket(15, 1, 0, remb))
            self.transport.send_rtcp(compound)

    async def _ask(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = time.monotonic()
            for stream in list(self.streams.values()):
                if stream.kind == "video" and (lost := stream.wanted(now)):
                    self.asked += 1
                    self.transport.send_rtcp(bytes(RtcpRtpfbPacket(1, 1, stream.ssrc, lost=lost)))
                    stream.show_frames(now)


def keyframe_request(ssrc: int) -> bytes:
    """A PLI (RFC 4585, 6.3.1)."""
    return struct.pack("!BBHII", 0x81, 206, 2, 1, ssrc)
