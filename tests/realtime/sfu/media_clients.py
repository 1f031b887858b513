"""Clients of a media server for tests: raw ones that send made-up packets, and a class that allows everything."""

import asyncio
import struct
from collections.abc import Callable, Sequence
from itertools import pairwise

from realtime.sfu.desk import LinkTo, MediaSettings, Opened, Participant, Shown, Verdict
from realtime.sfu.packets import parse_header, write_extensions
from realtime.sfu.reports import KeyframeWanted, read_reports
from realtime.sfu.server import MediaServer
from tests.realtime.sfu.raw_client import RawClient

CLASS = "class-1"
SETTINGS = MediaSettings("127.0.0.1", "127.0.0.1", check_seconds=0.2)
LEVEL, ABS, MID_ID, RID_ID, RRID_ID, TWCC_ID = 1, 2, 4, 10, 11, 3
EXTENSIONS = {
    LEVEL: "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    ABS: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    TWCC_ID: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    MID_ID: "urn:ietf:params:rtp-hdrext:sdes:mid",
    RID_ID: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    RRID_ID: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
}
OPUS, VP8, RTX = 111, 96, 97
AUDIO_SSRC, VIDEO_SSRC = 5000, 6000


def who(user_id: str, part: str = "staff", source: str = "camera") -> Participant:
    return Participant(CLASS, user_id, user_id.title(), part, source)  # type: ignore[arg-type]  # of the literals


def offer_of(client: RawClient, kinds: Sequence[str], direction: str, *, rtx: bool = False, rids: Sequence[str] = ()) -> str:
    """An offer as a browser would write it."""
    rows = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE " + " ".join(map(str, range(len(kinds))))]
    for mid, kind in enumerate(kinds):
        types = f"{OPUS}" if kind == "audio" else f"{VP8} {RTX}" if rtx else f"{VP8}"
        rows += [f"m={kind} 9 UDP/TLS/RTP/SAVPF {types}", "c=IN IP4 0.0.0.0", f"a=mid:{mid}", f"a={direction}"]
        rows += ["a=ice-ufrag:" + client.ufrag, "a=ice-pwd:" + "p" * 24, "a=fingerprint:" + client.fingerprint]
        rows += ["a=setup:actpass", "a=rtcp-mux", "a=rtcp-rsize"]
        rows += [f"a=extmap:{number} {uri}" for number, uri in EXTENSIONS.items()]
        if kind == "audio":
            rows += [f"a=rtpmap:{OPUS} opus/48000/2"]
            continue
        rows += [f"a=rtpmap:{VP8} VP8/90000", *(f"a=rtcp-fb:{VP8} {x}" for x in ("nack", "nack pli", "goog-remb"))]
        if rtx:
            rows += [f"a=rtpmap:{RTX} rtx/90000", f"a=fmtp:{RTX} apt={VP8}"]
        if rids:
            rows += [f"a=rid:{rid} send" for rid in rids] + ["a=simulcast:send " + ";".join(rids)]
    return "\r\n".join(rows) + "\r\n"


def told(answer: str, name: str) -> list[str]:
    return [row.partition(":")[2] for row in answer.split("\r\n") if row.startswith(f"a={name}:")]


async def join(server: MediaServer, client: RawClient, opened: Opened) -> None:
    answer = opened.answer
    await client.connect(
        server.port, told(answer, "ice-ufrag")[0], told(answer, "ice-pwd")[0], told(answer, "fingerprint")[0]
    )


class Desk:
    """A class in memory."""

    def __init__(self) -> None:
        self.verdict: Verdict | None = Verdict()
        self.shown: list[Shown] = []
        self.spoke: list[tuple[str, ...]] = []
        self.checks: list[tuple[str | None, tuple[str, ...], tuple[str, ...]]] = []

    async def check(
        self, session_id: str, origin: str | None, viewers: Sequence[str], publishers: Sequence[str]
    ) -> Verdict | None:
        self.checks.append((origin, tuple(viewers), tuple(publishers)))
        return self.verdict

    async def show(self, session_id: str, shown: Shown) -> None:
        self.shown.append(shown)

    async def speakers(self, session_id: str, user_ids: Sequence[str]) -> None:
        self.spoke.append(tuple(user_ids))


class Camera(RawClient):
    """Publishes made-up VP8 (a keyframe when asked, its number in the payload) and Opus."""

    def __init__(self, *, ssrc_offset: int = 0, level: int = 20, rids: Sequence[str] = (), size: int = 300) -> None:
        """`size`: of the filling of a packet of pictures, in bytes."""
        super().__init__()
        self.rids = rids
        self.level = level
        self.frame = 100
        self.keyframes = 0
        self.requests = 0
        self.offset = ssrc_offset
        self.size = size
        self.sequences = dict.fromkeys((*rids, "", "audio"), 65_500)
        self.drop: Callable[[int], bool] = lambda _sequence: False
        self.sent: dict[int, bytes] = {}
        self._task: asyncio.Task[None] | None = None
        self.paused: set[str] = set()
        self._twcc = 0

    async def publish(
        self, server: MediaServer, participant: Participant, kinds: Sequence[str] = ("audio", "video")
    ) -> Opened:
        direction = "sendonly"
        opened = await server.publish(participant, offer_of(self, kinds, direction, rtx=True, rids=self.rids))
        await join(server, self, opened)
        self._kinds = kinds
        self._task = asyncio.create_task(self._run())
        return opened

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        await super().close()

    async def _run(self) -> None:
        keyframe = True
        while True:
            for raw in self.rtcp:
                for report in read_reports(raw):
                    if isinstance(report, KeyframeWanted):
                        self.requests += 1
                        keyframe = True
                    elif type(report).__name__ == "PacketsWanted":
                        for sequence in report.sequences:  # type: ignore[union-attr]  # by its name
                            if sequence in self.sent:
                                self.send_rtp(self.sent[sequence])
            self.rtcp.clear()
            self.frame += 1
            if "video" in self._kinds:
                for place, rid in enumerate(self.rids or ("",)):
                    if rid in self.paused:
                        continue
                    self._frame(rid, VIDEO_SSRC + self.offset + place, keyframe=keyframe)
            self.keyframes += keyframe
            keyframe = False
            if "audio" in self._kinds:
                self._packet("audio", AUDIO_SSRC + self.offset, OPUS, b"sound" + struct.pack("!I", self.frame), marker=False)
            await asyncio.sleep(0.02)

    def _frame(self, rid: str, ssrc: int, *, keyframe: bool) -> None:
        for part in range(3):
            descriptor = bytes((0x90 if part == 0 else 0x80, 0xC0)) + struct.pack(
                "!HB", 0x8000 | self.frame & 0x7FFF, self.frame & 255
            )
            body = (
                bytes((0x00 if keyframe else 0x01,)) + struct.pack("!IB", self.frame, part) + rid.encode() + bytes(self.size)
            )
            self._packet(rid, ssrc, VP8, descriptor + body, marker=part == 2)

    def _packet(self, name: str, ssrc: int, payload_type: int, payload: bytes, *, marker: bool) -> None:
        sequence = self.sequences[name] = (self.sequences[name] + 1) & 0xFFFF
        self._twcc = (self._twcc + 1) & 0xFFFF
        values = {
            TWCC_ID: struct.pack("!H", self._twcc),
            MID_ID: b"0" if name == "audio" else str(len(self._kinds) - 1).encode(),
        }
        if name == "audio":
            values[LEVEL] = bytes((0x80 | self.level,))
        elif name:
            values[RID_ID] = name.encode()
        rate = 48_000 if name == "audio" else 90_000
        head = struct.pack("!BBHII", 0x90, payload_type | marker << 7, sequence, self.frame * rate // 50 & 0xFFFFFFFF, ssrc)
        packet = head + write_extensions(values) + payload
        if name != "audio":
            self.sent[sequence] = packet
            if self.drop(sequence):
                return
        self.send_rtp(packet)


class Watcher(RawClient):
    """Watches, and keeps what came."""

    def __init__(self, *, rtx: bool = False) -> None:
        super().__init__(keep=20_000)
        self.rtx = rtx
        self.answer = ""
        self.opened: Opened | None = None

    async def watch(
        self,
        server: MediaServer,
        participant: Participant,
        kinds: Sequence[str] = ("audio", "video"),
        origin: LinkTo | None = None,
    ) -> Opened:
        self.opened = await server.watch(participant, offer_of(self, kinds, "recvonly", rtx=self.rtx), origin)
        self.answer = self.opened.answer
        await join(server, self, self.opened)
        return self.opened

    def of(self, slot: str) -> list[bytes]:
        """The packets of a slot, in the order in which they came."""
        ssrc = next(int(row.split()[0]) for row in told(self.answer, "ssrc") if row.endswith(f"cname:{slot}"))
        return [packet for packet in self.rtp if packet[8:12] == ssrc.to_bytes(4, "big")]

    def pictures(self, slot: str = "main") -> list[tuple[int, int, int, int, int]]:
        """Each video packet: sequence, timestamp, picture id, frame as it was sent, part."""
        found = []
        for packet in self.of(slot):
            header = parse_header(packet)
            assert header is not None
            payload = packet[header.payload_at : header.payload_end]
            picture = struct.unpack_from("!H", payload, 2)[0] & 0x7FFF
            frame, part = struct.unpack_from("!IB", payload, 6)
            found.append((header.sequence, header.timestamp, picture, frame, part))
        return found


def assert_continuous(pictures: Sequence[tuple[int, int, int, int, int]]) -> None:
    """Sequences without a hole, timestamps and picture ids that only grow, by one a frame."""
    for before, after in pairwise(pictures):
        assert (after[0] - before[0]) & 0xFFFF == 1
        assert (after[1] - before[1]) & 0xFFFFFFFF < 1 << 31
        assert (after[2] - before[2]) & 0x7FFF == (0 if after[4] else 1)
        assert after[4] == (before[4] + 1) % 3
