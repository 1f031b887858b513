"""What a campaign reports: a table for people, everything for programs."""

import json
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from loadtests.benchmarks.machine import describe_machine

GOAL_SECONDS = 2.0


@dataclass
class Trial:
    """One blow and what came of it. `failover` are the seconds from the blow to the first answer to somebody who asked
    after it, one for each class and way (socket, REST) that it struck; `missed` is how often the blow changed nothing and
    was dealt again; `fell` when it fell, for who reads logs; `fenced` how many stale writes were refused; `load` the
    machine's load average when it began."""

    seed: int
    blow: str
    detail: str = ""
    fell: str = ""
    questions: int = 0
    states: int = 0
    longest_wait: float = 0.0
    failover: dict[str, float] = field(default_factory=dict)
    fenced: int = 0
    missed: int = 0
    load: float = 0.0
    violation: str = ""


@dataclass(frozen=True)
class Campaign:
    """Where and when the trials were made. `load` is the load average of a minute before anything was started."""

    seed: int
    date: str
    machine: str
    commit: str
    load: float

    @classmethod
    def begin(cls, seed: int) -> "Campaign":
        """As things are now."""
        date = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(seed, date, describe_machine(), _commit(), round(psutil.getloadavg()[0], 2))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so many are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(outcomes: Sequence[Trial]) -> str:
    """Fault by fault, as Markdown."""
    kinds: dict[str, list[Trial]] = defaultdict(list)
    for each in outcomes:
        kinds[each.blow].append(each)
    lines = [
        "| fault | trials | questions | violations | stale writes refused | failovers | p50 | p99 | longest wait |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, some in [*sorted(kinds.items()), ("all", list(outcomes))]:
        waits = [seconds for each in some for seconds in each.failover.values()]
        middle, most = (f"{percentile(waits, share):.2f} s" if waits else "-" for share in (0.5, 0.99))
        cells = [
            name,
            str(len(some)),
            f"{sum(each.questions for each in some):,}",
            str(sum(bool(each.violation) for each in some)),
            str(sum(each.fenced for each in some)),
            str(len(waits)),
            middle,
            most,
            f"{max((each.longest_wait for each in some), default=0.0):.2f} s",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def report(campaign: Campaign, outcomes: Sequence[Trial], seconds: float) -> str:
    """The whole of it, as Markdown: the table, the goal, and every trial that missed it or broke a promise."""
    waits = [wait for each in outcomes for wait in each.failover.values()]
    reached = f"{percentile(waits, 0.99):.2f} s" if waits else "nothing measured"
    met = bool(waits) and percentile(waits, 0.99) <= GOAL_SECONDS
    missed = sum(each.missed for each in outcomes)
    usual = percentile([each.load for each in outcomes] or [0.0], 0.5)
    again = f" {missed} blows changed nothing and were dealt again." if missed else ""
    parts = [
        f"{campaign.date}, {campaign.commit}: {len(outcomes)} trials in {seconds / 60:.0f} min, seed {campaign.seed}.",
        f"{campaign.machine}; load average {campaign.load:.2f} at the start, {usual:.2f} during the trials (median).",
        table(outcomes),
        f"Goal: failover p99 <= {GOAL_SECONDS:.0f} s on one machine. {'Met' if met else 'Not met'}: {reached}.{again}",
    ]
    slow = [each for each in outcomes if max(each.failover.values(), default=0.0) > GOAL_SECONDS]
    if slow:
        parts.append("\n".join([f"Slower than {GOAL_SECONDS:.0f} s:", "", *map(_slow, slow)]))
    broken = [f"- seed {each.seed}, {each.blow}: {each.violation}" for each in outcomes if each.violation]
    if broken:
        parts.append("\n".join(["Violations:", "", *broken]))
    return "\n\n".join(parts)


def write(path: Path, campaign: Campaign, outcomes: Sequence[Trial], seconds: float) -> None:
    """`path` with `.json` and with `.md`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    said: dict[str, Any] = {**asdict(campaign), "seconds": round(seconds), "trials": [asdict(each) for each in outcomes]}
    path.with_suffix(".json").write_text(json.dumps(said, indent=1) + "\n")
    path.with_suffix(".md").write_text(report(campaign, outcomes, seconds) + "\n")


def _slow(trial: Trial) -> str:
    over = sorted((wait for wait in trial.failover.values() if wait > GOAL_SECONDS), reverse=True)
    waits = ", ".join(f"{wait:.2f} s" for wait in over)
    blow = f"seed {trial.seed}, {trial.blow} ({trial.detail}) at {trial.fell}, load {trial.load:.1f}"
    return f"- {blow}: {waits} of {len(trial.failover)}"


def _commit() -> str:
    """Of the code that is tested; `+` when files differ from it."""
    root = Path(__file__).parents[2]
    words = ["git", "describe", "--always", "--abbrev=10", "--dirty=+", "--exclude=*"]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=20, check=False)
    return done.stdout.strip() or "unknown"
