"""What a benchmark leaves behind: Markdown that goes into the documentation as it is, charts, and the raw figures."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtests.benchmarks.machine import describe_machine

RESULTS = Path(__file__).resolve().parents[1] / "results"


@dataclass(frozen=True)
class Target:
    """A figure that was promised. `measured` is None when it could not be had (a peer is not installed, void turns)."""

    words: str
    measured: float | None
    limit: float
    at_most: bool = False
    unit: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether it was kept; None when nobody knows."""
        if self.measured is None:
            return None
        return self.measured <= self.limit if self.at_most else self.measured >= self.limit

    def line(self) -> str:
        """One row of the table of targets."""
        sign = "≤" if self.at_most else "≥"
        measured = "not measured" if self.measured is None else f"{self.measured:,.2f}{self.unit}"
        verdict = {True: "met", False: "**missed**", None: "–"}[self.is_met]
        return f"| {self.words} | {sign} {self.limit:g}{self.unit} | {measured} | {verdict} |"


@dataclass(frozen=True)
class Part:
    """One table under its heading, with its chart (SVG) if it has one."""

    heading: str
    table: str
    chart: str = ""


@dataclass(frozen=True)
class Report:
    """One benchmark. `name` is that of its files, `conditions` is a sentence or two on what was done."""

    name: str
    title: str
    command: str
    conditions: str
    parts: Sequence[Part]
    targets: Sequence[Target] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)

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
        figures = {"machine": describe_machine(), "date": time.strftime("%Y-%m-%d"), **self.figures}
        (folder / f"{self.name}.json").write_text(json.dumps(figures, indent=1) + "\n")
        print(self.markdown(), flush=True)
        missed = [target for target in self.targets if target.is_met is False]
        for target in missed:
            print(f"Missed: {target.words}: {target.measured:.2f}{target.unit}", file=sys.stderr)
        return not missed
