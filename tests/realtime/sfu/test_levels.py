"""Who speaks: after a moment, in an order that does not flicker, at most one change a second."""

from hypothesis import given
from hypothesis import strategies as st

from realtime.sfu.levels import MOST_SPEAKERS, Levels


def talk(levels: Levels, begin: float, seconds: float, **loudness: int) -> float:
    """Everybody named sends a packet of this loudness each 20 ms; the time after it."""
    for step in range(round(seconds * 50)):
        for user_id, level in loudness.items():
            levels.note(user_id, level, begin + step * 0.02)
    return begin + seconds


def test_who_speaks_is_noticed_within_half_a_second_and_a_click_is_not() -> None:
    levels = Levels()
    now = talk(levels, 0.0, 1.0, ann=127)
    assert levels.order(now) == ()
    now = talk(levels, now, 0.04, ann=10)
    assert levels.order(now) == ()
    now = talk(levels, now, 0.5, ann=30)
    assert levels.order(now) == ("ann",)


def test_noise_is_nobody_speaking() -> None:
    levels = Levels()
    assert levels.order(talk(levels, 0.0, 3.0, ann=65, bob=55)) == ()


def test_a_short_pause_changes_nothing_and_silence_does() -> None:
    levels = Levels()
    now = talk(levels, 0.0, 2.0, ann=30)
    assert levels.order(now) == ("ann",)
    now = talk(levels, now, 0.4, ann=80)
    assert levels.order(now) == ("ann",)
    now = talk(levels, now, 2.0, ann=100)
    assert levels.order(now) == ()


def test_who_sends_nothing_is_silent() -> None:
    levels = Levels()
    now = talk(levels, 0.0, 2.0, ann=30)
    assert levels.order(now) == ("ann",)
    assert levels.order(now + 0.5) == ("ann",)
    assert levels.order(now + 1.1) == ()


def test_the_louder_comes_first_only_when_clearly_louder() -> None:
    levels = Levels()
    now = talk(levels, 0.0, 2.0, ann=35)
    assert levels.order(now) == ("ann",)
    now = talk(levels, now, 3.0, ann=35, bob=32)
    assert levels.order(now) == ("ann", "bob")
    now = talk(levels, now, 3.0, ann=35, bob=25)
    assert levels.order(now) == ("bob", "ann")


def test_who_left_is_not_among_the_speakers() -> None:
    levels = Levels()
    now = talk(levels, 0.0, 2.0, ann=30, bob=31)
    assert set(levels.order(now)) == {"ann", "bob"}
    levels.forget("ann")
    assert levels.order(now + 0.01) == ("bob",)


def test_at_most_six_speak_and_at_most_256_are_listened_to() -> None:
    levels = Levels()
    for step in range(50):
        for person in range(400):
            levels.note(f"person-{person:03}", 20 + person // 10, step * 0.02)
    order = levels.order(1.0)
    assert len(order) == MOST_SPEAKERS
    assert all(user_id < "person-010" for user_id in order)


@given(
    st.lists(
        st.tuples(st.sampled_from(["ann", "bob", "cleo", "dan"]), st.integers(0, 127), st.floats(0.001, 0.3)), max_size=200
    )
)
def test_the_order_changes_at_most_once_a_second(packets: list[tuple[str, int, float]]) -> None:
    levels, now = Levels(), 0.0
    before, changed_at = levels.order(now), float("-inf")
    for user_id, level, wait in packets:
        now += wait
        levels.note(user_id, level, now)
        order = levels.order(now)
        assert len(set(order)) == len(order)
        if order != before:
            assert now - changed_at >= 1.0
            before, changed_at = order, now
