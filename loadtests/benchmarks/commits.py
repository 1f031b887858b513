"""How many decisions share a commit, when everybody comes at once and when hardly anybody does, and what sharing costs then.

Drives a host as its actor runs it, on the real journal and Postgres. Three ways of asking take turns (A B C, C B A, …):
many commands at all times; a tenth of that rate, evenly and whatever comes back; one command alone, the next after its
answer. What the second waits longer than the third is what sharing costs.

python -m loadtests.benchmarks.commits [--seconds 2] [--rounds 4]
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from actors.envelopes import Envelope
from actors.hosting import Hosting
from loadtests.benchmarks.bare_host import Cast, end_class, hosting_alone, join, make_cast, open_class, say
from loadtests.benchmarks.chart import Bar, bar_chart
from loadtests.benchmarks.door import measured
from loadtests.benchmarks.report import Part, Report, Target
from loadtests.benchmarks.servers import running_postgres
from loadtests.benchmarks.turns import interleaved
from loadtests.benchmarks.waits import within
from persistence.migrate import upgrade

SATURATED, TENTH, ALONE = "as many as it can", "a tenth of that", "one alone"
_CALLERS = 16
_IN_A_CALL = 32


@dataclass(frozen=True)
class Turn:
    """One way of asking, once. Waits are seconds within which half and 99 % were answered."""

    way: str
    decisions: int
    commits: int
    seconds: float
    half_within: float
    most_within: float

    @property
    def shared(self) -> float:
        """Decisions a commit."""
        return self.decisions / max(self.commits, 1)


async def take_turn(hosting: Hosting, cast: Cast, way: str, seconds: float, rate: float) -> Turn:
    """A fresh class, asked one way for so long; `rate` is that of the even one."""
    session_id = await open_class(hosting, cast, len(cast.students))
    joins = iter([join(session_id, student) for student in cast.students])
    waits: list[float] = []
    before, start = hosting.stats(), time.perf_counter()
    if way == TENTH:
        await _evenly(hosting, joins, waits, rate, seconds)
    else:
        callers, at_once = (_CALLERS, _IN_A_CALL) if way == SATURATED else (1, 1)
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(_again_and_again(hosting, joins, waits, at_once, start + seconds))
    took, after = time.perf_counter() - start, hosting.stats()
    commits = int(after["commits"] - before["commits"])
    await end_class(hosting, cast, session_id)
    return Turn(way, len(waits), commits, took, within(waits, 0.5), within(waits, 0.99))


async def _again_and_again(
    hosting: Hosting, joins: Iterator[Envelope], waits: list[float], at_once: int, until: float
) -> None:
    while time.perf_counter() < until:
        batch = [envelope for _, envelope in zip(range(at_once), joins, strict=False)]
        if not batch:
            return
        start = time.perf_counter()
        await say(hosting, batch)
        waits += [time.perf_counter() - start] * len(batch)


async def _evenly(hosting: Hosting, joins: Iterator[Envelope], waits: list[float], rate: float, seconds: float) -> None:
    async def one(envelope: Envelope, due: float) -> None:
        await say(hosting, [envelope])
        waits.append(time.perf_counter() - due)

    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, envelope in zip(range(int(rate * seconds)), joins, strict=False):
            due = start + number / rate
            if due > time.perf_counter():
                await asyncio.sleep(due - time.perf_counter())
            group.create_task(one(envelope, due))


async def _measure(options: argparse.Namespace, folder: Path) -> Report:
    async with running_postgres(folder) as url:
        await asyncio.to_thread(upgrade, url)
        cast = await make_cast(url, options.students)
        async with hosting_alone(url) as hosting:
            warm = await take_turn(hosting, cast, SATURATED, options.seconds, 0)
            rate = warm.decisions / warm.seconds / 10
            turns = []
            for way in interleaved([SATURATED, TENTH, ALONE], options.rounds):
                turns.append(await take_turn(hosting, cast, way, options.seconds, rate))
                print(f"{way:20} {turns[-1].decisions / turns[-1].seconds:8,.0f}/s", file=sys.stderr, flush=True)
    return report(turns)


def report(turns: Sequence[Turn]) -> Report:
    """The tables, and what sharing adds to the wait at a tenth of the load."""
    header = "| asked | decisions/s (median) | slowest – fastest | decisions a commit | half within | 99 % within |"
    lines = [header, "|---|---:|---:|---:|---:|---:|"]
    bars = []
    most = {}
    for way in (SATURATED, TENTH, ALONE):
        mine = [turn for turn in turns if turn.way == way]
        found = sorted(turn.decisions / turn.seconds for turn in mine)
        shared = sorted(turn.shared for turn in mine)
        most[way] = median(turn.most_within for turn in mine)
        lines.append(
            f"| {way} | {median(found):,.0f} | {found[0]:,.0f} – {found[-1]:,.0f} | {median(shared):,.1f} "
            f"| {median(turn.half_within for turn in mine) * 1000:.1f} ms | {most[way] * 1000:.1f} ms |"
        )
        bars.append(Bar(way, median(shared), shared[0], shared[-1], ours=True))
    saturated = median(turn.shared for turn in turns if turn.way == SATURATED)
    targets = [
        Target("decisions that share a commit when saturated", saturated, 100),
        Target(
            "what sharing adds to the 99 % at a tenth of the load",
            (most[TENTH] - most[ALONE]) * 1000,
            5,
            at_most=True,
            unit=" ms",
        ),
    ]
    conditions = (
        f"Joins of one class by distinct students through one host and its journal; {_CALLERS} callers with {_IN_A_CALL} "
        "commands each when saturated. The 99 % of the tenth is counted from when a command was due."
    )
    parts = [Part("Decisions and commits", "\n".join(lines), bar_chart("Decisions a commit", "median", bars))]
    figures = {"turns": [asdict(turn) for turn in turns]}
    return Report("commits", "One commit for many", "make bench ONLY=commits", conditions, parts, targets, figures)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a turn")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--students", type=int, default=30_000, help="who can join in a turn")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-commits-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        return measured(_measure(options, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
