"""Seeds for as long as the budget lasts, in a process of their own; and that the simulation sees what it is for."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from classroom.live.state import LiveClass
from persistence.batches import Bundle, Committed
from persistence.memory.live_journal import MemoryCommits
from tests.chaos.simulation import simulate

SECONDS = float(os.environ.get("CHAOS_SECONDS", "20"))
AT_LEAST = 40
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(SECONDS * 3 + 180)
def test_no_seed_breaks_a_promise() -> None:
    words = ["--seconds", str(SECONDS), "--at-least", str(AT_LEAST), "--first", os.environ.get("CHAOS_FIRST_SEED", "0")]
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.simulation", *words, "--json"],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-6_000:]
    figures = json.loads(done.stdout)
    assert figures["seeds"] >= AT_LEAST
    assert figures["histories_checked"] >= AT_LEAST
    missing = {"lost", "doubled", "answer_lost", "crash_before_answer", "crash_after_commit"} - figures["faults"].keys()
    assert not missing, figures["faults"]


def test_the_same_seed_takes_the_same_turns() -> None:
    first, again = simulate(3), simulate(3)
    assert first.messages > 50
    assert (first.fingerprint, first.history) == (again.fingerprint, again.history)
    assert simulate(4).fingerprint != first.fingerprint


def lose_some_writes() -> AbstractContextManager[Any]:
    """The store says yes and forgets one commit in ten."""
    write, count = MemoryCommits._write, iter(range(1 << 30))

    def forgetful(self: MemoryCommits, bundle: Bundle) -> Committed:
        return Committed.YES if next(count) % 10 == 9 else write(self, bundle)

    return patch.object(MemoryCommits, "_write", forgetful)


def forget_commands() -> AbstractContextManager[Any]:
    """A command that comes again is done again."""
    return patch.object(LiveClass, "remember", lambda *_: None)


@pytest.mark.parametrize("plant", [lose_some_writes, forget_commands])
def test_planted_faults_are_seen(plant: Callable[[], AbstractContextManager[Any]]) -> None:
    with plant():
        violations = [outcome.violation for outcome in map(simulate, seeds()) if outcome.violation]
    assert violations


def seeds() -> Sequence[int]:
    """Enough of them."""
    return range(24)
