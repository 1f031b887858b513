"""One stream of several sources: wrap-around, switches, gaps, reordering, repeats."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from realtime.sfu.payloads import PayloadFacts
from realtime.sfu.splice import Splice

KEYFRAME = PayloadFacts(starts_keyframe=True, starts_frame=True)
FRAME = PayloadFacts(starts_keyframe=False, starts_frame=True)
sequences = st.integers(0, 0xFFFF)
timestamps = st.integers(0, 0xFFFFFFFF)


def vp8(picture_id: int, tl0picidx: int, keyframe: bool = False, wide: bool = True) -> PayloadFacts:
    starts_frame = True
    return PayloadFacts(keyframe, starts_frame, picture_id & (0x7FFF if wide else 0x7F), 2, wide, tl0picidx & 0xFF, 4)


@dataclass(frozen=True)
class Stretch:
    """A source of frames of one packet each, beginning with a keyframe; `arrivals` are positions in it as they come."""

    sequence: int
    timestamp: int
    picture_id: int
    tl0picidx: int
    arrivals: list[int]
    pause: float


stretches = st.builds(
    Stretch,
    sequences,
    timestamps,
    st.integers(0, 0x7FFF),
    st.integers(0, 0xFF),
    st.lists(st.integers(0, 300), max_size=30),
    st.floats(0, 100),
)


@given(sequences, timestamps, st.lists(stretches, min_size=1, max_size=6))
def test_whatever_comes_the_viewer_sees_one_continuous_stream(first: int, start: int, sources: list[Stretch]) -> None:
    splice = Splice(90000, first, start)
    now, next_sequence, last_out_time, last_when = 0.0, first, start, 0.0
    next_picture = next_tl0 = None
    for name, source in enumerate(sources):
        splice.want(name)
        now += source.pause
        out_sequence = (next_sequence) & 0xFFFF
        highest = 0
        for index, position in enumerate([0, *source.arrivals]):
            now += 0.001 if index else 0.0
            placed = splice.place(
                name,
                (source.sequence + position) & 0xFFFF,
                (source.timestamp + 3000 * position) & 0xFFFFFFFF,
                vp8(source.picture_id + position, source.tl0picidx + position, keyframe=position == 0),
                now,
            )
            assert placed is not None
            sequence, timestamp, picture_id, tl0picidx = placed
            if index == 0:
                passed = max(1, round((now - last_when) * 90000)) if name else 0
                out_time = (last_out_time + passed) & 0xFFFFFFFF
                base_picture = source.picture_id if next_picture is None else next_picture
                base_tl0 = source.tl0picidx if next_tl0 is None else next_tl0
            if position > highest or index == 0:
                highest, last_when = position, now
            assert sequence == (out_sequence + position) & 0xFFFF
            assert timestamp == (out_time + 3000 * position) & 0xFFFFFFFF
            assert picture_id == (base_picture + position) & 0x7FFF
            assert tl0picidx == (base_tl0 + position) & 0xFF
            assert splice.sequence == (out_sequence + highest) & 0xFFFF
            assert splice.timestamp_of(name, source.timestamp) == out_time
        next_sequence = out_sequence + highest + 1
        last_out_time = (out_time + 3000 * highest) & 0xFFFFFFFF
        next_picture = (base_picture + highest + 1) & 0x7FFF
        next_tl0 = (base_tl0 + highest + 1) & 0xFF


@given(
    sequences, st.lists(st.integers(-200, 400), min_size=1, max_size=60), st.integers(0, 40), st.none() | st.integers(0, 99)
)
def test_nothing_of_a_source_goes_out_before_its_keyframe(
    start: int, arrivals: list[int], keyframe_at: int, after: int | None
) -> None:
    splice = Splice(90000, 7, 0)
    splice.want("camera", -1 if after is None else (start + after) & 0xFFFF)
    began: int | None = None
    for index, position in enumerate(arrivals):
        facts = KEYFRAME if index >= keyframe_at else FRAME
        placed = splice.place("camera", (start + position) & 0xFFFF, 0, facts, 0.0)
        if began is None and index >= keyframe_at and (after is None or position > after):
            began = position
        assert (placed is not None) == (began is not None and position >= began)
        if placed is not None and began is not None:
            assert placed[0] == (7 + position - began) & 0xFFFF


def test_the_old_source_goes_on_until_the_keyframe_of_the_new_one() -> None:
    splice = Splice(90000, 100, 0)
    splice.want("low")
    assert splice.wanted == "low"
    assert splice.place("low", 1, 0, KEYFRAME, 0.0) == (100, 0, -1, -1)
    splice.want("high")
    assert (splice.current, splice.wanted) == ("low", "high")
    assert splice.place("high", 500, 0, FRAME, 0.0) is None
    assert splice.place("low", 2, 3000, FRAME, 0.033) == (101, 3000, -1, -1)
    assert splice.place("high", 501, 90, KEYFRAME, 0.066) == (102, 3000 + 2970, -1, -1)
    assert (splice.current, splice.wanted) == ("high", None)
    assert splice.place("low", 3, 6000, FRAME, 0.066) is None


def test_what_the_source_before_still_owes_fills_its_gaps_and_no_more() -> None:
    splice = Splice(90000, 100, 0)
    splice.want("a")
    splice.place("a", 65534, 0, KEYFRAME, 0.0)
    splice.place("a", 1, 0, FRAME, 0.0)  # 65535 and 0 are missing
    splice.want("b")
    assert splice.place("b", 9, 0, KEYFRAME, 0.0) == (104, 1, -1, -1)
    assert splice.place("a", 65535, 0, FRAME, 0.1) == (101, 0, -1, -1)
    assert splice.place("a", 0, 0, FRAME, 0.1) == (102, 0, -1, -1)
    assert splice.place("a", 2, 0, FRAME, 0.1) is None
    assert splice.place("a", 65533, 0, FRAME, 0.1) is None
    assert splice.sequence == 104


def test_a_source_that_goes_on_unheard_never_comes_back_as_its_past() -> None:
    splice = Splice(90000, 0, 0)
    splice.want("a")
    for sequence in range(2000):
        splice.place("a", sequence, 0, KEYFRAME if sequence == 0 else FRAME, sequence / 100)
    splice.want("b")
    assert splice.place("b", 9, 0, KEYFRAME, 20.0) is not None
    assert splice.place("a", 1999, 0, FRAME, 20.5) == (1999, 0, -1, -1)
    assert all(splice.place("a", sequence & 0xFFFF, 0, FRAME, sequence / 100) is None for sequence in range(2100, 70_000))


def test_a_stray_packet_goes_nowhere_and_changes_nothing() -> None:
    splice = Splice(90000, 0, 0)
    splice.want("a")
    splice.place("a", 100, 0, KEYFRAME, 0.0)
    assert splice.place("a", 30_000, 0, FRAME, 0.0) is None
    assert splice.place("a", 60_000, 0, FRAME, 0.0) is None
    assert splice.place("a", 101, 0, FRAME, 0.0) == (1, 0, -1, -1)


def test_a_dropped_source_sends_nothing_and_the_next_goes_on_after_it() -> None:
    splice = Splice(48000, 100, 0)
    splice.want("a")
    splice.place("a", 1, 0, KEYFRAME, 0.0)
    splice.drop()
    assert splice.current is None
    assert splice.place("a", 2, 960, KEYFRAME, 0.02) is None
    splice.want("a")
    assert splice.place("a", 50, 9600, KEYFRAME, 1.0) == (101, 48000, -1, -1)


def test_wanting_what_is_shown_takes_the_wish_back() -> None:
    splice = Splice(90000, 100, 0)
    splice.want("a")
    splice.place("a", 1, 0, KEYFRAME, 0.0)
    splice.want("b")
    splice.want("a")
    assert splice.wanted is None
    assert splice.place("b", 9, 0, KEYFRAME, 0.0) is None


def test_a_keyframe_of_which_something_may_have_passed_unheard_begins_nothing() -> None:
    splice = Splice(90000, 100, 0)
    splice.want("a", after=11)
    assert splice.place("a", 10, 0, KEYFRAME, 0.0) is None
    assert splice.place("a", 11, 0, KEYFRAME, 0.0) is None
    assert splice.place("a", 13, 0, FRAME, 0.0) is None
    assert splice.place("a", 12, 0, KEYFRAME, 0.0) == (100, 0, -1, -1)
    assert splice.place("a", 13, 0, FRAME, 0.0) == (101, 0, -1, -1)


@given(st.integers(0, 0x7F), st.integers(0, 0x7FFF))
def test_short_picture_ids_stay_short_and_go_on(narrow: int, wide: int) -> None:
    splice = Splice(90000, 0, 0)
    splice.want("wide")
    splice.place("wide", 1, 0, vp8(wide, 0, keyframe=True), 0.0)
    splice.want("narrow")
    placed = splice.place("narrow", 1, 0, vp8(narrow, 0, keyframe=True, wide=False), 0.0)
    assert placed is not None
    assert placed[2] == (wide + 1) & 0x7F
