"""Turns of an interleaved comparison of doors: what one turn measured, which turns are void, what they say together."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from loadtests.benchmarks.machine import generator_bound
from loadtests.benchmarks.tables import Spread, paired, spread_chart, table, times


@dataclass(frozen=True)
class Turn:
    """One turn of one contender. `generator_share` is a part of one core, `machine_idle` and `busy_before` (when the turn
    began) of the whole machine."""

    contender: str
    joins: int
    seconds: float
    half_within: float
    most_within: float
    """Seconds in which 99 % had their answer."""
    generator_share: float
    machine_idle: float
    service_cpu: float
    """Processor seconds of the contender's own processes."""
    postgres_cpu: float
    shared: float = 0
    """Decisions that shared a commit, on average; 0 when that cannot be told."""
    round: int = 0
    busy_before: float = 0

    @property
    def cpu_per_join(self) -> float:
        """Processor seconds of service and Postgres for one join: steadier than rates on a busy machine."""
        return (self.service_cpu + self.postgres_cpu) / self.joins

    @property
    def per_second(self) -> float:
        """Durable joins a second."""
        return self.joins / self.seconds

    @property
    def is_void(self) -> bool:
        """Whether the generator, not the contender, may have set the pace."""
        return generator_bound(self.generator_share)


@dataclass(frozen=True)
class Summary:
    """What the valid turns of one contender say. Rates are durable joins a second."""

    contender: str
    turns: int
    void: int
    per_second: float
    slowest: float
    fastest: float
    half_within: float
    most_within: float
    generator_share: float
    machine_idle: float
    cpu_per_join: float
    shared: float


def interleaved(contenders: Sequence[str], rounds: int) -> list[tuple[int, str]]:
    """Who goes when, with the number of the round: A B C, C B A, A B C, … so that a drift of the machine meets everybody
    alike."""
    forth = list(contenders)
    return [(number, name) for number in range(rounds) for name in (forth if number % 2 == 0 else reversed(forth))]


def summarise(contender: str, turns: Sequence[Turn]) -> Summary | None:
    """Medians and extremes of the contender's valid turns; None when it has none."""
    mine = [turn for turn in turns if turn.contender == contender]
    valid = [turn for turn in mine if not turn.is_void]
    if not valid:
        return None
    rates = [turn.per_second for turn in valid]
    return Summary(
        contender,
        len(valid),
        len(mine) - len(valid),
        median(rates),
        min(rates),
        max(rates),
        median(turn.half_within for turn in valid),
        median(turn.most_within for turn in valid),
        median(turn.generator_share for turn in valid),
        median(turn.machine_idle for turn in valid),
        median(turn.cpu_per_join for turn in valid),
        median(turn.shared for turn in valid),
    )


def ratio(turns: Sequence[Turn], contender: str, peer: str) -> Spread | None:
    """How many times the peer's rate the contender's is, round by round; None when no round has a valid turn of both."""
    ours, theirs = (
        {turn.round: None if turn.is_void else turn.per_second for turn in turns if turn.contender == name}
        for name in (contender, peer)
    )
    return paired(ours, theirs)


def rate_chart(title: str, turns: Sequence[Turn], contenders: Sequence[str]) -> str:
    """The rates as SVG."""
    rates = {name: [turn.per_second for turn in turns if turn.contender == name and not turn.is_void] for name in contenders}
    return spread_chart(title, "a second", rates, [name for name in contenders if name.startswith("Lyceum")])


def rate_table(turns: Sequence[Turn], contenders: Sequence[str], base: str) -> str:
    """What the contenders' turns say, as a Markdown table; ratios to `base`, and what to know of the turns below it."""
    head = ["contender", "durable joins/s (median)", "slowest – fastest", f"× {base}, turn by turn", "half within"]
    head += ["99 % within", "server CPU a join", "decisions a commit", "generator, of a core", "machine idle"]
    rows = [_row(turns, name, base) for name in contenders]
    said = [table(head, rows)]
    void = sum(turn.is_void for turn in turns)
    said += [f"{void} void turns, in which the generator was at its limit, are left out."] if void else []
    loud = max((turn.busy_before for turn in turns), default=0)
    said += [f"Before a turn the machine was at most {loud:.0%} busy."] if loud else []
    return "\n".join([said[0], "", " ".join(said[1:])]) if said[1:] else said[0]


def _row(turns: Sequence[Turn], name: str, base: str) -> list[str]:
    each = summarise(name, turns)
    if each is None:
        taken = sum(turn.contender == name for turn in turns)
        said = f"all {taken} turns void: the generator was the bottleneck" if taken else "not measured"
        return [name, said, *["–"] * 8]
    return [
        name,
        f"{each.per_second:,.0f}",
        f"{each.slowest:,.0f} – {each.fastest:,.0f}",
        "1" if name == base else times(ratio(turns, name, base)),
        f"{each.half_within * 1000:,.0f} ms",
        f"{each.most_within * 1000:,.0f} ms",
        f"{each.cpu_per_join * 1e6:,.0f} µs",
        f"{each.shared:,.0f}" if each.shared else "–",
        f"{each.generator_share:.0%}",
        f"{each.machine_idle:.0%}",
    ]
