"""Turns of an interleaved comparison: what one turn measured, which turns are void, and what they say together."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from loadtests.benchmarks.chart import Bar, bar_chart

BOTTLENECK = 0.85
IDLE = 0.15


@dataclass(frozen=True)
class Turn:
    """One turn of one contender. `generator_share` is a part of one core, `machine_idle` of the whole machine."""

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
        """Whether the generator, not the contender, set the pace: it was at its limit while the machine had time left."""
        return self.generator_share > BOTTLENECK and self.machine_idle > IDLE


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


class NothingValid(ValueError):
    """All turns of a contender are void."""


def interleaved(contenders: Sequence[str], rounds: int) -> list[str]:
    """Who goes when: A B C, C B A, A B C, … so that a drift of the machine meets everybody alike."""
    forth = list(contenders)
    return [name for number in range(rounds) for name in (forth if number % 2 == 0 else reversed(forth))]


def summarise(contender: str, turns: Sequence[Turn]) -> Summary:
    """Medians and extremes of the contender's valid turns. Raises NothingValid."""
    mine = [turn for turn in turns if turn.contender == contender]
    valid = [turn for turn in mine if not turn.is_void]
    if not valid:
        raise NothingValid(f"All {len(mine)} turns of {contender} are void: the generator was the bottleneck.")
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


def ratio(summaries: Sequence[Summary], contender: str, peer: str) -> float | None:
    """How many times the contender's rate is the peer's; None when one of them was not measured."""
    rates = {each.contender: each.per_second for each in summaries}
    return rates[contender] / rates[peer] if contender in rates and peer in rates else None


def rate_chart(title: str, summaries: Sequence[Summary]) -> str:
    """The rates as SVG."""
    return bar_chart(
        title,
        "a second",
        [
            Bar(each.contender, each.per_second, each.slowest, each.fastest, each.contender.startswith("Lyceum"))
            for each in summaries
        ],
    )


def table(summaries: Sequence[Summary], base: str) -> str:
    """The summaries as a Markdown table; ratios of medians to `base`."""
    reference = next(each.per_second for each in summaries if each.contender == base)
    rates = f"| contender | durable joins/s (median) | slowest – fastest | × {base} "
    lines = [
        rates
        + "| half within | 99 % within | server CPU a join | decisions a commit | generator, of a core | machine idle |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {each.contender} | {each.per_second:,.0f} | {each.slowest:,.0f} – {each.fastest:,.0f} "
        f"| {each.per_second / reference:.2f} | {each.half_within * 1000:.0f} ms | {each.most_within * 1000:.0f} ms "
        f"| {each.cpu_per_join * 1e6:,.0f} µs | {_known(each.shared)} "
        f"| {each.generator_share:.0%} | {each.machine_idle:.0%} |"
        for each in summaries
    ]
    void = sum(each.void for each in summaries)
    lines += [f"{void} void turns (generator at its limit while the machine was idle) are left out."] if void else []
    return "\n".join(lines)


def _known(value: float) -> str:
    return f"{value:,.0f}" if value else "–"
