"""Sent packets are found by their sequence until a thousand others came."""

from hypothesis import given
from hypothesis import strategies as st

from realtime.sfu.ring import SIZE, Ring


@given(st.integers(0, 0xFFFF), st.integers(1, 3000))
def test_the_last_1024_are_there_and_no_others(start: int, count: int) -> None:
    ring = Ring()
    sent = [(start + step) & 0xFFFF for step in range(count)]
    for sequence in sent:
        ring.put(sequence, sequence.to_bytes(2, "big"))
    assert all(ring.get(sequence) == sequence.to_bytes(2, "big") for sequence in sent[-SIZE:])
    assert all(ring.get(sequence) is None for sequence in sent[:-SIZE])
    assert ring.get((start - 1) & 0xFFFF) is None
    ring.clear()
    assert all(ring.get(sequence) is None for sequence in sent)
