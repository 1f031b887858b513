"""Seeds on all cores, each as it would be alone, and what they brought together."""

import argparse
import gc
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext

from tests.chaos.simulation import Outcome, Plant, prepare, simulate

CHUNK = 20
VIOLATIONS_AT_MOST = 10


def command(seed: int) -> str:
    """What to type to see this seed again."""
    return f"python -m tests.chaos.simulation --seed {seed}"


@contextmanager
def simulators(processes: int | None = None) -> Iterator[ProcessPoolExecutor]:
    """Processes that do nothing but simulate. Sets of text have an order of their own in each process, unless that is fixed
    before it begins."""
    before = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = "0"
    try:
        with ProcessPoolExecutor(
            processes or len(os.sched_getaffinity(0)), multiprocessing.get_context("spawn"), initializer=prepare
        ) as pool:
            yield pool
    finally:
        if before is None:
            del os.environ["PYTHONHASHSEED"]
        else:
            os.environ["PYTHONHASHSEED"] = before


def run_seeds(seeds: Sequence[int], plant: Plant = nullcontext) -> list[Outcome]:
    """One after the other, in this process."""
    outcomes = [simulate(seed, plant) for seed in seeds]
    gc.collect()
    return outcomes


def run_for(seconds: float, first: int, at_least: int = 0) -> Iterator[Outcome]:
    """Seeds from `first` on, in their order, for so long by the wall's clock, and at least so many; ends soon after ten
    violations."""
    until_then = time.monotonic() + seconds
    violations = done = 0
    with simulators() as pool:
        chunks = (range(begin, begin + CHUNK) for begin in range(first, sys.maxsize, CHUNK))
        waiting = [pool.submit(run_seeds, next(chunks)) for _ in range(2 * len(os.sched_getaffinity(0)))]
        while waiting:
            for outcome in waiting.pop(0).result():
                done += 1
                violations += bool(outcome.violation)
                yield outcome
            if violations < VIOLATIONS_AT_MOST and (time.monotonic() < until_then or done + CHUNK * len(waiting) < at_least):
                waiting.append(pool.submit(run_seeds, next(chunks)))


def figures_of(outcomes: Iterable[Outcome], seconds: float) -> dict[str, object]:
    """What many seeds brought."""
    outcomes = list(outcomes)
    happened = sum((each.happened for each in outcomes), Counter())
    return {
        "seeds": len(outcomes),
        "first": outcomes[0].seed,
        "seconds": round(seconds, 1),
        "seeds_a_minute": round(60 * len(outcomes) / seconds),
        "messages": sum(each.messages for each in outcomes),
        "operations": sum(each.operations for each in outcomes),
        "unknown_outcomes": sum(each.unknown for each in outcomes),
        "histories_checked": sum(each.histories for each in outcomes),
        "faults": dict(happened.most_common()),
        "violations": sum(bool(each.violation) for each in outcomes),
    }


def main() -> int:
    """Run; 1 when a promise broke, with the command that shows it again."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.simulation", description="One seed, one storm.")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--at-least", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one line of figures for a report")
    options = parser.parse_args()
    began = time.monotonic()
    if options.seed is not None:
        with simulators(1) as pool:
            outcomes = pool.submit(run_seeds, [options.seed]).result()
        print(*outcomes[0].history, sep="\n")
    else:
        outcomes = list(run_for(options.seconds, options.first, options.at_least))
    print(json.dumps(figures_of(outcomes, time.monotonic() - began), indent=None if options.json else 2))
    for each in outcomes:
        if each.violation:
            print(f"seed {each.seed}: {each.violation}\n  {command(each.seed)}", file=sys.stderr)
    return int(any(each.violation for each in outcomes))
