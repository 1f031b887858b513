"""A run leaves a summary that machines and people can read, and plots that need nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from loadtests.results import Outcome, write_results
from loadtests.scenarios import SCENARIOS
from loadtests.timeline import Timeline


@pytest.fixture
def outcome() -> Outcome:
    timeline = Timeline()
    for number in range(100):
        timeline.note(1_000.0 + number / 10, "join over REST", 5.0 + number, failed=number == 7)
    held = True
    users = {1_000 + second: 100 for second in range(10)}
    return Outcome(
        SCENARIOS["class_start"], held, "Nobody <was> lost.", 1_000.0, 10, 100, "http://here", timeline, users, [0.2]
    )


def test_summary_and_plots_are_written(outcome: Outcome, tmp_path: Path) -> None:
    into = write_results(outcome, tmp_path)
    assert into == tmp_path / "class_start-19700101T001640Z"
    summary = json.loads((into / "summary.json").read_text())
    assert (summary["scenario"], summary["held"], summary["users"], summary["warning"]) == ("class_start", True, 100, "")
    (row,) = summary["requests"]
    assert (row["name"], row["count"], row["failures"], row["perSecond"]) == ("join over REST", 100, 1, 10.0)
    assert row["p50"] == pytest.approx(55, rel=0.05)
    assert len(summary["perSecond"]) == 10
    assert "| join over REST | 100 | 1 |" in (into / "summary.md").read_text()
    assert (into / "plots.png").read_bytes().startswith(b"\x89PNG")
    page = (into / "report.html").read_text()
    assert "<svg" in page
    assert "Nobody &lt;was&gt; lost." in page
    assert "src=" not in page


def test_a_busy_generator_is_said(outcome: Outcome, tmp_path: Path) -> None:
    into = write_results(replace(outcome, generator=[0.3, 0.97]), tmp_path)
    assert "used 97% of a core" in (into / "summary.md").read_text()


def test_a_run_without_any_request_is_written_too(outcome: Outcome, tmp_path: Path) -> None:
    into = write_results(replace(outcome, timeline=Timeline(), user_counts={}, held=False, sentence="No."), tmp_path)
    assert "FAILED" in (into / "summary.md").read_text()
