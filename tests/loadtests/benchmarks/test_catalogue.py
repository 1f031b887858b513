"""Serve beside bare uvicorn: ratios of neighbouring turns that the generator did not slow down."""

from argparse import Namespace
from dataclasses import replace

import pytest

from loadtests.benchmarks.catalogue import BARE, SERVE, Found, Turn, report
from loadtests.benchmarks.comparison import NothingMeasured
from loadtests.benchmarks.report import Report

_SERVE = Turn(SERVE, 3_600, 4.0, 0.050, 0.004, 0.012, 3.0, 0.4, 0.05)
_BARE = Turn(BARE, 4_000, 4.0, 0.040, 0.003, 0.010, 2.8, 0.4, 0.05)


def _report(*turns: Turn) -> Report:
    return report(Namespace(rounds=1), "make bench", Found(list(turns), 500))


def test_rate_and_waits_are_compared() -> None:
    said = _report(_SERVE, _BARE)
    assert [target.measured for target in said.targets] == [0.9, 1.2]
    assert "| Ray Serve | 900 | 900 – 900 | 833 µs | 50.0 ms | 4.0 / 12.0 ms | 40% | 5% |" in said.markdown()


def test_void_turns_are_left_out_and_said() -> None:
    void = replace(_SERVE, requests=40_000, generator_share=0.95, round=1)
    said = _report(_SERVE, void, _BARE)
    assert said.targets[0].measured == 0.9
    assert "1 void turns" in said.markdown()


def test_without_a_valid_turn_nothing_is_claimed() -> None:
    said = _report(replace(_SERVE, generator_share=0.95), _BARE)
    assert [target.is_met for target in said.targets] == [None, None]
    assert "| Ray Serve | all turns void" in said.markdown()
    with pytest.raises(NothingMeasured):
        _report()
