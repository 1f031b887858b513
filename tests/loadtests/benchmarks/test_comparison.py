"""Whatever goes wrong on the way, what was measured is kept and the failure is said."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from loadtests.benchmarks.comparison import Faults, NothingMeasured, command_line, in_loop, measured
from loadtests.benchmarks.report import Part, Report, Target
from loadtests.benchmarks.servers import ServiceFailed
from loadtests.promises import BrokenPromise


def _run(results: Path, work: Callable[[Faults, list[str]], None], *targets: Target) -> int:
    rows: list[str] = []

    def report() -> Report:
        if not rows:
            raise NothingMeasured("No turn came to its end.")
        return Report("door", "The door", "make bench ONLY=door", "Ten.", [Part("Rates", "\n".join(rows))], targets)

    before = signal.getsignal(signal.SIGTERM)
    try:
        return measured(results, lambda _, faults: work(faults, rows), report)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_turn_that_fails_takes_no_other_with_it(tmp_path: Path) -> None:
    def work(faults: Faults, rows: list[str]) -> None:
        for name in ("first", "second", "third"):
            with faults.surviving(name):
                if name == "second":
                    raise ExceptionGroup("tasks", [BrokenPromise("seat 3 twice")])
                rows.append(name)

    assert _run(tmp_path, work) == 2
    kept = (tmp_path / "door.md").read_text()
    assert "first\nthird" in kept
    assert "- second: seat 3 twice" in kept


def test_what_was_measured_before_the_end_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def work(faults: Faults, rows: list[str]) -> None:
        rows.append("first")
        raise ServiceFailed("Lyceum did not come up")

    assert _run(tmp_path, work) == 2
    assert "- The comparison ended early: Lyceum did not come up" in (tmp_path / "door.md").read_text()
    assert "Traceback" not in capsys.readouterr().err


def test_a_fault_of_ours_shows_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def work(faults: Faults, rows: list[str]) -> None:
        with faults.surviving("first"):
            raise KeyError("oops")

    assert _run(tmp_path, work) == 2
    assert "Traceback" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_interrupted_comparison_keeps_what_it_has(tmp_path: Path) -> None:
    async def interrupted() -> None:
        import asyncio

        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(30)

    def work(faults: Faults, rows: list[str]) -> None:
        rows.append("first")
        in_loop(interrupted())

    assert _run(tmp_path, work) == 2
    assert "The comparison was interrupted." in (tmp_path / "door.md").read_text()


def test_a_missed_target_is_one_and_a_kept_one_nothing(tmp_path: Path) -> None:
    def work(faults: Faults, rows: list[str]) -> None:
        rows.append("first")

    assert _run(tmp_path, work, Target("rate", 1, 2)) == 1
    assert _run(tmp_path, work, Target("rate", 3, 2)) == 0


def test_the_command_is_the_one_that_was_typed() -> None:
    assert command_line("door", []) == "make bench ONLY=door"
    assert command_line("door", ["--students", "10"]) == "python -m loadtests.benchmarks.door --students 10"
