"""What a viewer's line is sent: no sequence with two contents, whatever comes late or twice; and again what it was."""

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.sfu.streams import FRESH_PACKETS, FRESH_SECONDS
from tests.realtime.sfu.rig import Encoder, Rig


def test_a_line_that_moves_is_not_sent_what_was_late_before_it_came(rig: Rig) -> None:
    rig.move(0)
    for place in range(5):
        rig.send(0, place, keyframe=place == 0)
    rig.send(1, 0, keyframe=True)
    rig.move(1)
    rig.send(1, 2, keyframe=True)
    had = set(rig.contents)
    rig.send(1, 1)
    assert set(rig.contents) == had
    rig.send(1, 3)
    assert len(rig.contents) == 7


def test_what_comes_twice_goes_out_once(rig: Rig) -> None:
    rig.move(0)
    for place in (0, 1, 3, 2, 2, 1, 4):
        rig.send(0, place, keyframe=place == 0)
    assert len(rig.contents) == 5
    assert rig.egress.sent.packets == 10  # to the other line as well


def test_what_is_sent_again_in_the_same_stream_is_what_it_was(rig: Rig) -> None:
    rig.move(1)
    rig.send(0, 0, keyframe=True)
    rig.send(1, 0, keyframe=True)
    rig.send(1, 1)
    rig.move(0)
    rig.send(0, 1, keyframe=True)
    rig.send(0, 2)
    rig.now += 1
    packet = rig.ask_again(rig.newest())
    assert packet is not None
    assert rig.session.protect(packet) == rig.contents[rig.newest()]


def test_what_is_missed_comes_again_however_long_the_line_was_there(rig: Rig) -> None:
    rig.move(0)
    for place in range(70_000):
        rig.send(0, place, keyframe=place == 0)
        rig.contents.clear()  # numbers go around
        if place % 9_000 == 8_999:
            packet = rig.ask_again(rig.newest() - 5 & 0xFFFF)
            assert packet is not None, f"after {place} packets"
            assert packet.endswith((place - 5).to_bytes(4, "big") + bytes(20))
    assert rig.egress.sent.dropped == 0


def test_what_a_line_was_never_sent_it_cannot_ask_for(rig: Rig) -> None:
    for place in range(20):
        rig.send(0, place, keyframe=place == 0)
    rig.now += FRESH_SECONDS
    rig.move(0)
    rig.send(0, 20, keyframe=True)
    assert rig.ask_again(rig.newest()) is not None
    assert rig.ask_again(rig.newest() - 1 & 0xFFFF) is None
    assert rig.ask_again(rig.newest() + 1 & 0xFFFF) is None


def test_who_comes_soon_after_a_keyframe_begins_with_it_and_costs_no_other(rig: Rig) -> None:
    for place in (0, 1, 2, 4):
        rig.send(0, place, keyframe=place == 1)
    asked = rig.cameras[0].asked
    rig.move(0)
    rig.note()
    assert rig.frames() == [1, 2, 4]
    rig.send(0, 5)
    rig.send(0, 3)  # late, and missed by this line too
    assert rig.frames() == [1, 2, 3, 4, 5]
    assert (rig.lane.packets, rig.lane.octets) == (5, 5 * 30)
    assert rig.cameras[0].asked == asked
    again = rig.ask_again(rig.newest() - 4 & 0xFFFF)
    assert again is not None
    assert rig.session.protect(again) == rig.contents[rig.newest() - 4 & 0xFFFF]


def test_a_keyframe_that_is_old_or_long_past_or_of_another_source_begins_nothing(rig: Rig) -> None:
    def waits() -> bool:
        asked = rig.cameras[0].asked
        rig.move(0)
        rig.note()
        waiting = rig.lane.waits_for is rig.streams[0] and not rig.contents and rig.cameras[0].asked > asked
        rig.streams[0].stop_waiting(rig.lane)
        return waiting

    rig.send(0, 0, keyframe=True)
    rig.now += FRESH_SECONDS + 0.01
    assert waits()
    rig.send(0, 1, keyframe=True)
    for place in range(2, FRESH_PACKETS + 2):
        rig.send(0, place)
        rig.now -= 0.01
    assert waits()
    rig.send(0, FRESH_PACKETS + 2, keyframe=True)
    rig.streams[0].begin_anew(rig.cameras[0], rig.now)
    assert waits()
    rig.streams[0].bind(rig.cameras[1], rig.now)
    rig.streams[0].bind(rig.cameras[0], rig.now)
    assert waits()


def test_a_line_that_followed_another_stream_waits_for_a_keyframe_of_this(rig: Rig) -> None:
    rig.send(0, 0, keyframe=True)
    rig.send(1, 0, keyframe=True)
    rig.move(1)
    rig.note()
    had = len(rig.contents)
    rig.move(0)
    rig.note()
    assert len(rig.contents) == had
    assert rig.lane.waits_for is rig.streams[0]


def test_a_keyframe_of_several_packets_begins_with_the_first_of_them() -> None:
    rig = Rig(kind=Encoder)
    try:
        for place in range(3):
            rig.send(0, place)
        rig.move(0)
        rig.note()
        assert rig.frames() == [0, 1, 2]
    finally:
        rig.close()


def test_a_keyframe_whose_packets_come_in_any_order_begins_with_its_first(rig: Rig) -> None:
    rig.move(0)
    for place in (2, 4, 1, 3, 5):
        rig.send(0, place, keyframe=place == 1)
    assert rig.frames() == [1, 2, 3, 4, 5]
    rig.streams[0].begin_anew(rig.cameras[0], rig.now)
    rig.cameras[0].token, rig.cameras[0].first, rig.cameras[0].newest = object(), 9, -1
    rig.streams[0].begin_anew(rig.cameras[0], rig.now)
    for place in (12, 11, 10, 13):
        rig.send(0, place, keyframe=place == 10)
    assert rig.frames()[5:] == [10, 11, 12, 13]


def test_who_waits_for_a_keyframe_that_comes_late_is_sent_what_came_before_it_too(rig: Rig) -> None:
    rig.send(0, 0, keyframe=True)
    rig.now += FRESH_SECONDS + 0.01
    rig.move(0)
    for place in (1, 2, 4, 5, 3):
        rig.send(0, place, keyframe=place == 3)
    assert rig.frames() == [3, 4, 5]
    assert rig.lane.packets == 3


def test_a_keyframe_from_before_nobody_was_here_begins_nothing(rig: Rig) -> None:
    for place in (0, 1, 3):
        rig.send(0, place, keyframe=place == 0)
    rig.streams[0].leave(rig.others[0])
    rig.move(0)
    rig.send(0, 4)
    rig.send(0, 2, keyframe=True)
    assert rig.frames() == []
    rig.send(0, 5, keyframe=True)
    rig.send(0, 6)
    assert rig.frames() == [5, 6]


def test_an_older_keyframe_that_comes_late_is_not_the_newest(rig: Rig) -> None:
    for place in (0, 1, 3, 4, 2):
        rig.send(0, place, keyframe=place in (0, 2, 3))
    rig.move(0)
    rig.note()
    assert rig.frames() == [3, 4]


steps = st.tuples(st.integers(0, 1), st.integers(-4, 3), st.sampled_from((None, None, None, 0, 1)))


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=60))
def test_no_sequence_ever_has_two_contents(told: list[tuple[int, int, int | None]]) -> None:
    rig = Rig()
    try:
        newest = [0, 0]
        for layer, ahead, move in told:
            if move is not None:
                rig.move(move)
            place = max(0, newest[layer] + ahead)
            newest[layer] = max(newest[layer], place)
            rig.send(layer, place, keyframe=place % 3 == 0)
        assert rig.egress.sent.dropped == 0
        for data in rig.contents.values():
            rig.reader.unprotect(data)  # all of them fit: none went around
    finally:
        rig.close()
