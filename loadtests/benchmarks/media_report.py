"""What the benchmark of live video found, in tables, and what was promised."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from loadtests.benchmarks.comparison import NothingMeasured
from loadtests.benchmarks.machine import generator_bound
from loadtests.benchmarks.media_servers import JANUS, LYCEUM, RELAY
from loadtests.benchmarks.report import Part, Report, Target
from loadtests.benchmarks.tables import Spread, paired, spread, spread_chart, table, times

TITLES = {LYCEUM: "Lyceum", JANUS: "Janus (videoroom, one event loop)", RELAY: "aiortc MediaRelay"}
FEW = 2
JANUS_AT_MOST, RELAY_AT_LEAST, ADDED_MS = 1.0, 50.0, 30.0
APART_SECONDS = 0.95
"""One a second, as it arrives: what was sent a second apart may come a little closer."""


@dataclass(frozen=True)
class Turn:
    """One turn of one contender. `few` and `many` are parts of a core; waits in milliseconds, through it and straight."""

    contender: str
    viewers: int
    few: float
    many: float
    lost: int
    expected: int
    silent: int
    pictures: float
    """A second and viewer."""
    half: float
    most: float
    straight_half: float
    straight_most: float
    generator: float
    kilobits: float
    megabytes: float
    profile: str
    load: float
    """The machine's load average when the turn ended."""
    round: int = 0
    stolen: float = 0.0
    """Of a core: what the host of this virtual machine took away meanwhile."""

    @property
    def for_a_viewer(self) -> float:
        """Of a core, in thousandths."""
        return (self.many - self.few) / (self.viewers - FEW) * 1_000

    @property
    def added(self) -> float:
        """What the server adds to the time within which 99 % are there, in milliseconds."""
        return self.most - self.straight_most

    @property
    def is_void(self) -> bool:
        """Whether the viewers' process was at its limit, or somebody saw no picture: then it is not the server's turn."""
        return generator_bound(self.generator) or self.silent > 0


@dataclass(frozen=True)
class Rush:
    """Many viewers who join at the same moment: until when all were there, and what that cost the publisher. `apart`: the
    shortest time between two requests for a keyframe, in seconds."""

    viewers: int
    seconds: float
    requests: int
    apart: float | None
    silent: int


@dataclass
class Found:
    """What was measured so far."""

    turns: list[Turn] = field(default_factory=list)
    full: list[Turn] = field(default_factory=list)
    rushes: list[Rush] = field(default_factory=list)
    without: list[str] = field(default_factory=list)


def _by_round(turns: Sequence[Turn], kind: str) -> dict[int, float | None]:
    return {turn.round: None if turn.is_void else turn.for_a_viewer for turn in turns if turn.contender == kind}


def _words(values: Sequence[float], digits: int = 2) -> str:
    found = spread(values)
    return "–" if found is None else found.words(digits)


def _half(turn: Turn) -> float:
    return turn.half


def _most(turn: Turn) -> float:
    return turn.most


def _rows(turns: Sequence[Turn], kinds: Sequence[str]) -> list[list[str]]:
    rows = []
    for kind in kinds:
        valid = [turn for turn in turns if turn.contender == kind and not turn.is_void]
        if not valid:
            taken = sum(turn.contender == kind for turn in turns)
            rows.append([TITLES[kind], f"all {taken} turns void" if taken else "not measured", *["–"] * 9])
            continue
        rows.append(
            [
                TITLES[kind],
                str(valid[0].viewers),
                _words([turn.for_a_viewer for turn in valid]),
                "1" if kind == LYCEUM else times(paired(_by_round(turns, LYCEUM), _by_round(turns, kind))),
                _words([turn.many * 100 for turn in valid], 1),
                f"{sum(turn.lost for turn in valid):,} of {sum(turn.expected for turn in valid):,}",
                _words([turn.pictures for turn in valid], 1),
                *(_words([wait for turn in valid if (wait := waits(turn))], 1) for waits in (_half, _most)),
                f"{max(turn.generator for turn in valid):.0%}",
                _words([turn.megabytes for turn in valid], 0),
            ]
        )
    return rows


_HEAD = (
    "server", "viewers", "thousandths of a core a viewer", "ours to theirs, turn by turn", "% of a core in all",
    "packets lost", "pictures/s a viewer", "half within, ms", "99 % within, ms", "viewers' process, of a core", "memory, MB",
)  # fmt: skip


def report(options: argparse.Namespace, command: str, found: Found) -> Report:
    """The tables and what was promised. Raises NothingMeasured."""
    if not found.turns and not found.full and not found.rushes:
        raise NothingMeasured("No turn of any contender came to its end.")
    ours = _by_round(found.turns, LYCEUM)
    to_janus = paired(ours, _by_round(found.turns, JANUS))
    to_relay = paired(_by_round(found.turns, RELAY), ours)
    full = [turn for turn in found.full if turn.contender == LYCEUM and not turn.is_void]
    parts = []
    if found.turns:
        prices = {
            TITLES[kind]: [turn.for_a_viewer for turn in found.turns if turn.contender == kind and not turn.is_void]
            for kind in options.contenders
        }
        chart = spread_chart("Processor a viewer", "thousandths of a core", prices, [TITLES[LYCEUM]])
        parts.append(Part("A viewer's price", table(_HEAD, _rows(found.turns, options.contenders)), chart))
    if found.full:
        parts.append(Part("A full server", _full_table(found.full)))
    if found.rushes:
        parts.append(Part("Everybody at once", _rush_table(found.rushes)))
    lost: Spread | None = spread([float(turn.lost) for turn in full])
    promised = [
        Target.of("processor a viewer against Janus", to_janus, JANUS_AT_MOST, at_most=True, unit="×"),
        Target.of("processor a viewer, MediaRelay against ours", to_relay, RELAY_AT_LEAST, unit="×"),
        Target.of(f"packets lost at {options.capacity} viewers", lost, 0, at_most=True),
        Target.of(
            f"what the server adds to the 99 % at {options.capacity} viewers",
            spread([turn.added for turn in full]),
            ADDED_MS,
            at_most=True,
            unit=" ms",
        ),
        Target.of(f"of one core at {options.capacity} viewers", spread([turn.many for turn in full]), 1.0, at_most=True),
    ]
    apart = [rush.apart for rush in found.rushes if rush.apart is not None]
    words = f"between two keyframe requests while {options.rush} viewers join at once"
    promised.append(Target.of(words, spread(apart), APART_SECONDS, unit=" s"))
    everyone = [*found.turns, *found.full]
    void = sum(turn.is_void for turn in everyone)
    conditions = (
        f"{options.rounds} interleaved turns each, {options.seconds:g} s with {FEW} viewers and as long with all; "
        f"{', '.join(sorted({turn.profile for turn in everyone}))}; load average when a turn ended "
        f"{_words([turn.load for turn in everyone], 1)}. {void} void turns. {' '.join(found.without)}"
    ).rstrip()
    figures: dict[str, Any] = {
        "turns": [asdict(turn) for turn in found.turns],
        "full": [asdict(turn) for turn in found.full],
        "rushes": [asdict(rush) for rush in found.rushes],
    }
    return Report("media", "Live video", command, conditions, parts, promised, figures)


def _rush_table(rushes: Sequence[Rush]) -> str:
    head = [
        "viewers at once",
        "all there within, s",
        "keyframe requests to the publisher",
        "at least apart, s",
        "saw nothing",
    ]
    rows = [
        [
            str(rush.viewers),
            f"{rush.seconds:.1f}",
            str(rush.requests),
            "–" if rush.apart is None else f"{rush.apart:.2f}",
            str(rush.silent),
        ]
        for rush in rushes
    ]
    return table(head, rows)


def _full_table(turns: Sequence[Turn]) -> str:
    head = [
        "turn",
        "server",
        "viewers",
        "% of a core",
        "packets lost",
        "half within, ms",
        "99 % within, ms",
        "straight: half, 99 %, ms",
    ]
    head += ["viewers' process, of a core", "taken by the host, of a core", "load average", "memory, MB"]
    rows = [
        [
            f"{turn.round + 1}{' (void)' if turn.is_void else ''}",
            TITLES[turn.contender],
            str(turn.viewers),
            f"{turn.many:.1%}",
            f"{turn.lost:,} of {turn.expected:,}",
            f"{turn.half:.1f}",
            f"{turn.most:.1f}",
            f"{turn.straight_half:.2f}, {turn.straight_most:.1f}",
            f"{turn.generator:.0%}",
            f"{turn.stolen:.0%}",
            f"{turn.load:.1f}",
            f"{turn.megabytes:.0f}",
        ]
        for turn in turns
    ]
    return table(head, rows)
