"""The fan-out comparison: its arithmetic, and a small real turn of each contender."""

import socket

import pytest

from loadtests.benchmarks.fanout import LYCEUM, SERVERS, SOCKETIO, STARLETTE, Turn, broken_promises, table, take_turn


def turns(lyceum: float, starlette: float, socketio: float) -> list[Turn]:
    """One turn each, in both ways of posting, with so many deliveries per CPU-second."""
    rates = {LYCEUM: lyceum, STARLETTE: starlette, SOCKETIO: socketio}
    return [Turn(kind, way, int(rate * 2), 2.0, 0.5, 5.0) for kind, rate in rates.items() for way in ("single", "burst")]


def test_table_shows_rates_ratios_and_the_generators_share() -> None:
    shown = table(turns(150_000, 60_000, 10_000), [LYCEUM, STARLETTE, SOCKETIO], "single")
    assert "| Starlette + uvicorn | 60,000 | 60,000 – 60,000 | 2.50 | 10% |" in shown
    assert "| python-socketio + uvicorn | 10,000 | 10,000 – 10,000 | 15.00 | 10% |" in shown


def test_missed_factor_is_said() -> None:
    assert broken_promises(turns(150_000, 60_000, 10_000)) == []
    missed = broken_promises(turns(80_000, 60_000, 30_000))
    assert len(missed) == 4
    assert missed[0] == "single: 1.33 times Starlette + uvicorn, promised 1.5"


@pytest.mark.parametrize("kind", sorted(SERVERS))
def test_every_contender_delivers_everything(kind: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    measured = {turn.way: turn.delivered for turn in take_turn(kind, port, subscribers=10, repeat=5)}
    assert measured == {"single": 5 * 10, "burst": 20 * 10}
