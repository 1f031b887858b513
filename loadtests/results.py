"""A run's results as files: `summary.json`, `summary.md`, `plots.png`, and `report.html`, a page that needs nothing else."""

import html
import io
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loadtests.plots import draw
from loadtests.scenario import Scenario
from loadtests.timeline import Timeline, Waits

_BUSY = 0.85
_COLUMNS = ("request", "count", "failed or again", "per second", "p50 ms", "p95 ms", "p99 ms", "longest ms")


@dataclass(frozen=True)
class Outcome:
    """A run that is over. `generator` is the highest share of a core that each load process used between two reports."""

    scenario: Scenario
    held: bool
    sentence: str
    began: float
    seconds: float
    users: int
    host: str
    timeline: Timeline
    user_counts: dict[int, int]
    generator: list[float]

    @property
    def warning(self) -> str:
        """What a reader must know before believing the figures; empty when there is nothing."""
        if self.generator and max(self.generator) > _BUSY:
            return (
                f"A load process used {max(self.generator):.0%} of a core: waits were partly its own. "
                "Use more processes (PROCESSES=4), or more machines."
            )
        return ""


def write_results(outcome: Outcome, folder: Path) -> Path:
    """Write the files into a new folder below `folder`, and give its path."""
    began = datetime.fromtimestamp(outcome.began, UTC)
    into = folder / f"{outcome.scenario.name}-{began:%Y%m%dT%H%M%SZ}"
    into.mkdir(parents=True, exist_ok=True)
    summary = _summary(outcome, began)
    (into / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    (into / "summary.md").write_text(_markdown(summary))
    figure = draw(outcome.scenario, outcome.timeline, outcome.user_counts, outcome.began)
    figure.savefig(into / "plots.png", dpi=110)
    drawing = io.StringIO()
    figure.savefig(drawing, format="svg")
    (into / "report.html").write_text(_page(summary, drawing.getvalue()))
    return into


def _summary(outcome: Outcome, began: datetime) -> dict[str, Any]:
    seconds = max(1, len(outcome.timeline.seconds))
    return {
        "scenario": outcome.scenario.name,
        "says": outcome.scenario.says,
        "held": outcome.held,
        "verdict": outcome.sentence,
        "warning": outcome.warning,
        "began": began.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "seconds": outcome.seconds,
        "measuredSeconds": seconds,
        "users": outcome.users,
        "host": outcome.host,
        "loadProcesses": [round(share, 3) for share in outcome.generator],
        "cores": os.cpu_count(),
        "requests": [_row(name, waits, seconds) for name, waits in outcome.timeline.by_name().items()],
        "perSecond": [
            {"second": second - int(outcome.began), **_figures(waits)}
            for second, waits in sorted(outcome.timeline.by_second(outcome.scenario.headline).items())
        ],
    }


def _row(name: str, waits: Waits, seconds: int) -> dict[str, Any]:
    return {"name": name, "perSecond": round(waits.count / seconds, 1), **_figures(waits)}


def _figures(waits: Waits) -> dict[str, Any]:
    return {
        "count": waits.count,
        "failures": waits.failures,
        **{f"p{share * 100:.0f}": _rounded(waits.within(share)) for share in (0.5, 0.95, 0.99)},
        "longest": _rounded(waits.longest),
    }


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)


def _table(summary: dict[str, Any]) -> list[tuple[str, ...]]:
    keys = ("name", "count", "failures", "perSecond", "p50", "p95", "p99", "longest")
    return [tuple("–" if row[key] is None else str(row[key]) for key in keys) for row in summary["requests"]]


def _about(summary: dict[str, Any]) -> str:
    return (
        f"{summary['users']} users, {summary['seconds']:g} s, began {summary['began']}, against {summary['host']}; "
        f"{len(summary['loadProcesses'])} load process(es) used at most "
        f"{', '.join(f'{share:.0%}' for share in summary['loadProcesses'])} of a core; {summary['cores']} cores here."
    )


def _markdown(summary: dict[str, Any]) -> str:
    lines = [
        f"# {summary['scenario']}: {'all promises held' if summary['held'] else 'FAILED'}",
        "",
        summary["verdict"],
        "",
        _about(summary),
        *(["", f"**{summary['warning']}**"] if summary["warning"] else []),
        "",
        "| " + " | ".join(_COLUMNS) + " |",
        "|---" + "|---:" * (len(_COLUMNS) - 1) + "|",
        *("| " + " | ".join(row) + " |" for row in _table(summary)),
        "",
        "Waits count from when a request was due, retries included, not from when it was sent.",
        "",
        "![rate, waits and users by second](plots.png)",
        "",
    ]
    return "\n".join(lines)


def _page(summary: dict[str, Any], drawing: str) -> str:
    cells = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in _table(summary))
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in _COLUMNS)
    state = "all promises held" if summary["held"] else "FAILED"
    warning = f"<p><strong>{html.escape(summary['warning'])}</strong></p>" if summary["warning"] else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{summary["scenario"]}: {state}</title>'
        "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse}td,th{padding:.25rem .75rem;border-bottom:1px solid #ccc;text-align:right}"
        "td:first-child,th:first-child{text-align:left}svg{width:100%;height:auto}</style>"
        f"<h1>{summary['scenario']}: {state}</h1><p>{html.escape(summary['verdict'])}</p>"
        f"<p>{html.escape(_about(summary))}</p>{warning}<table><tr>{heads}</tr>{cells}</table>"
        "<p>Waits count from when a request was due, retries included, not from when it was sent.</p>"
        f"{drawing[drawing.index('<svg') :]}</html>\n"
    )
