"""How many decisions share a commit, when everybody comes at once and when hardly anybody does, and what sharing costs then.

Drives a host as its actor runs it, on the real journal and Postgres. Three ways of asking take turns (A B C, C B A, …):
many commands at all times; a tenth of that rate, evenly and whatever comes back; and, evenly too, so few that nobody shares.
The last two count a wait from when a command was due, so a stall weighs in both as long as it lasts: what the second waits
longer than the third is what sharing costs.

python -m loadtests.benchmarks.commits [--seconds 2] [--rounds 3]
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from actors.envelopes import Envelope
from actors.hosting import Hosting
from loadtests.benchmarks.bare_host import Cast, end_class, hosting_alone, join, make_cast, open_class, say
from loadtests.benchmarks.comparison import Faults, NothingMeasured, command_line, in_loop, measured, parser_of
from loadtests.benchmarks.report import Part, Report, Target
from loadtests.benchmarks.servers import running_postgres
from loadtests.benchmarks.tables import paired, spread, spread_chart, table
from loadtests.benchmarks.turns import interleaved
from loadtests.waits import within
from persistence.migrate import upgrade

SPARSE_RATE = 50
SATURATED, TENTH, SPARSE = "as many as it can", "a tenth of that", f"{SPARSE_RATE} a second"
WAYS = (SATURATED, TENTH, SPARSE)
_LONGER = {SATURATED: 1, TENTH: 3, SPARSE: 4}
"""How many times as long a turn of this way is: of few commands a 99 % is one of a handful."""
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
    round: int = 0

    @property
    def shared(self) -> float:
        """Decisions a commit."""
        return self.decisions / max(self.commits, 1)


@dataclass
class Found:
    """What was measured so far."""

    turns: list[Turn] = field(default_factory=list)


async def take_turn(hosting: Hosting, cast: Cast, way: str, seconds: float, rate: float, number: int = 0) -> Turn:
    """A fresh class, asked one way for so long; `rate` is that of the even ones."""
    session_id = await open_class(hosting, cast, len(cast.students))
    joins = iter([join(session_id, student) for student in cast.students])
    waits: list[float] = []
    before, start = hosting.stats(), time.perf_counter()
    if way == SATURATED:
        async with asyncio.TaskGroup() as group:
            for _ in range(_CALLERS):
                group.create_task(_again_and_again(hosting, joins, waits, _IN_A_CALL, start + seconds))
    else:
        await _evenly(hosting, joins, waits, rate, seconds)
    took, after = time.perf_counter() - start, hosting.stats()
    commits = int(after["commits"] - before["commits"])
    await end_class(hosting, cast, session_id)
    return Turn(way, len(waits), commits, took, within(waits, 0.5), within(waits, 0.99), number)


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


async def _measure(options: argparse.Namespace, found: Found, folder: Path, faults: Faults) -> None:
    async with running_postgres(folder) as postgres:
        await asyncio.to_thread(upgrade, postgres.url)
        cast = await make_cast(postgres.url, options.students)
        async with hosting_alone(postgres.url) as hosting:
            warm = await take_turn(hosting, cast, SATURATED, options.seconds, 0)
            rates = {TENTH: warm.decisions / warm.seconds / 10, SPARSE: SPARSE_RATE, SATURATED: 0.0}
            for number, way in interleaved(WAYS, options.rounds):
                with faults.surviving(f"{way}, round {number + 1}"):
                    seconds = options.seconds * _LONGER[way]
                    turn = await take_turn(hosting, cast, way, seconds, rates[way], number)
                    found.turns.append(turn)
                    print(f"{way:20} {turn.decisions / turn.seconds:8,.0f}/s", file=sys.stderr, flush=True)


def report(options: argparse.Namespace, command: str, found: Found) -> Report:
    """The table, and what sharing adds to the wait at a tenth of the load. Raises NothingMeasured."""
    turns = found.turns
    if not turns:
        raise NothingMeasured("No turn came to its end.")
    rows, shared = [], {}
    for way in WAYS:
        mine = [turn for turn in turns if turn.way == way]
        shared[way] = [turn.shared for turn in mine]
        decisions = spread([turn.decisions / turn.seconds for turn in mine])
        if decisions is None:
            rows.append([way, "not measured", *["–"] * 4])
            continue
        half = median(turn.half_within for turn in mine)
        most = spread([turn.most_within * 1000 for turn in mine])
        assert most is not None
        figures = [f"{decisions.median:,.0f}", decisions.ends(0), f"{median(shared[way]):,.1f}"]
        rows.append([way, *figures, f"{half * 1000:.1f} ms", f"{most.words(1)} ms"])
    head = ["asked", "decisions/s (median)", "slowest – fastest", "decisions a commit", "half within", "99 % within"]
    tenth, sparse = ({turn.round: turn.most_within * 1000 for turn in turns if turn.way == way} for way in (TENTH, SPARSE))
    added = paired(tenth, sparse, minus=True)
    targets = [
        Target.of("decisions that share a commit when saturated", spread(shared[SATURATED]), 100),
        Target.of("what sharing adds to the 99 % at a tenth of the load", added, 5, at_most=True, unit=" ms"),
    ]
    conditions = (
        f"Joins of one class by distinct students through one host and its journal, host and asking client in one process; "
        f"{_CALLERS} callers with {_IN_A_CALL} commands each when saturated, otherwise evenly, with waits counted from when "
        f"a command was due; {options.rounds} interleaved turns each."
    )
    chart = spread_chart("Decisions a commit", "median", shared, WAYS)
    parts = [Part("Decisions and commits", table(head, rows), chart)]
    figures_kept = {"turns": [asdict(turn) for turn in turns]}
    return Report("commits", "One commit for many", command, conditions, parts, targets, figures_kept)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. 1 when a target was missed, 2 when something could not be measured."""
    parser = parser_of("commits", __doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a saturated turn; even ones take longer")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--students", type=int, default=30_000, help="who can join in a turn")
    options, found = parser.parse_args(arguments), Found()
    return measured(
        options.results,
        lambda folder, faults: in_loop(_measure(options, found, folder, faults)),
        lambda: report(options, command_line("commits", arguments), found),
    )


if __name__ == "__main__":
    sys.exit(main())
