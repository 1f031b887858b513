"""Which layer a viewer gets: down when it is bad for a while, up again by tries that get rarer."""

from hypothesis import given
from hypothesis import strategies as st

from realtime.sfu.layers import HIGH, LOW, NONE, Layers

LOW_BITS, HIGH_BITS = 150_000, 900_000


def receive(layers: Layers, begin: int, seconds: int, loss: float, estimate: int = 0) -> list[str]:
    """A report of this loss each second; the layer after each."""
    seen = []
    for second in range(begin, begin + seconds):
        layers.note_loss(loss, second)
        layers.note_loss(0.0, second)  # of another stream, that loses nothing
        if estimate:
            layers.note_estimate(estimate, second)
        seen.append(layers.look(second, LOW_BITS, HIGH_BITS))
    return seen


def test_a_good_connection_stays_high() -> None:
    assert set(receive(Layers(), 0, 100, 0.01, 1_200_000)) == {HIGH}


def test_one_bad_report_changes_nothing() -> None:
    layers = Layers()
    receive(layers, 0, 10, 0.0)
    assert receive(layers, 10, 1, 0.18) == [HIGH]
    assert set(receive(layers, 11, 10, 0.0)) == {HIGH}


def test_lasting_loss_lowers_and_much_of_it_leaves_sound_alone() -> None:
    layers = Layers()
    seen = receive(layers, 0, 20, 0.4)
    assert seen.index(LOW) in (2, 3)
    assert NONE in seen
    assert seen.index(NONE) - seen.index(LOW) >= 4
    assert set(receive(Layers(), 0, 9, 0.15)) == {HIGH, LOW}


def test_a_low_estimate_lowers() -> None:
    layers = Layers()
    assert receive(layers, 0, 6, 0.0, 500_000)[-1] == LOW
    assert set(receive(layers, 6, 5, 0.0, 300_000)) == {LOW}


def test_an_estimate_of_long_ago_and_unknown_rates_count_for_nothing() -> None:
    layers = Layers()
    layers.note_estimate(1000, 0.0)
    assert {layers.look(float(second), LOW_BITS, HIGH_BITS) for second in range(10, 20)} == {HIGH}
    other = Layers()
    other.note_estimate(1000, 0.0)
    assert {other.look(second / 2, 0, 0) for second in range(10)} == {HIGH}


def tries(seen: list[str]) -> list[int]:
    return [second for second in range(1, len(seen)) if seen[second - 1] == LOW and seen[second] == HIGH]


def test_tries_that_fail_get_rarer_and_one_that_succeeds_stays() -> None:
    layers = Layers()
    seen = receive(layers, 0, 5, 0.2)
    for second in range(5, 400):
        seen += receive(layers, second, 1, 0.2 if layers.layer == HIGH else 0.0)
    waits = [after - before for before, after in zip(tries(seen), tries(seen)[1:], strict=False)]
    assert len(waits) >= 3
    assert waits == sorted(waits)
    assert waits[1] >= 1.5 * waits[0]
    assert max(waits) <= 130
    good = receive(layers, 400, 200, 0.0)
    assert good[-1] == HIGH
    assert good[good.index(HIGH) :].count(LOW) == 0


def test_after_none_pictures_are_tried_again() -> None:
    layers = Layers()
    assert receive(layers, 0, 30, 0.6)[-1] in (NONE, LOW)
    seen = receive(layers, 30, 60, 0.0)
    assert seen[-1] == HIGH


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 2_000_000), st.floats(0.1, 2)), max_size=200))
def test_a_layer_changes_by_one_and_stays_at_least_two_seconds(reports: list[tuple[float, int, float]]) -> None:
    layers, now, changed_at = Layers(), 0.0, float("-inf")
    order = [NONE, LOW, HIGH]
    before = layers.layer
    for loss, estimate, wait in reports:
        now += wait
        layers.note_loss(loss, now)
        layers.note_estimate(estimate, now)
        layer = layers.look(now, LOW_BITS, HIGH_BITS)
        assert abs(order.index(layer) - order.index(before)) <= 1
        if layer != before:
            assert now - changed_at >= 2.0
            before, changed_at = layer, now
