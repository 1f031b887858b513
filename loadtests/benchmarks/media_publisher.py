"""A light publisher: replays a clip in real time, answers NACKs, begins at its keyframe when one is asked for."""

import asyncio
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Sequence

from aiortc.rtp import (
    RtcpByePacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)

from loadtests.benchmarks.media_clip import FRAMES_A_SECOND, OPUS_SECONDS, Clip, payloads
from loadtests.benchmarks.media_sdp import (
    AUDIO,
    LEVEL,
    MID,
    OPUS,
    TRANSPORT_CC,
    VIDEO,
    VP8,
    publisher_offer,
    read_description,
)
from loadtests.benchmarks.media_transport import Address, Transport, new_ssrc

STAMP = struct.Struct("!4sd")
STAMPED = b"LYst"
"""What the end of a stamped payload begins with; the time in seconds since 1970 follows."""
_NTP_EPOCH = 2_208_988_800
_KEPT = 1_024
_LOUD = 20
"""The audio level of its sound in −dBov; the first bit says that it is a voice."""


class Publisher:
    """Sends from `connect` to `close`. With `stamped` the end of each video payload says when it went out, which ruins the
    picture for decoders and nothing else. `mirror` gets every video packet in the clear, too: the way without a server."""

    def __init__(
        self,
        clip: Clip,
        host: str = "127.0.0.1",
        kinds: Sequence[str] = (AUDIO, VIDEO),
        *,
        stamped: bool = False,
        mirror: Address | None = None,
        level: int = _LOUD,
    ) -> None:
        self.transport = Transport(lambda *_: None, self._take_rtcp, host)
        self.ssrcs = {kind: new_ssrc() for kind in kinds}
        self.sent: Counter[str] = Counter()
        self.heard: Counter[str] = Counter()
        """RTCP by kind: `pli`, `fir`, `nack`, `rr`, `sr`, `transport-cc`, `remb`."""
        self.keyframes_asked: list[float] = []
        """When, by the monotonic clock."""
        self.level = level
        self._clip, self._kinds, self._stamped = clip, kinds, stamped
        self._sequence = {kind: new_ssrc() & 0x7FFF for kind in kinds}
        self._base = {kind: new_ssrc() & 0xFFFF_FFFF for kind in kinds}
        self._octets: Counter[str] = Counter()
        self._wide = 0
        self._kept: dict[str, deque[tuple[int, bytes]]] = {kind: deque(maxlen=_KEPT) for kind in kinds}
        self._again = False
        self._frame = self._picture = 0
        self._task: asyncio.Task[None] | None = None
        self._mirror = mirror
        self._aside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM) if mirror else None

    def offer(self) -> str:
        """To be published with."""
        return publisher_offer(self.transport, self.ssrcs, self._kinds)

    async def connect(self, answer: str) -> None:
        """Through ICE and DTLS, and begin to send. Raises NotConnected, ValueError."""
        await self.transport.connect(read_description(answer).remote)
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop sending, say goodbye. Nothing more when it has vanished before."""
        if await self._stopped():
            self.transport.send_rtcp(bytes(RtcpByePacket(sources=list(self.ssrcs.values()))))
        self.transport.close()
        if self._aside is not None:
            self._aside.close()

    async def vanish(self) -> None:
        """Stop without a word."""
        await self._stopped()
        self.transport.vanish()

    async def _stopped(self) -> bool:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        return task is not None

    async def _run(self) -> None:
        began, sounds, frames, reported = time.monotonic(), 0, 0, 0.0
        while True:
            now = time.monotonic() - began
            while AUDIO in self._kinds and sounds * OPUS_SECONDS <= now:
                self._send_sound(sounds)
                sounds += 1
            while VIDEO in self._kinds and frames / FRAMES_A_SECOND <= now:
                self._send_frame(frames)
                frames += 1
            if now >= reported:
                self._report(now)
                reported = now + 1
            nexts = [reported, *([sounds * OPUS_SECONDS] if AUDIO in self._kinds else [])]
            nexts += [frames / FRAMES_A_SECOND] if VIDEO in self._kinds else []
            await asyncio.sleep(max(0.001, min(nexts) - (time.monotonic() - began)))

    def _send_sound(self, number: int) -> None:
        sound = self._clip.sounds[number % len(self._clip.sounds)]
        self._send(AUDIO, OPUS, number * 960, sound, marker=False)

    def _send_frame(self, number: int) -> None:
        if self._again:
            self._again, self._frame = False, 0
        frame = self._clip.frames[self._frame % len(self._clip.frames)]
        self._frame, self._picture = self._frame + 1, self._picture + 1
        pieces = payloads(frame, self._picture)
        for at, piece in enumerate(pieces, 1):
            self._send(VIDEO, VP8, number * (90_000 // FRAMES_A_SECOND), piece, marker=at == len(pieces))

    def _send(self, kind: str, number: int, elapsed: int, payload: bytes, *, marker: bool) -> None:
        sequence, stamp = self._sequence[kind], (self._base[kind] + elapsed) & 0xFFFF_FFFF
        self._sequence[kind] = (sequence + 1) & 0xFFFF
        if kind == VIDEO and self._stamped and len(payload) > 64:
            payload = payload[: -STAMP.size] + STAMP.pack(STAMPED, time.time())
        head = struct.pack("!BBHII", 0x90, number | (0x80 if marker else 0), sequence, stamp, self.ssrcs[kind])
        packet = head + self._extensions(kind) + payload
        self._kept[kind].append((sequence, packet))
        self.transport.send(packet)
        if self._mirror is not None and self._aside is not None and kind == VIDEO:
            self._aside.sendto(packet, self._mirror)
        self.sent[kind] += 1
        self._octets[kind] += len(payload)

    def _extensions(self, kind: str) -> bytes:
        mid = str(self._kinds.index(kind)).encode()
        self._wide = (self._wide + 1) & 0xFFFF
        body = bytes((MID << 4 | len(mid) - 1,)) + mid + bytes((TRANSPORT_CC << 4 | 1,)) + self._wide.to_bytes(2, "big")
        if kind == AUDIO:
            body += bytes((LEVEL << 4, 0x80 | self.level))
        body += bytes(-len(body) % 4)
        return b"\xbe\xde" + (len(body) // 4).to_bytes(2, "big") + body

    def _report(self, elapsed: float) -> None:
        seconds = time.time() + _NTP_EPOCH
        ntp = int(seconds) << 32 | int(seconds % 1 * 2**32)
        for kind in self._kinds:
            rate = 48_000 if kind == AUDIO else 90_000
            stamp = (self._base[kind] + int(elapsed * rate)) & 0xFFFF_FFFF
            told = RtcpSenderInfo(ntp, stamp, self.sent[kind] & 0xFFFF_FFFF, self._octets[kind] & 0xFFFF_FFFF)
            name = RtcpSdesPacket([RtcpSourceInfo(self.ssrcs[kind], [(1, b"light")])])
            self.transport.send_rtcp(bytes(RtcpSrPacket(self.ssrcs[kind], told)) + bytes(name))

    def _take_rtcp(self, data: bytes) -> None:
        for packet in RtcpPacket.parse(data):
            if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
                self.heard["rr" if isinstance(packet, RtcpRrPacket) else "sr"] += 1
            elif isinstance(packet, RtcpPsfbPacket):
                self.heard[{1: "pli", 4: "fir", 15: "remb"}.get(packet.fmt, "other")] += 1
                if packet.fmt in (1, 4):
                    self.keyframes_asked.append(time.monotonic())
                    self._again = True
            elif isinstance(packet, RtcpRtpfbPacket):
                self.heard[{1: "nack", 15: "transport-cc"}.get(packet.fmt, "other")] += 1
                if packet.fmt == 1:
                    self._send_again(packet.media_ssrc, packet.lost)

    def _send_again(self, ssrc: int, lost: Sequence[int]) -> None:
        kind = next((kind for kind, own in self.ssrcs.items() if own == ssrc), None)
        if kind is None:
            self.heard["nack of an unknown SSRC"] += 1
            return
        wanted = set(lost)
        for sequence, packet in self._kept[kind]:
            if sequence in wanted:
                self.heard["sent again"] += 1
                self.transport.send(packet)
