"""A slot of two layers on a real port, the cameras in it, and one viewer's line."""

import socket
from struct import Struct

from pylibsrtp import Policy

from realtime.sfu.egress import Egress
from realtime.sfu.lanes import Lane, shape_of
from realtime.sfu.packets import parse_header
from realtime.sfu.payloads import describe
from realtime.sfu.reports import SenderReport
from realtime.sfu.srtp import Receiver, session_of
from realtime.sfu.streams import Stream

KEY = bytes(range(28))
PROFILE = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
SSRC = 7
RTP = Struct("!BBHII")


class Camera:
    """One layer of somebody's camera; each packet is a frame. Its descriptor has a picture id and, at `zero`, TL0PICIDX."""

    codec = "vp8"
    sender = "somebody"
    heard_at = 0.0
    rate = 0
    newest = -1

    def __init__(self, first: int = 60_000) -> None:
        self.token = object()
        self.first = first
        self.asked = 0

    def want_keyframe(self, now: float) -> None:
        self.asked += 1

    def packet(self, place: int, *, keyframe: bool = False) -> bytes:
        descriptor = bytes((0x90, 0xC0, 0x80 | place >> 8 & 0x7F, place & 0xFF, place & 0xFF))
        payload = descriptor + bytes((0 if keyframe else 1,)) + place.to_bytes(4, "big", signed=True) + bytes(20)
        return RTP.pack(0x80, 96, (self.first + place) & 0xFFFF, 3000 * place & 0xFFFFFFFF, 99) + payload


class Encoder(Camera):
    """The same in H.264: each picture at a place that four divides is a keyframe, whose parameters go before it."""

    codec = "h264"

    def packet(self, place: int, *, keyframe: bool = False) -> bytes:
        unit = {0: 0x67, 1: 0x65}.get(place % 4, 0x41)
        payload = bytes((unit,)) + place.to_bytes(4, "big") + bytes(20)
        timestamp = 3000 * (place - (place % 4 == 1))
        return RTP.pack(0x80, 97, (self.first + place) & 0xFFFF, timestamp, 99) + payload


class Rig:
    """Two layers of a slot, and one viewer's line at a real port."""

    def __init__(self, rtx_types: dict[int, int] | None = None, kind: type[Camera] = Camera) -> None:
        self.out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for port in (self.out, self.back):
            port.bind(("127.0.0.1", 0))
        self.back.settimeout(0.0)
        self.session = session_of(KEY, PROFILE, outbound=True)
        self.reader = session_of(KEY, PROFILE, outbound=False)
        self.egress = Egress(self.out)
        self.now = 0.0
        self.lane = self.new_lane(rtx_types)
        self.streams = [Stream("main", "video", layer, self.egress, lambda: self.now) for layer in ("high", "low")]
        self.cameras = [kind(), kind(1000)]
        self.others: list[Lane] = []
        self.contents: dict[int, bytes] = {}
        self.arrived: list[bytes] = []
        for stream, camera in zip(self.streams, self.cameras, strict=True):
            other = self.new_lane(of_another=True)  # somebody watches each, so that both flow
            self.others.append(other)
            stream.wait(other, 0.0)
            stream.bind(camera, 0.0)

    def new_lane(self, rtx_types: dict[int, int] | None = None, *, of_another: bool = False) -> Lane:
        """Lines of others look alike, and go elsewhere."""
        session = session_of(KEY, PROFILE, outbound=True) if of_another else self.session
        shape = shape_of(SSRC, {"vp8": 96, "h264": 97}, 3)
        address = (self.out if of_another else self.back).getsockname()
        return Lane("main", "video", shape, Receiver(session, address), rtx_types or {}, 8)

    def close(self) -> None:
        self.out.close()
        self.back.close()

    def move(self, layer: int) -> None:
        stream, lane = self.streams[layer], self.lane
        if lane.waits_for is not None:
            lane.waits_for.stop_waiting(lane)
        if lane.stream is not stream:
            stream.wait(lane, self.now)

    def send(self, layer: int, place: int, *, keyframe: bool = False) -> None:
        """A packet of a layer; what the line was sent is noted, and no sequence may have two contents."""
        self.now += 0.01
        data = self.cameras[layer].packet(place, keyframe=keyframe)
        header = parse_header(data)
        assert header is not None
        camera = self.cameras[layer]
        if camera.newest < 0 or (header.sequence - camera.newest) & 0xFFFF < 0x8000:
            camera.newest = header.sequence
        facts = describe(self.cameras[layer].codec, data[header.payload_at : header.payload_end])
        self.streams[layer].forward(self.cameras[layer], data, header, facts, None, self.now)
        self.note()

    def report(self, layer: int) -> None:
        """The clock of a layer's camera."""
        self.streams[layer].report(self.cameras[layer], SenderReport(99, 1 << 32, 0, 0, 0, ()))

    def note(self) -> None:
        while True:
            try:
                data = self.back.recv(2048)
            except BlockingIOError:
                return
            self.arrived.append(data)
            sequence = int.from_bytes(data[2:4], "big")
            assert self.contents.setdefault(sequence, data) == data, f"{sequence} with two contents"

    def frames(self) -> list[int]:
        """What the line was sent, in the order of its sequence."""
        return _frames([self.contents[sequence] for sequence in sorted(self.contents)])

    def frames_as_they_came(self) -> list[int]:
        """What the line was sent, in the order of its arrival."""
        return _frames(self.arrived)

    def ask_again(self, sequence: int) -> bytes | None:
        stream = self.lane.stream
        assert stream is not None
        return stream.again(self.lane, sequence)

    def newest(self) -> int:
        stream = self.lane.stream
        assert stream is not None
        return (stream.newest.sequence + self.lane.receiver.add_sequence) & 0xFFFF


def _frames(datagrams: list[bytes]) -> list[int]:
    reader = session_of(KEY, PROFILE, outbound=False)
    return [int.from_bytes(reader.unprotect(data)[-24:-20], "big", signed=True) for data in datagrams]
