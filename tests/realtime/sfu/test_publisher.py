"""Whose packet it is, however often a browser begins its streams anew."""

import struct

import pytest

from realtime.sfu.mux import Faults
from realtime.sfu.packets import Header
from realtime.sfu.publisher import Incoming, Publisher
from realtime.sfu.reports import SenderReport
from realtime.sfu.sdp import TakenLine
from tests.realtime.sfu.media_clients import RTX, VP8, who

MANY = 100


class Forwarded:
    """A room that counts."""

    def __init__(self) -> None:
        self.packets: list[tuple[int, int]] = []
        self.beginnings: list[float] = []

    def forward(self, encoding: Incoming, data: bytes, header: Header, level: int | None, now: float) -> None:
        self.packets.append((header.ssrc, header.sequence))

    def begin_anew(self, encoding: Incoming, now: float) -> None:
        self.beginnings.append(now)

    def note_report(self, encoding: Incoming, told: SenderReport) -> None:
        raise AssertionError(told)

    def end_publisher(self, publisher: Publisher, why: str) -> None:
        raise AssertionError(why)


@pytest.fixture
def room() -> Forwarded:
    return Forwarded()


@pytest.fixture
def publisher(room: Forwarded) -> Publisher:
    line = TakenLine("0", "video", "", {"vp8": VP8}, {"vp8": RTX}, {}, ())
    return Publisher("m", who("somebody"), [line], room, Faults(), 0.0)


def rtp(ssrc: int, sequence: int, payload: bytes = b"\x10\x00frame", payload_type: int = VP8) -> bytes:
    return struct.pack("!BBHII", 0x80, payload_type, sequence & 0xFFFF, 3000, ssrc) + payload


def receive(publisher: Publisher, packet: bytes, now: float) -> None:
    """A packet that is read as it comes."""
    publisher.on_rtp(packet, now, now)


def test_an_encoder_that_is_started_a_hundred_times_is_heard_each_time(room: Forwarded, publisher: Publisher) -> None:
    for number in range(1, MANY + 1):
        now = 2.0 * number
        receive(publisher, rtp(number, 7), now)
        receive(publisher, rtp(1000 + number, 1, struct.pack("!H", 6) + b"frame", RTX), now)
    assert room.packets == [(number, sequence) for number in range(1, MANY + 1) for sequence in (7, 6)]
    assert len(publisher._again) == 1


def test_numbers_that_begin_anew_all_the_time_are_begun_anew_once_a_second(room: Forwarded, publisher: Publisher) -> None:
    """Each beginning costs everybody a keyframe, and a link a new stream."""
    receive(publisher, rtp(1, 0), 1.0)
    for number in range(4000):
        receive(publisher, rtp(1, 20_000 * (number // 2) + number % 2), 1.0 + number / 1000)
    assert 10 <= len(room.beginnings) <= 17


def test_ssrcs_that_change_all_the_time_are_followed_once_a_second(room: Forwarded, publisher: Publisher) -> None:
    for number in range(60):
        receive(publisher, rtp(1 + number, 0), 1.0 + 0.51 * number)
    assert 30 <= len(room.beginnings) <= 42


def test_who_began_anew_too_often_goes_on_once_it_is_rare_again(room: Forwarded, publisher: Publisher) -> None:
    receive(publisher, rtp(1, 0), 1.0)
    for number in range(100):
        receive(publisher, rtp(1, 20_000 * (number // 2) + number % 2), 1.0)
    told, sequence = len(room.beginnings), 20_000 * 49 + 2
    for number in range(3):
        receive(publisher, rtp(1, sequence + number), 3.0)
    assert len(room.beginnings) == told + 1
    assert room.packets[-3:] == [(1, (sequence + number) & 0xFFFF) for number in range(3)]
