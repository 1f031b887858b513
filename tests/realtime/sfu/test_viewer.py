"""What of a viewer's requests reaches who publishes."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from realtime.sfu.viewer import Keyframes


def test_who_asks_for_keyframes_for_ever_is_heard_once_in_five_seconds() -> None:
    keyframes = Keyframes(0.0)
    passed = [at / 20 for at in range(20 * 60) if keyframes.pass_on(at / 20)]
    assert passed[:3] == [0.0, 1.0, 2.0]
    assert len(passed) <= 3 + 60 / 5
    assert max(b - a for a, b in pairwise(passed)) <= 5.1


@given(st.lists(st.floats(0.0, 3.0), max_size=60))
def test_who_asks_seldom_is_always_heard(pauses: list[float]) -> None:
    now = 0.0
    keyframes = Keyframes(now)
    for pause in pauses:
        now += 5.5
        assert keyframes.pass_on(now)
        assert not keyframes.pass_on(now + pause / 4)
