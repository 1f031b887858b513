"""When a datagram came is what the system noted, not when a busy loop had time for it: browsers judge the path by it."""

import asyncio
import socket
import struct
import sys
import time

import pytest
from aiortc.rtp import RtcpPacket, RtcpRtpfbPacket

from realtime.sfu.mux import Faults, Mux
from realtime.sfu.packets import Header, write_extensions
from realtime.sfu.publisher import Incoming, Publisher
from realtime.sfu.sdp import TRANSPORT_CC, TakenLine
from tests.realtime.sfu.media_clients import TWCC_ID, VP8, who
from tests.realtime.sfu.test_transport_cc import read_feedback

BUSY_SECONDS = 0.05


class Noted:
    """A peer that keeps how long each datagram waited."""

    ufrag, password = "noted", b"secret"

    def __init__(self) -> None:
        self.ages: asyncio.Queue[float] = asyncio.Queue()

    def on_media(self, data: bytes, age: float) -> None:
        self.ages.put_nowait(age)

    def is_at(self, address: tuple[str, int]) -> bool:
        raise AssertionError(address)

    def on_handshake(self, data: bytes) -> None:
        raise AssertionError(data)

    def on_reached(self, address: tuple[str, int], *, nominated: bool) -> None:
        raise AssertionError(address)


class Heard:
    """Who is told what: a room, and the browser that is answered."""

    connected = True

    def __init__(self) -> None:
        self.reports: list[bytes] = []

    def send_reports(self, reports: bytes) -> None:
        self.reports.append(reports)

    def forward(self, encoding: Incoming, data: bytes, header: Header, level: int | None, now: float) -> None:
        assert now == 9.0

    def begin_anew(self, encoding: Incoming, now: float) -> None:
        assert encoding.ssrc == 77

    def note_report(self, encoding: Incoming, told: object) -> None:
        raise AssertionError(told)

    def end_publisher(self, publisher: Publisher, why: str) -> None:
        raise AssertionError(why)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux notes it")
async def test_a_datagram_that_waited_for_us_says_how_long() -> None:
    mux, peer = Mux("127.0.0.1", 0, 1 << 18, 1 << 18), Noted()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as browser:
        browser.bind(("127.0.0.1", 0))
        mux.add(peer)
        mux.expect(peer, browser.getsockname())
        mux.start()
        try:
            async with asyncio.timeout(10):
                age = 0.0
                while age < BUSY_SECONDS:  # the system begins to note soon after it was asked to
                    began = time.monotonic()
                    browser.sendto(b"\x80" * 20, ("127.0.0.1", mux.port))
                    sent = time.monotonic()
                    while time.monotonic() < sent + BUSY_SECONDS:
                        pass  # a loop that has other things to do
                    age = await peer.ages.get()
                    assert age <= time.monotonic() - began
        finally:
            mux.close()


def test_a_publisher_is_told_when_its_packets_came_not_when_they_were_read() -> None:
    heard = Heard()
    line = TakenLine("0", "video", "", {"vp8": VP8}, {}, {TRANSPORT_CC: TWCC_ID}, ())
    publisher = Publisher("m", who("somebody"), [line], heard, Faults(), 0.0)
    publisher.peer = heard
    came = {1: 8.0, 2: 8.25, 3: 8.5}
    for number, arrived in came.items():
        head = struct.pack("!BBHII", 0x90, VP8, number, 3_000, 77)
        publisher.on_rtp(head + write_extensions({TWCC_ID: struct.pack("!H", number)}) + b"\x10\x00", 9.0, arrived)
    publisher.tick(9.0)
    told = [one for report in heard.reports for one in RtcpPacket.parse(report)]
    [feedback] = [one for one in told if isinstance(one, RtcpRtpfbPacket) and one.fmt == 15]
    fci = next(report for report in heard.reports if report[0] & 0x1F == 15)[12:]
    assert feedback.media_ssrc == 77
    assert read_feedback(fci)[1] == list(came.items())
