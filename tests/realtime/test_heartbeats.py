"""The wheel gives everything back in its second."""

from hypothesis import given
from hypothesis import strategies as st

from realtime.heartbeats import Wheel


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(0.1, 9.0)), max_size=40))
def test_each_thing_comes_round_once_and_never_early(puts: list[tuple[int, float]]) -> None:
    wheel: Wheel[int] = Wheel(11)
    due: dict[int, float] = {}
    seen: dict[int, int] = {}
    for second in range(40):
        for index, (at, after) in enumerate(puts):
            if at == second:
                wheel.put(index, after)
                due[index] = second + after
        for thing in wheel.turn():
            assert thing not in seen
            seen[thing] = second + 1
    assert seen.keys() == due.keys()
    assert all(due[thing] <= seen[thing] < due[thing] + 1.0 for thing in seen)


def test_what_is_too_far_comes_at_the_wheels_end() -> None:
    wheel: Wheel[str] = Wheel(4)
    wheel.put("x", 100.0)
    assert [wheel.turn() for _ in range(3)] == [[], [], ["x"]]
