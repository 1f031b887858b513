"""What turns say together: medians with their spread, ratios turn by turn, tables and charts of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from loadtests.benchmarks.chart import Bar, bar_chart


@dataclass(frozen=True)
class Spread:
    """The middle and the ends of what several turns said."""

    median: float
    lowest: float
    highest: float
    turns: int

    def words(self, digits: int = 2) -> str:
        """`median (lowest – highest)`; of one turn only what it said."""
        if self.turns == 1:
            return f"{self.median:,.{digits}f}"
        return f"{self.median:,.{digits}f} ({self.ends(digits)})"

    def ends(self, digits: int = 2) -> str:
        """`lowest – highest`."""
        return f"{self.lowest:,.{digits}f} – {self.highest:,.{digits}f}"


ByRound = Mapping[int, float | None]
"""What a contender's turns said, by their rounds; None for a void turn."""


def spread(values: Sequence[float]) -> Spread | None:
    """None when nothing was measured."""
    return Spread(median(values), min(values), max(values), len(values)) if values else None


def paired(ours: ByRound, theirs: ByRound, minus: bool = False) -> Spread | None:
    """How many times theirs ours is (`minus`: how much more), round by round: turns of one round are neighbours, so a
    drift of the machine meets both. Rounds in which one is void or missing are left out; None when none is left."""
    found = []
    for number, mine in ours.items():
        other = theirs.get(number)
        if mine is not None and other is not None and (minus or other > 0):
            found.append(mine - other if minus else mine / other)
    return spread(found)


def times(found: Spread | None) -> str:
    """A ratio in a table; infinite is one to a peer that brought nothing."""
    if found is None:
        return "–"
    return "theirs is 0" if math.isinf(found.median) else found.words()


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown; the first column is words, all others are figures."""
    lines = [list(head), ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"|{'|'.join(line)}|" if line[0] == "---" else f"| {' | '.join(line)} |" for line in lines)


def spread_chart(title: str, unit: str, found: Mapping[str, Sequence[float]], ours: Sequence[str]) -> str:
    """A bar for each contender that has a valid turn, as SVG; `ours` are in our colour."""
    bars = [Bar(name, median(own), min(own), max(own), name in ours) for name, own in found.items() if own]
    return bar_chart(title, unit, bars)
