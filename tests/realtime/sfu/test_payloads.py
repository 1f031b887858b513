"""VP8 descriptors against aiortc's, H.264 units, patches, bytes that are none."""

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from realtime.sfu.payloads import describe, patch

picture_ids = st.none() | st.integers(0, 0x7FFF)
bytes_or_none = st.none() | st.integers(0, 255)
descriptors = st.builds(
    VpxPayloadDescriptor,
    st.integers(0, 1),
    st.integers(0, 7),
    picture_ids,
    bytes_or_none,
    st.none() | st.tuples(st.integers(0, 3), st.integers(0, 1)),
    st.none() | st.integers(0, 31),
)


@given(descriptors, st.integers(0, 255))
def test_a_vp8_descriptor_says_what_aiortc_wrote(descriptor: VpxPayloadDescriptor, first: int) -> None:
    facts = describe("vp8", bytes(descriptor) + bytes((first, 7, 7)))
    starts = descriptor.partition_start == 1 and descriptor.partition_id == 0
    assert facts.starts_frame == starts
    assert facts.starts_keyframe == (starts and first & 1 == 0)
    assert facts.picture_id == (-1 if descriptor.picture_id is None else descriptor.picture_id)
    assert facts.tl0picidx == (-1 if descriptor.tl0picidx is None else descriptor.tl0picidx)
    assert facts.picture_id_wide == (descriptor.picture_id is not None)  # aiortc always writes 15 bits


@given(descriptors, st.integers(0, 0x7FFF), st.integers(0, 255))
def test_patched_numbers_are_read_again_and_nothing_else_changes(
    descriptor: VpxPayloadDescriptor, picture_id: int, tl0picidx: int
) -> None:
    payload = bytes(descriptor) + b"frame"
    facts = describe("vp8", payload)
    packet = bytearray(b"header" + payload)
    patch(packet, 6, facts, picture_id, tl0picidx)
    again, rest = VpxPayloadDescriptor.parse(bytes(packet[6:]))
    assert (packet[:6], rest) == (b"header", b"frame")
    expected = picture_id if facts.picture_id_wide else picture_id & 0x7F
    assert again.picture_id == (None if descriptor.picture_id is None else expected)
    assert again.tl0picidx == (None if descriptor.tl0picidx is None else tl0picidx)
    assert (again.partition_start, again.partition_id, again.tid, again.keyidx) == (
        descriptor.partition_start,
        descriptor.partition_id,
        descriptor.tid,
        descriptor.keyidx,
    )


@given(st.integers(0, 0x7F), st.integers(0, 0x7FFF))
def test_a_short_picture_id_stays_one_byte(old: int, new: int) -> None:
    payload = bytes((0x90, 0x80, old, 0x00)) + b"frame"
    facts = describe("vp8", payload)
    assert (facts.starts_keyframe, facts.picture_id, facts.picture_id_wide) == (True, old, False)
    packet = bytearray(payload)
    patch(packet, 0, facts, new, -1)
    assert packet == bytes((0x90, 0x80, new & 0x7F, 0x00)) + b"frame"


@pytest.mark.parametrize(
    ("payload", "keyframe", "frame"),
    [
        ("6742e01f", True, True),  # sequence parameters
        ("6588", True, True),  # a slice of a keyframe
        ("4188", False, True),  # a slice of another frame
        ("68ce", False, True),  # picture parameters alone
        ("7c85 88", True, True),  # FU-A, its beginning
        ("7c05 88", False, False),  # FU-A, its middle
        ("7c81 88", False, True),
        ("78 0004 6742e01f 0002 68ce", True, True),  # STAP-A
        ("78 0002 68ce 0002 6588", True, True),
        ("78 0002 0610 0002 4188", False, True),
        ("78 ffff 41", False, True),
        ("78", False, True),
        ("7c", False, False),
        ("", False, False),
    ],
)
def test_h264_keyframes(payload: str, keyframe: bool, frame: bool) -> None:
    facts = describe("h264", bytes.fromhex(payload))
    assert (facts.starts_keyframe, facts.starts_frame) == (keyframe, frame)


def test_sound_can_be_begun_anywhere_but_with_nothing() -> None:
    assert describe("opus", b"\x78sound").starts_keyframe
    assert not describe("opus", b"").starts_keyframe


@given(st.sampled_from(["vp8", "h264", "opus", "other"]), st.binary(max_size=40))
def test_no_bytes_at_all_raise(codec: str, payload: bytes) -> None:
    facts = describe(codec, payload)
    packet = bytearray(payload)
    patch(packet, 0, facts, 77, 78)
    assert len(packet) == len(payload)


@given(st.integers(0, 40))
def test_a_cut_descriptor_begins_nothing(end: int) -> None:
    payload = bytes(VpxPayloadDescriptor(1, 0, 300, 5, (0, 0), 3))
    assert not describe("vp8", payload[: min(end, len(payload))]).starts_keyframe
