import random

import pytest
from aiortc.codecs.vpx import Vp8Encoder
from hypothesis import given
from hypothesis import strategies as st

from realtime.sfu.frames import MOST_BEHIND, WAIT_SECONDS, Frame, Pictures, Sounds
from realtime.sfu.picture_sizes import h264_size, vp8_size
from tests.realtime.sfu.film import RATE, Sent, encode, pictures, rtp, sounds

SHADES = [20 + 4 * number for number in range(20)]


def taken(sent: list[Sent], into: Pictures | Sounds | None = None) -> list[Frame]:
    """The frames of these packets in this order, at their times."""
    into = into or Pictures()
    return [frame for packet in sent for frame in into.add(packet.codec, packet.data, packet.at)]


def test_frames_of_vp8_are_what_was_encoded() -> None:
    encoded = encode("vp8", 320, 240, SHADES)
    sent, number = [], 65_530
    for index, packet in enumerate(encoded):
        payloads = Vp8Encoder().pack(packet)[0]
        for place, payload in enumerate(payloads):
            sent.append(Sent(0.0, "vp8", rtp(number, index, payload, marker=place == len(payloads) - 1)))
            number += 1
    frames = taken(sent)
    assert [frame.data for frame in frames] == [bytes(packet) for packet in encoded]
    assert [frame.is_keyframe for frame in frames] == [True] + [False] * 19
    assert {(frame.width, frame.height) for frame in frames} == {(320, 240)}


def test_frames_of_h264_carry_what_their_decoder_must_be_told() -> None:
    frames = taken(pictures("h264", 640, 360, SHADES))
    assert len(frames) == 20
    assert {(frame.width, frame.height) for frame in frames} == {(640, 360)}
    assert {frame.parameters[:5] for frame in frames} == {b"\x00\x00\x00\x01\x67"}
    assert frames[0].data.startswith(frames[0].parameters)


@given(st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32), st.sampled_from([1, 3, 8]))
def test_reordered_and_repeated_packets_make_the_same_frames(number: int, timestamp: int, seed: int, reach: int) -> None:
    sent = [
        Sent(index / 50, "opus", rtp(number + index, timestamp + 960 * index, index.to_bytes(2, "big"), marker=False))
        for index in range(60)
    ]
    chance = random.Random(seed)
    first, *rest = sent
    mixed = [first, *sorted(rest, key=lambda packet: packet.at * 50 + chance.uniform(0, reach))]
    mixed = [again for packet in mixed for again in [packet] * chance.choice([1, 1, 2])]
    frames = taken(mixed, Sounds())
    assert [int.from_bytes(frame.data, "big") for frame in frames] == list(range(60))
    assert [frame.timestamp for frame in frames] == [(timestamp + 960 * index) & 0xFFFFFFFF for index in range(60)]


@given(st.lists(st.binary(max_size=60), max_size=40), st.sampled_from(["vp8", "h264"]))
def test_no_payload_is_too_strange(payloads: list[bytes], codec: str) -> None:
    pictures = Pictures()
    for number, payload in enumerate(payloads):
        for frame in pictures.add(codec, rtp(number, number // 2, payload, marker=number % 3 == 0), number / 10):
            assert frame.width > 0
        pictures.add(codec, payload, number / 10)


@given(st.binary(max_size=80))
def test_no_parameters_are_too_strange(data: bytes) -> None:
    for size in (vp8_size(data), h264_size(data), h264_size(b"\x67\x64\x00\x0d" + data)):
        assert size is None or min(size) > 0


def test_a_lost_packet_is_waited_for_and_then_pictures_go_on_with_a_keyframe() -> None:
    sent = pictures("vp8", 320, 240, SHADES, every=10)
    assert len(sent) == 20
    late = [*sent[:3], *sent[4:8], sent[3], *sent[8:]]
    assert len(taken(late)) == 20

    pictures_ = Pictures()
    frames = taken([*sent[:3], *sent[4:]], pictures_)
    assert len(frames) == 3  # all that came within a second is held
    assert not pictures_.waits
    frames += pictures_.look(sent[4].at + WAIT_SECONDS + 0.01)
    assert [frame.is_keyframe for frame in frames] == [True, False, False, True] + [False] * 9
    assert frames[3].timestamp == 10 * 90_000 // RATE


def test_a_loss_without_a_keyframe_after_it_says_that_one_is_waited_for() -> None:
    line = Pictures()
    assert not line.waits
    taken([sent for number, sent in enumerate(pictures("vp8", 320, 240, SHADES)) if number != 5], line)
    assert line.drain() == []
    assert line.waits


def test_sound_goes_on_after_a_gap() -> None:
    sent = sounds(3.0)
    line = Sounds()
    frames = taken(sent[:50] + sent[55:], line)
    assert len(frames) == 145
    assert frames[50].timestamp - frames[49].timestamp == 6 * 960


def test_numbers_that_begin_anew_are_followed() -> None:
    line = Sounds()
    high = [Sent(index / 50, "opus", rtp(30_000 + index, index, b"a", marker=False)) for index in range(10)]
    low = [
        Sent(1 + index / 50, "opus", rtp(30_000 - MOST_BEHIND - 50 + index, index, b"b", marker=False)) for index in range(9)
    ]
    assert [frame.data for frame in taken(high + low, line)] == [b"a"] * 10 + [b"b"] * 9


@pytest.mark.parametrize("size", [(320, 240), (642, 362), (960, 540)])
def test_the_size_of_a_keyframe_is_read(size: tuple[int, int]) -> None:
    for codec in ("vp8", "h264"):
        frames = taken(pictures(codec, *size, [50, 60]))
        assert {(frame.width, frame.height) for frame in frames} == {size}


def test_padding_between_packets_is_no_gap() -> None:
    line, made = Pictures(), []
    for place, sent in enumerate(pictures("vp8", 320, 240, [40, 60, 80, 100])):
        number = 2 * place
        made += line.add("vp8", sent.data[:2] + number.to_bytes(2, "big") + sent.data[4:], sent.at)
        made += line.add("vp8", rtp(number + 1, 0, b"", marker=False), sent.at)
    assert len(made) == 4
    assert not line.waits
