"""Frames as the server sends them."""

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from realtime.wire import LatestFrame, framed

SIZES = st.one_of(st.integers(0, 300), st.sampled_from([125, 126, 65_535, 65_536, 100_000]))


@given(SIZES)
def test_a_frame_is_what_the_standard_says(size: int) -> None:
    message = b"x" * size
    assert framed(message) == Frame(Opcode.TEXT, message).serialize(mask=False)


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_the_latest_frame_is_always_that_of_the_message(messages: list[bytes]) -> None:
    latest = LatestFrame()
    for message in messages:
        assert latest.of(message) == framed(message)
        assert latest.of(message) is latest.of(message)
