"""What a benchmark leaves behind: Markdown that goes into the documentation as it is, charts, and the raw figures."""

import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtests.benchmarks.machine import describe_machine
from loadtests.benchmarks.tables import Spread

RESULTS = Path(__file__).resolve().parents[1] / "results"


@dataclass(frozen=True)
class Target:
    """A figure that was promised. `measured` is None when it could not be had (a peer is not installed, void turns)."""

    words: str
    measured: float | None
    limit: float
    at_most: bool = False
    unit: str = ""
    note: str = ""
    """What belongs to the figure: its spread, or why there is none."""

    @classmethod
    def of(cls, words: str, found: Spread | None, limit: float, *, at_most: bool = False, unit: str = "") -> "Target":
        """The median of what turns said, with its spread."""
        if found is None:
            return cls(words, None, limit, at_most, unit)
        return cls(words, found.median, limit, at_most, unit, f"({found.ends()})" if found.turns > 1 else "")

    @property
    def is_met(self) -> bool | None:
        """Whether it was kept; None when nobody knows."""
        if self.measured is None:
            return None
        return self.measured <= self.limit if self.at_most else self.measured >= self.limit

    def line(self) -> str:
        """One row of the table of targets."""
        sign = "≤" if self.at_most else "≥"
        measured = " ".join(filter(None, (self.figure(), self.note)))
        verdict = {True: "met", False: "**missed**", None: "–"}[self.is_met]
        return f"| {self.words} | {sign} {self.limit:g}{self.unit} | {measured} | {verdict} |"

    def figure(self) -> str:
        """What was measured, for people; infinite is a ratio to a peer that brought nothing."""
        if self.measured is None:
            return "not measured"
        return "the peer brought none" if math.isinf(self.measured) else f"{self.measured:,.2f}{self.unit}"


@dataclass(frozen=True)
class Part:
    """One table under its heading, with its chart (SVG) if it has one."""

    heading: str
    table: str
    chart: str = ""


@dataclass(frozen=True)
class Report:
    """One benchmark. `name` is that of its files, `command` what was typed, `conditions` a sentence or two on what was
    done, `faults` what could not be measured and why."""

    name: str
    title: str
    command: str
    conditions: str
    parts: Sequence[Part]
    targets: Sequence[Target] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    faults: Sequence[str] = ()

    def markdown(self) -> str:
        """A section for `docs/performance.md`."""
        said = [
            f"### {self.title}",
            f"{self.conditions} {describe_machine()}, {time.strftime('%Y-%m-%d')}. `{self.command}`",
        ]
        for part in self.parts:
            said += [f"**{part.heading}**", part.table]
        if self.targets:
            rows = [target.line() for target in self.targets]
            said.append("\n".join(["| target | promised | measured | |", "|---|---:|---:|---|", *rows]))
        if self.faults:
            said.append("\n".join(["**Not measured**", "", *(f"- {' '.join(fault.split())}" for fault in self.faults)]))
        return "\n\n".join(said) + "\n"

    def keep(self, folder: Path = RESULTS) -> bool:
        """Write `<name>.md`, `<name>.json` and `<name>-<number>.svg`, print the section. Whether no target was missed."""
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{self.name}-*.svg"):
            old.unlink()
        for number, part in enumerate(self.parts, 1):
            if part.chart:
                (folder / f"{self.name}-{number}.svg").write_text(part.chart)
        (folder / f"{self.name}.md").write_text(self.markdown())
        figures = {
            "machine": describe_machine(),
            "date": time.strftime("%Y-%m-%d"),
            "command": self.command,
            "faults": list(self.faults),
        }
        (folder / f"{self.name}.json").write_text(json.dumps({**figures, **self.figures}, indent=1) + "\n")
        print(self.markdown(), flush=True)
        missed = [target for target in self.targets if target.is_met is False]
        for target in missed:
            print(f"Missed: {target.words}: {target.figure()}", file=sys.stderr)
        return not missed
