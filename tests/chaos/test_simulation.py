"""Seeds for as long as the budget lasts, on all cores; and that the simulation sees what it is for."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.chaos.planted import PLANTED
from tests.chaos.seeds import command, figures_of, run_for, run_seeds, simulators
from tests.chaos.simulation import Plant

SECONDS = float(os.environ.get("CHAOS_SECONDS", "20"))
AT_LEAST = 100
SEEDS = range(60)
FAULTS = {
    "lost", "doubled", "answer_lost", "crash_before_answer", "crash_after_commit", "store_lost", "store_answer_lost",
    "stale_write_refused", "kill_one", "freeze_one", "come", "silence", "_crash_gate",
}  # fmt: skip


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with simulators() as processes:
        yield processes


@pytest.mark.timeout(SECONDS * 3 + 180)
def test_no_seed_breaks_a_promise() -> None:
    began = time.monotonic()
    outcomes = list(run_for(SECONDS, int(os.environ.get("CHAOS_FIRST_SEED", "0")), AT_LEAST))
    broken = [f"seed {each.seed}: {each.violation}\n  {command(each.seed)}" for each in outcomes if each.violation]
    assert not broken, "\n".join(broken)
    happened = sum((each.happened for each in outcomes), start=type(outcomes[0].happened)())
    assert len(outcomes) >= AT_LEAST
    assert sum(each.histories for each in outcomes) >= AT_LEAST
    assert sum(each.unknown for each in outcomes) >= AT_LEAST / 2
    assert happened["history_too_large"] <= len(outcomes) / 100
    missing = {fault for fault in FAULTS if not happened[fault]}
    assert not missing, figures_of(outcomes, time.monotonic() - began)


def test_the_same_seed_takes_the_same_turns_in_every_process(pool: ProcessPoolExecutor) -> None:
    alone, first, after_others = list(pool.map(run_seeds, [[3], [3, 4], [5, 4, 3]]))
    assert alone[0].messages > 50
    for other in (first[0], after_others[2]):
        assert (alone[0].fingerprint, alone[0].history) == (other.fingerprint, other.history)
    assert first[1].fingerprint == after_others[1].fingerprint != alone[0].fingerprint


@pytest.mark.parametrize("plant", PLANTED)
def test_planted_faults_are_seen(plant: Plant, pool: ProcessPoolExecutor) -> None:
    parts = [SEEDS[begin : begin + 10] for begin in range(0, len(SEEDS), 10)]
    outcomes = [each for part in pool.map(run_seeds, parts, [plant] * len(parts)) for each in part]
    assert [each.violation for each in outcomes if each.violation]
