"""Each load scenario holds its promises against the running system, as `make load` runs it; one with two load processes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]
_REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("scenario", "users", "seconds", "processes", "said"),
    [
        ("class_start", 60, 2, 2, "12 seated, 48 waiting, in order and without a hole"),
        ("class_day", 24, 15, 1, "3 classes held"),
        ("reconnect_storm", 30, 11, 1, "29 students kept their seats over 3 cuts"),
        ("dashboard", 24, 8, 2, "6 screens of 1 classes agree"),
        ("catalogue", 20, 4, 1, "pages in order without a repeat"),
    ],
)
def test_a_small_run_holds(
    scenario: str, users: int, seconds: int, processes: int, said: str, lyceum: Any, tmp_path: Path
) -> None:
    words = ["--users", str(users), "--seconds", str(seconds), "--processes", str(processes), "--start-in", "2"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "loadtests.headless",
            scenario,
            *words,
            "--host",
            lyceum.http_url,
            "--results",
            str(tmp_path),
        ],
        cwd=_REPOSITORY,
        env=lyceum.env,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (summary,) = tmp_path.glob("*/summary.json")
    figures = json.loads(summary.read_text())
    assert figures["held"]
    assert said in figures["verdict"]
    assert len(figures["loadProcesses"]) == processes
    assert {path.name for path in tmp_path.iterdir()} == {summary.parent.name}, "tokens are left nowhere"
