"""Packets for many: everybody gets the same as by public names only, in few calls of the system."""

import errno
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy

from realtime.sfu import fan as ours
from realtime.sfu.srtp import Fan, Packet, Places, Receiver, fan_publicly, session_of

PROFILES = {
    Policy.SRTP_PROFILE_AEAD_AES_256_GCM: 44,
    Policy.SRTP_PROFILE_AES128_CM_SHA1_80: 30,
    Policy.SRTP_PROFILE_AES128_CM_SHA1_32: 30,
}


class Browser:
    """Who reads what it is sent."""

    def __init__(self, profile: int) -> None:
        key = os.urandom(PROFILES[profile])
        self.port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.port.bind(("127.0.0.1", 0))
        self.port.settimeout(0.0)
        self.receiver = Receiver(session_of(key, profile, outbound=True), self.port.getsockname())
        self._reader = session_of(key, profile, outbound=False)

    def read(self) -> list[bytes]:
        """What came since the last time, decrypted."""
        packets = []
        while True:
            try:
                packets.append(self._reader.unprotect(self.port.recv(4096)))
            except BlockingIOError:
                return packets


class Port:
    """The socket that everything leaves by; it counts calls, and fails as told."""

    def __init__(self, real: socket.socket) -> None:
        self._real = real
        self.calls: list[str] = []
        self.fault: int | None = None
        """Of several packets together."""
        self.single_fault: int | None = None

    def sendto(self, data: Any, address: Any) -> int:
        self.calls.append("sendto")
        self._fail(self.single_fault)
        return self._real.sendto(data, address)

    def sendmsg(self, *told: Any) -> int:
        self.calls.append("sendmsg")
        self._fail(self.fault)
        return self._real.sendmsg(*told)

    @staticmethod
    def _fail(fault: int | None) -> None:
        if fault is not None:
            raise OSError(fault, "as told")


@contextmanager
def browsers(*profiles: int) -> Iterator[tuple[list[Browser], Any]]:
    with ExitStack() as stack:
        all_of_them = [Browser(profile) for profile in profiles]
        for browser in all_of_them:
            stack.enter_context(browser.port)
        out = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        yield all_of_them, Port(out)


def packets_of(sizes: list[int], first: int = 65_530) -> list[Packet]:
    """Of VP8, with a picture id (two bytes) and TL0PICIDX."""
    made = []
    for number, size in enumerate(sizes, first):
        payload = bytes((0x90, 0xC0)) + struct.pack("!HB", 0x8000 | number & 0x7FFF, number & 0xFF) + bytes(size)
        data = struct.pack("!BBHII", 0x80, 96, number & 0xFFFF, number, 11) + payload
        made.append(Packet(data, number & 0xFFFF, number, Places(14, number & 0x7FFF, 16, number & 0xFF, long=True)))
    return made


@pytest.fixture(params=["together", "piece by piece", "publicly"])
def fan(request: pytest.FixtureRequest) -> Fan:
    if request.param == "publicly":
        return fan_publicly
    fast = ours._Fast()
    fast.segments = request.param == "together"
    assert ours.self_test(fast)
    return fast.fan


sizes = st.lists(st.integers(1, 1_500) | st.sampled_from((1, 1_150, 1_450)), min_size=1, max_size=200)


@given(sizes)
def test_runs_are_of_one_size_but_their_last_and_cover_everything(told: list[int]) -> None:
    ends = [0]
    for size in told:
        ends.append(ends[-1] + size)
    after = 0
    for begin, step, end in ours.runs_of(told):
        assert begin == after
        mine = told[ends.index(begin) : ends.index(end)]
        assert set(mine[:-1]) <= {step}
        assert mine[-1] <= step
        assert len(mine) <= 63
        assert len(mine) == 1 or step <= 1_400
        assert end - begin <= 65_000
        after = end
    assert after == ends[-1]


def test_equal_packets_are_one_run() -> None:
    assert list(ours.runs_of([100] * 5 + [40] + [50] * 2)) == [(0, 100, 540), (540, 50, 640)]


def test_everybody_gets_the_packets_with_their_own_numbers(fan: Fan) -> None:
    packets = packets_of([300, 300, 300, 20, 21, 700, 1])
    with browsers(*PROFILES, *PROFILES) as (crowd, port):
        for number, browser in enumerate(crowd):
            browser.receiver.shift(number * 3, number * 1000, number * 7, number * 5)
        receivers = [browser.receiver for browser in crowd]
        for turn in (packets[:1], packets[1:4], packets[4:]):
            assert fan(turn, receivers, port) == 0
        for number, browser in enumerate(crowd):
            read = browser.read()
            for packet, got in zip(packets, read, strict=True):
                wanted = bytearray(packet.data)
                at = 0xFFFFFFFF
                struct.pack_into(
                    "!HI", wanted, 2, packet.sequence + number * 3 & 0xFFFF, packet.timestamp + number * 1000 & at
                )
                assert packet.places is not None
                picture = 0x8000 | packet.places.picture + number * 7 & 0x7FFF
                struct.pack_into("!HB", wanted, 14, picture, packet.places.zero + number * 5 & 0xFF)
                assert got == bytes(wanted)


def test_who_is_sent_many_packets_at_first_gets_them_all_in_their_order(fan: Fan) -> None:
    packets = packets_of([1_100] * 256, first=7)
    with browsers(*PROFILES) as (crowd, port):
        assert fan(packets, [browser.receiver for browser in crowd], port) == 0
        assert fan(packets_of([1_100] * 256, first=263), [browser.receiver for browser in crowd], port) == 0
        for browser in crowd:
            assert [int.from_bytes(packet[2:4], "big") for packet in browser.read()] == list(range(7, 519))


def test_a_keyframe_is_one_call_for_each_viewer() -> None:
    profile = Policy.SRTP_PROFILE_AEAD_AES_256_GCM
    with browsers(*[profile] * 5) as (crowd, port):
        receivers = [browser.receiver for browser in crowd]
        assert ours.fan(packets_of([30]), receivers, port) == 0
        port.calls.clear()
        assert ours.fan(packets_of([1_150] * 19 + [300], first=9), receivers, port) == 0
        assert port.calls == ["sendmsg"] * 5
        assert [len(browser.read()) for browser in crowd] == [21] * 5


@pytest.mark.parametrize("fault", [errno.EIO, errno.EINVAL, errno.EMSGSIZE])
def test_a_way_that_takes_no_segments_is_sent_packets_one_by_one_from_then_on(fault: int) -> None:
    profile = Policy.SRTP_PROFILE_AEAD_AES_256_GCM
    with browsers(profile, profile) as (crowd, port):
        receivers = [browser.receiver for browser in crowd]
        assert ours.fan(packets_of([30]), receivers, port) == 0
        port.fault = fault
        assert ours.fan(packets_of([500, 500, 20], first=9), receivers[:1], port) == 0
        port.fault = None
        port.calls.clear()
        assert ours.fan(packets_of([500, 500, 20], first=12), receivers, port) == 0
        assert port.calls == ["sendto"] * 3 + ["sendmsg"]
        crowd[0].receiver.move(crowd[0].receiver.address)
        assert ours.fan(packets_of([500, 500], first=15), receivers[:1], port) == 0
        assert port.calls[4:] == ["sendmsg"]
        assert [len(browser.read()) for browser in crowd] == [9, 4]


def test_what_the_system_has_no_room_for_is_counted_a_packet_each() -> None:
    with browsers(Policy.SRTP_PROFILE_AEAD_AES_256_GCM) as (crowd, port):
        (browser,) = crowd
        assert ours.fan(packets_of([30]), [browser.receiver], port) == 0
        port.fault = errno.ENOBUFS
        assert ours.fan(packets_of([500, 500, 20, 700], first=9), [browser.receiver], port) == 3
        assert browser.receiver.segments
        assert len(browser.read()) == 2
        port.fault, port.single_fault = errno.EIO, errno.ENOBUFS
        assert ours.fan(packets_of([500, 500, 20, 700], first=13), [browser.receiver], port) == 4
        assert ours.fan(packets_of([500], first=17), [browser.receiver], port) == 1
        assert browser.read() == []


def test_a_packet_that_is_refused_takes_no_other_with_it(fan: Fan) -> None:
    with browsers(Policy.SRTP_PROFILE_AEAD_AES_256_GCM) as (crowd, port):
        (browser,) = crowd
        assert fan(packets_of([30], first=5_000), [browser.receiver], port) == 0
        burst = [*packets_of([300], first=5_001), *packets_of([300], first=3_000), *packets_of([300], first=5_002)]
        assert fan(burst, [browser.receiver], port) == 1
        assert [int.from_bytes(packet[2:4], "big") for packet in browser.read()] == [5_000, 5_001, 5_002]


def test_what_a_network_may_not_carry_in_one_piece_goes_alone() -> None:
    with browsers(Policy.SRTP_PROFILE_AEAD_AES_256_GCM) as (crowd, port):
        (browser,) = crowd
        assert ours.fan(packets_of([30]), [browser.receiver], port) == 0
        port.calls.clear()
        assert ours.fan(packets_of([1_420] * 3 + [900] * 3, first=9), [browser.receiver], port) == 0
        assert port.calls == ["sendto"] * 3 + ["sendmsg"]
        assert len(browser.read()) == 7


@pytest.mark.parametrize("profile", PROFILES)
def test_packets_that_fill_all_the_room_there_is_are_whole(profile: int) -> None:
    with browsers(profile) as (crowd, port):
        (browser,) = crowd
        assert ours.fan(packets_of([30], first=1), [browser.receiver], port) == 0
        browser.read()
        packets = packets_of([*[1_150] * 99, 1_100], first=2)
        room = sum(len(packet.data) + ours._MOST_TRAILER for packet in packets)
        assert ours._BURST_BYTES - 1_000 < room <= ours._BURST_BYTES
        assert ours.fan(packets, [browser.receiver], port) == 0
        assert browser.read() == [packet.data for packet in packets]


@pytest.mark.parametrize("size", [2_031, 3_000])
def test_packets_larger_than_we_read_ourselves_overrun_nothing(size: int) -> None:
    with browsers(Policy.SRTP_PROFILE_AEAD_AES_256_GCM) as (crowd, port):
        (browser,) = crowd
        assert ours.fan(packets_of([size], first=1), [browser.receiver], port) == 0
        assert ours.fan(packets_of([size, size, 9], first=2), [browser.receiver], port) == 0
        encrypted = [len(browser.port.recv(4096)) for _ in range(4)]
        assert encrypted == [size + 33] * 3 + [42]


def test_a_packet_larger_than_any_datagram_is_not_sent() -> None:
    with browsers(Policy.SRTP_PROFILE_AEAD_AES_256_GCM) as (crowd, port):
        (browser,) = crowd
        assert ours.fan(packets_of([200_000], first=1), [browser.receiver], port) == 1
        assert ours.fan(packets_of([40, 200_000, 41, 41], first=2), [browser.receiver], port) == 1
        assert [len(packet) for packet in browser.read()] == [57, 58, 58]
