"""Pictures and sound as RTP, encoded for tests: VP8, H.264 and Opus, each picture of one shade that says which it is."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder

RATE = 25
_RTP = struct.Struct("!BBHII")
_ENCODERS = {"vp8": "libvpx", "h264": "libx264"}


@dataclass(frozen=True)
class Sent:
    """A packet, and when it leaves."""

    at: float
    codec: str
    data: bytes


def rtp(number: int, timestamp: int, payload: bytes, *, marker: bool) -> bytes:
    return _RTP.pack(0x80, marker << 7 | 96, number & 0xFFFF, timestamp & 0xFFFFFFFF, 7) + payload


def encode(codec: str, width: int, height: int, shades: list[int], every: int = 1_000) -> list["av.Packet[Any]"]:
    """One frame for each shade (luma), a keyframe each `every`."""
    encoder = av.CodecContext.create(_ENCODERS[codec], "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.bit_rate, encoder.gop_size = Fraction(1, RATE), 300_000, every
    encoder.thread_count = 1
    encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    if codec == "h264":
        encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "bsf": "dump_extra"}
    packets: list[av.Packet[Any]] = []
    for number, shade in enumerate(shades):
        frame = av.VideoFrame(width, height, "yuv420p")
        for plane, value in zip(frame.planes, (shade, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts, frame.time_base = number, Fraction(1, RATE)
        packets += encoder.encode(frame)
    return packets + encoder.encode(None)


def pictures(
    codec: str,
    width: int,
    height: int,
    shades: list[int],
    *,
    number: int = 0,
    timestamp: int = 0,
    at: float = 0.0,
    every: int = 1_000,
) -> list[Sent]:
    """A source of pictures from `at` on, with these first numbers."""
    sent = []
    for index, packet in enumerate(encode(codec, width, height, shades, every)):
        payloads = (Vp8Encoder() if codec == "vp8" else H264Encoder()).pack(packet)[0]
        for place, payload in enumerate(payloads):
            last = place == len(payloads) - 1
            data = rtp(number, timestamp + index * 90_000 // RATE, payload, marker=last)
            sent.append(Sent(at + index / RATE, codec, data))
            number += 1
    return sent


def sounds(seconds: float, *, number: int = 0, timestamp: int = 0, at: float = 0.0) -> list[Sent]:
    """Opus packets of 20 ms."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", "s16"
    sent = []
    for index in range(round(seconds * 50)):
        frame = av.AudioFrame(format="s16", layout="stereo", samples=960)
        frame.planes[0].update(bytes(range(240)) * (frame.planes[0].buffer_size // 240))
        frame.sample_rate, frame.pts = 48_000, index * 960
        for packet in encoder.encode(frame):
            data = rtp(number + index, timestamp + index * 960, bytes(packet), marker=False)
            sent.append(Sent(at + index / 50, "opus", data))
    return sent


def shade_of(frame: "av.VideoFrame") -> int:
    """What the picture's shade says."""
    return int(frame.to_ndarray()[frame.height // 2, frame.width // 2])


def in_time(*lines: list[Sent]) -> Iterator[Sent]:
    """All packets by when they leave."""
    return iter(sorted((sent for line in lines for sent in line), key=lambda sent: sent.at))
