"""The fan-out comparison: its arithmetic, and a small real turn of each contender."""

import socket
from dataclasses import replace

import pytest

from loadtests.benchmarks.fanout import (
    LYCEUM,
    NODE,
    SOCKETIO,
    STARLETTE,
    TITLES,
    Search,
    Turn,
    rate_table,
    table,
    take_turn,
    targets,
)
from loadtests.benchmarks.fanout_client import Step
from loadtests.benchmarks.fanout_peers import missing

_STEP = Step(100, 100_000, 0.05, 0.5, 0.1)


def turns(lyceum: float, starlette: float, socketio: float) -> list[Turn]:
    """One turn each, in both ways of posting, with so many deliveries per CPU-second."""
    rates = {LYCEUM: lyceum, STARLETTE: starlette, SOCKETIO: socketio}
    return [Turn(kind, way, int(rate * 2), 2.0, 0.5, 5.0) for kind, rate in rates.items() for way in ("single", "burst")]


def test_table_shows_rates_ratios_and_the_generators_share() -> None:
    shown = table(turns(150_000, 60_000, 10_000), [LYCEUM, STARLETTE, SOCKETIO], "single")
    assert "| Starlette + uvicorn | 60,000 | 60,000 – 60,000 | 2.50 | 10% |" in shown
    assert "| python-socketio + uvicorn | 10,000 | 10,000 – 10,000 | 15.00 | 10% |" in shown


def test_what_was_not_measured_is_neither_kept_nor_missed() -> None:
    found = {target.words: target.is_met for target in targets(turns(80_000, 60_000, 10_000), 1_000)}
    assert found[f"one at a time, 1,000 subscribers, per CPU-second: against {TITLES[STARLETTE]}"] is False
    assert found[f"one at a time, 1,000 subscribers, per CPU-second: against {TITLES[SOCKETIO]}"] is True
    assert found[f"one at a time, 1,000 subscribers, per CPU-second: against {TITLES[NODE]}"] is None


def test_the_best_rate_is_the_highest_at_which_most_came_in_time() -> None:
    late = replace(_STEP, posts_a_second=150, most_within=0.2)
    search = Search(LYCEUM, [replace(_STEP, posts_a_second=50), _STEP, late])
    assert search.best is _STEP
    assert not search.is_void
    assert "| Lyceum's gateway | 100,000 | 100,000 – 100,000 | 100 | 50 ms | 50% |  |" in rate_table([search], [LYCEUM])


def test_a_rate_that_the_generator_limited_is_void() -> None:
    busy = replace(_STEP, posts_a_second=150, most_within=0.2, generator_share=0.95, machine_idle=0.4)
    assert Search(LYCEUM, [_STEP, busy]).is_void
    assert Search(LYCEUM, [_STEP]).is_void
    assert "1 of 1 void: at least this" in rate_table([Search(LYCEUM, [_STEP, busy])], [LYCEUM])


def test_a_contender_too_slow_at_any_rate_is_said() -> None:
    shown = rate_table([Search(SOCKETIO, [replace(_STEP, most_within=0.4)])], [SOCKETIO])
    assert "| none | – | – | 400 ms | – | too slow at any rate |" in shown


@pytest.mark.parametrize("kind", list(TITLES))
def test_every_contender_delivers_everything(kind: str) -> None:
    if (sentence := missing(kind)) is not None:
        pytest.skip(sentence)  # peers that only `make bench` installs: nothing of the product is left untested
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    measured, search = take_turn(kind, port, subscribers=10, seconds=0.1)
    assert [(turn.way, turn.delivered % (10 * at_once)) for turn, at_once in zip(measured, (1, 20), strict=True)] == [
        ("single", 0),
        ("burst", 0),
    ]
    assert all(turn.delivered > 0 for turn in measured)
    assert len(search.steps) > 0
