"""What turns of the fan-out comparison say: deliveries for a second of the server, rates within 100 ms, and targets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from loadtests.benchmarks.fanout_client import AT_ONCE, BURST, BURSTS, GOOD_SECONDS, PACED, RATE_AT_ONCE, SINGLE, Step
from loadtests.benchmarks.fanout_servers import CHANNELS, LYCEUM, NCHAN, NODE, SOCKETIO, STARLETTE, WEBSOCKETS
from loadtests.benchmarks.machine import generator_bound
from loadtests.benchmarks.report import Part, Target
from loadtests.benchmarks.tables import Spread, paired, spread, spread_chart, table, times

TITLES = {
    LYCEUM: "Lyceum's gateway",
    NCHAN: "nginx + nchan",
    NODE: "socket.io (Node)",
    STARLETTE: "Starlette + uvicorn",
    SOCKETIO: "python-socketio + uvicorn",
    CHANNELS: "Django Channels + daphne + Redis",
    WEBSOCKETS: "websockets.broadcast alone",
}
_EVENLY = {NODE: 2.0, SOCKETIO: 3.0, STARLETTE: 1.5}
_IN_BURSTS = {NCHAN: 1.0, **_EVENLY}
PROMISED = {PACED: _EVENLY, BURSTS: _IN_BURSTS, SINGLE: _EVENLY, BURST: _IN_BURSTS}
WORDS = {
    SINGLE: "One at a time",
    BURST: f"Bursts of {AT_ONCE}",
    PACED: "evenly",
    BURSTS: f"in bursts of {RATE_AT_ONCE}",
}
LEAST_CPU = 0.2
_WITHIN = f"{GOOD_SECONDS * 1000:.0f} ms"


@dataclass(frozen=True)
class Turn:
    """What one turn of one contender measured in one way of posting."""

    contender: str
    way: str
    delivered: int
    cpu_seconds: float
    generator_cpu_seconds: float
    seconds: float
    round: int = 0

    @property
    def generator_share(self) -> float:
        """The part of one core that the client used."""
        return self.generator_cpu_seconds / self.seconds

    @property
    def per_cpu_second(self) -> float | None:
        """Delivered messages per CPU-second of the server; None when it used too little to tell (the kernel counts in
        hundredths) or the client was at its limit."""
        if self.cpu_seconds < LEAST_CPU or generator_bound(self.generator_share):
            return None
        return self.delivered / self.cpu_seconds


@dataclass(frozen=True)
class Search:
    """The steps of one turn that looked for the highest rate in one way of posting."""

    contender: str
    way: str
    steps: Sequence[Step]
    round: int = 0

    @property
    def best(self) -> Step | None:
        """The highest rate at which 99 % came in time; None when there was none."""
        return max((step for step in self.steps if step.is_good), key=lambda step: step.posts_a_second, default=None)

    @property
    def rate(self) -> float:
        """Delivered messages a second at best; 0 when none came in time."""
        return self.best.delivered_a_second if self.best else 0.0

    @property
    def is_void(self) -> bool:
        """Whether the generator may have set the limit: it was at its own where it went wrong, or it never went wrong."""
        bad = [step for step in self.steps if not step.is_good]
        return not bad or generator_bound(min(bad, key=lambda step: step.posts_a_second).generator_share)


def rates(turns: Sequence[Turn], kind: str, way: str) -> dict[int, float | None]:
    """What the turns of a contender came to per CPU-second, by rounds."""
    return {turn.round: turn.per_cpu_second for turn in turns if (turn.contender, turn.way) == (kind, way)}


def _of(searches: Sequence[Search], kind: str, way: str) -> list[Search]:
    return [search for search in searches if (search.contender, search.way) == (kind, way)]


def cpu_table(turns: Sequence[Turn], contenders: Sequence[str], way: str) -> str:
    """One way of posting as a Markdown table; the ratio says how many times Lyceum's figure is the peer's."""
    head = ["contender", "delivered per CPU-second (median)", "slowest – fastest", "Lyceum is ×, turn by turn"]
    rows = []
    for kind in contenders:
        own = rates(turns, kind, way)
        if not own:
            continue
        found = spread([rate for rate in own.values() if rate is not None])
        generator = median(turn.generator_share for turn in turns if (turn.contender, turn.way) == (kind, way))
        figures = ["void, or too little processor time to tell", "–"] if found is None else [_whole(found), found.ends(0)]
        ratio = "1" if kind == LYCEUM else times(paired(rates(turns, LYCEUM, way), own))
        rows.append([TITLES[kind], *figures, ratio, f"{generator:.0%}"])
    return table([*head, "generator, of a core"], rows)


def _whole(found: Spread) -> str:
    return f"{found.median:,.0f}"


def rate_table(searches: Sequence[Search], contenders: Sequence[str], way: str) -> str:
    """The highest rates of one way of posting as a Markdown table."""
    head = ["contender", "delivered/s (median)", "slowest – fastest", "Lyceum is ×, turn by turn", "posts a second"]
    rows = []
    for kind in contenders:
        mine = sorted(_of(searches, kind, way), key=lambda search: search.rate)
        if not mine:
            continue
        middle, found = mine[len(mine) // 2], spread([search.rate for search in mine])
        void = sum(search.is_void for search in mine)
        ratio = "1" if kind == LYCEUM else _ratio(searches, kind, way).figure_in_table
        remark = f"{void} of {len(mine)} void: at least this" if void else ""
        if middle.best is None or found is None:
            quickest = min(middle.steps, key=lambda step: step.most_within)
            late = [f"{quickest.most_within * 1000:.0f} ms", f"{quickest.generator_share:.0%}"]
            rows.append([TITLES[kind], "none", "–", ratio, "–", *late, "too slow at any rate" if not void else "void"])
            continue
        best = middle.best
        figures = [_whole(found), found.ends(0), ratio, f"{best.posts_a_second:,.0f}"]
        watched = [f"{best.most_within * 1000:.0f} ms", f"{best.generator_share:.0%}"]
        rows.append([TITLES[kind], *figures, *watched, remark])
    return table([*head, "99 % within", "generator, of a core", "remark"], rows)


@dataclass(frozen=True)
class RateRatio:
    """How many times the peer's rate ours is. `found` is None when neither delivered anything in time."""

    found: Spread | None
    our_void: bool
    their_void: bool

    @property
    def figure_in_table(self) -> str:
        """With the sign of what is only a bound."""
        if self.our_void and self.their_void:
            return "void"
        return f"{'≥ ' if self.our_void else '≤ ' if self.their_void else ''}{times(self.found)}"

    def target(self, words: str, limit: float) -> Target:
        """A void rate meets and misses nothing."""
        if self.found is None:
            return Target(words, None, limit, unit="×", note="(neither delivers in time at any rate)")
        if not (self.our_void or self.their_void):
            return Target.of(words, self.found, limit, unit="×")
        bound = "" if self.our_void and self.their_void else f": {'at least' if self.our_void else 'at most'} "
        note = f"(void{bound}{f'{self.found.words()}×' if bound else ''})"
        return Target(words, None, limit, unit="×", note=note)


def _ratio(searches: Sequence[Search], kind: str, way: str) -> RateRatio:
    ours, theirs = _of(searches, LYCEUM, way), {search.round: search for search in _of(searches, kind, way)}
    found = []
    for mine in ours:
        other = theirs.get(mine.round)
        if other is not None and (mine.rate or other.rate):
            found.append(mine.rate / other.rate if other.rate else math.inf)
    return RateRatio(spread(found), any(each.is_void for each in ours), any(each.is_void for each in theirs.values()))


def targets(turns: Sequence[Turn], searches: Sequence[Search], subscribers: int) -> list[Target]:
    """What was promised, and what came of it: rates within 100 ms; then deliveries for a CPU-second of the server, which
    are what remains when generator and server share a machine."""
    found = []
    for way in (PACED, BURSTS):
        for kind, factor in PROMISED[way].items():
            words = f"delivered/s within {_WITHIN}, {WORDS[way]}, {subscribers:,} subscribers: against {TITLES[kind]}"
            known = _of(searches, kind, way) and _of(searches, LYCEUM, way)
            found.append(
                _ratio(searches, kind, way).target(words, factor) if known else Target(words, None, factor, unit="×")
            )
    for way in (SINGLE, BURST):
        for kind, factor in PROMISED[way].items():
            words = f"{WORDS[way].lower()}, {subscribers:,} subscribers, per CPU-second: against {TITLES[kind]}"
            ratio = paired(rates(turns, LYCEUM, way), rates(turns, kind, way))
            found.append(Target.of(words, ratio, factor, unit="×"))
    return found


def parts_of(turns: Sequence[Turn], searches: Sequence[Search], contenders: Sequence[str], subscribers: int) -> list[Part]:
    """Tables and charts for one number of subscribers."""
    parts = []
    for way in (SINGLE, BURST):
        heading, unit = f"{WORDS[way]}, {subscribers:,} subscribers", "delivered per CPU-second"
        known = {
            TITLES[kind]: [rate for rate in rates(turns, kind, way).values() if rate is not None] for kind in contenders
        }
        chart = spread_chart(heading, unit, known, [TITLES[LYCEUM]])
        parts.append(Part(heading, cpu_table(turns, contenders, way), chart))
    for way in (PACED, BURSTS):
        heading = f"Most delivered a second, {WORDS[way]}, while 99 % come within {_WITHIN}, {subscribers:,} subscribers"
        known = {TITLES[kind]: [search.rate for search in _of(searches, kind, way)] for kind in contenders}
        title = f"Within {_WITHIN}, {WORDS[way]}, {subscribers:,} subscribers"
        chart = spread_chart(title, "delivered a second", known, [TITLES[LYCEUM]])
        parts.append(Part(heading, rate_table(searches, contenders, way), chart))
    return parts
