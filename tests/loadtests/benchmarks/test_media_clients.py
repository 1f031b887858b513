"""The light clients of the media comparison count rightly, or its figures would say nothing."""

import pytest

from loadtests.benchmarks.media_clip import PAYLOAD_BYTES, encode, payloads
from loadtests.benchmarks.media_dtls import identity
from loadtests.benchmarks.media_sdp import publisher_offer, read_description, viewer_offer
from loadtests.benchmarks.media_transport import Transport
from loadtests.benchmarks.media_viewer import FREEZE_SECONDS, Stream


def stream(first: int = 65_530) -> Stream:
    """That expects `first` next."""
    return Stream(1, "video", first + 0x10000, first + 0xFFFF)


def transport() -> Transport:
    return Transport(lambda *_: None, lambda _: None)


def test_counts_across_the_wrap_of_sequence_numbers() -> None:
    counted = stream()

    for number in range(65_530, 65_530 + 20):
        counted.take(number & 0xFFFF, 0.0, marker=True)

    assert (counted.received, counted.expected, counted.lost, counted.frames) == (20, 20, 0, 20)


def test_what_comes_late_is_recovered_and_what_comes_twice_is_repeated() -> None:
    counted = stream(0)

    for number in (0, 1, 4, 2, 2, 0):
        counted.take(number, 0.0, marker=False)

    assert (counted.received, counted.recovered, counted.repeated, counted.lost) == (4, 1, 2, 1)


def test_asks_for_what_is_missing_until_it_is_given_up() -> None:
    counted = stream(0)
    counted.take(0, 0.0, marker=False)
    counted.take(3, 0.0, marker=False)

    assert counted.wanted(0.01) == []
    assert counted.wanted(0.02) == [1, 2]
    assert counted.wanted(0.05) == []
    counted.take(1, 0.1, marker=False)
    assert counted.wanted(0.13) == [2]
    assert counted.wanted(1.01) == []
    assert (counted.given_up, counted.missing, counted.lost) == (1, {}, 1)


def test_a_frame_counts_once_everything_before_it_is_there_and_a_freeze_once_it_is_late() -> None:
    counted = stream(0)
    counted.take(0, 0.0, marker=True)
    counted.take(1, 0.04, marker=True)
    counted.take(3, 0.08, marker=True)
    assert (counted.frames, counted.freezes) == (2, 0)

    counted.take(2, 0.05 + FREEZE_SECONDS, marker=True)

    assert (counted.frames, counted.freezes) == (4, 1)
    assert counted.longest_freeze == pytest.approx(0.01 + FREEZE_SECONDS)


def test_a_report_tells_the_part_lost_since_the_last_one() -> None:
    counted = stream(0)
    for number in (0, 1, 3):
        counted.take(number, 0.0, marker=False)

    assert counted.report().fraction_lost == 64
    counted.take(4, 0.0, marker=False)
    assert counted.report().fraction_lost == 0


async def test_offers_are_read_as_they_were_written() -> None:
    publisher, viewer = transport(), transport()
    try:
        offered = read_description(publisher_offer(publisher, {"audio": 7, "video": 9}))
        watched = read_description(viewer_offer(viewer, audios=2, videos=3, retransmission=True))
    finally:
        publisher.close()
        viewer.close()

    assert [line.kind for line in offered.lines] == ["audio", "video"]
    assert [line.mid for line in watched.lines] == ["0", "1", "2", "3", "4"]
    assert watched.lines[2].payload_types == {"vp8": 96, "rtx": 97}
    assert (offered.remote.address, offered.remote.ufrag) == (publisher.address, publisher.ufrag)
    assert offered.remote.fingerprint == identity().fingerprint


def test_what_lacks_an_address_or_a_fingerprint_is_no_description() -> None:
    with pytest.raises(ValueError, match="candidate"):
        read_description("v=0\r\n")


def test_the_clip_begins_with_its_only_keyframe_and_is_cut_to_size() -> None:
    clip = encode(1)

    assert [frame[0] & 1 for frame in clip.frames] == [0] + [1] * 24  # RFC 6386, 9.1: the first bit says "no keyframe"
    pieces = payloads(clip.frames[0], 5)
    assert [piece[0] for piece in pieces] == [0x90] + [0x80] * (len(pieces) - 1)
    assert b"".join(piece[4:] for piece in pieces) == clip.frames[0]
    assert max(map(len, pieces)) <= PAYLOAD_BYTES + 4
    assert len(clip.sounds) == 50
