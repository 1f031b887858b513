"""A locust run plays its scenario, writes its results, and fails with a message when a promise breaks."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

OpenDoor = Callable[[Any], Awaitable[Any]]
_REPOSITORY = Path(__file__).resolve().parents[2]


async def _locust(*arguments: str, timeout_seconds: float = 150) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", "--headless", "--only-summary", *arguments),
        cwd=_REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(timeout_seconds):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode is not None
    return process.returncode, said.decode()


def _class_start(door: Any, class_file: Path, *more: str) -> tuple[str, ...]:
    return ("--host", door.rest_url, "--prepared", str(class_file), "--start-in", "1", "--seconds", "1", *more)


def _two_processes(port: int) -> tuple[str, ...]:
    return ("--processes", "2", "--master-bind-port", str(port), "--master-port", str(port))


@pytest.mark.parametrize(
    ("over", "rows", "missing"),
    [
        ("socket", ["hello", "join over the socket"], "join over REST"),
        ("rest", ["join over REST", "come in after REST"], "nothing else"),
        ("both", ["join over REST", "join over the socket"], "nothing else"),
    ],
)
async def test_a_true_door_passes(
    over: str, rows: list[str], missing: str, door_twin: Any, open_door: OpenDoor, class_file: Path, tmp_path: Path
) -> None:
    door = await open_door(door_twin(capacity=15))
    code, said = await _locust(*_class_start(door, class_file, "--over", over, "--results", str(tmp_path / "results")))
    assert code == 0, said
    assert "40 students will ask for 15 seats within 1 s" in said
    assert "All promises held: 15 seated, 25 waiting" in said
    assert all(row in said for row in rows), said
    assert missing not in said
    assert len(door.answers) == 40
    (folder,) = (tmp_path / "results").iterdir()
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["held"]
    assert summary["users"] == 40
    assert {path.name for path in folder.iterdir()} == {"summary.json", "summary.md", "plots.png", "report.html"}


async def test_answers_that_are_lost_or_say_again_are_insisted_on(
    door_twin: Any, open_door: OpenDoor, class_file: Path
) -> None:
    door = await open_door(door_twin(capacity=15, cut_before_answer=1, unavailable_first=1))
    code, said = await _locust(*_class_start(door, class_file))
    assert code == 0, said
    assert "All promises held: 15 seated, 25 waiting" in said


async def test_two_load_processes_share_an_uneven_crowd(
    door_twin: Any, open_door: OpenDoor, class_file: Path, tmp_path: Path, free_port: int
) -> None:
    door = await open_door(door_twin(capacity=15))
    more = (*_two_processes(free_port), "-u", "39", "-r", "50", "--results", str(tmp_path / "results"))
    code, said = await _locust(*_class_start(door, class_file, *more))
    assert code == 0, said
    assert "All promises held: 15 seated, 24 waiting" in said
    assert len(door.answers) == 39
    (summary,) = (tmp_path / "results").glob("*/summary.json")
    figures = json.loads(summary.read_text())
    assert len(figures["loadProcesses"]) == 2
    joins = sum(row["count"] for row in figures["requests"] if row["name"].startswith("join over"))
    assert joins >= 39


@pytest.mark.parametrize("processes", [1, 2])
async def test_an_oversold_class_fails_the_run(
    processes: int, door_twin: Any, open_door: OpenDoor, class_file: Path, tmp_path: Path, free_port: int
) -> None:
    more = _two_processes(free_port) if processes == 2 else ()
    door = await open_door(door_twin(capacity=15, oversell=True))
    code, said = await _locust(*_class_start(door, class_file, *more, "--results", str(tmp_path / "results")))
    assert code == 1, said
    assert "A promise is broken: Seat" in said
    (summary,) = (tmp_path / "results").glob("*/summary.json")
    assert not json.loads(summary.read_text())["held"]


async def test_a_class_that_counts_otherwise_than_its_door_fails_the_run(
    door_twin: Any, open_door: OpenDoor, class_file: Path
) -> None:
    door = await open_door(door_twin(capacity=15, miscounts=1))
    code, said = await _locust(*_class_start(door, class_file))
    assert code == 1, said
    assert "The class counts 14 seated and 26 waiting; the door said 15 and 25" in said


async def test_a_gap_in_a_topic_fails_the_run(door_twin: Any, open_door: OpenDoor, class_file: Path) -> None:
    door = await open_door(door_twin(capacity=15, skips=1))
    code, said = await _locust(*_class_start(door, class_file, "--seconds", "2"))
    assert code == 1, said
    assert re.search(r"has a gap: offset \d+ came where \d+ was due", said), said


async def test_seats_out_of_order_fail_the_run(door_twin: Any, open_door: OpenDoor, class_file: Path) -> None:
    door = await open_door(door_twin(capacity=15, last_come_first=True))
    code, said = await _locust(*_class_start(door, class_file, "--seconds", "2"))
    assert code == 1, said
    assert re.search(r"asked \d+\.\d+ s after .* had been answered and stands before them", said), said


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_check_that_fails_itself_ends_the_run(
    processes: int, door_twin: Any, open_door: OpenDoor, class_file: Path, free_port: int
) -> None:
    more = _two_processes(free_port) if processes == 2 else ()
    door = await open_door(door_twin(capacity=15, counts_nothing=True))
    code, said = await _locust(*_class_start(door, class_file, *more))
    assert code == 1, said
    assert "The check itself failed: KeyError('currentStudents')" in said


async def test_results_that_cannot_be_written_end_the_run(
    door_twin: Any, open_door: OpenDoor, class_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "results").write_text("no folder")
    door = await open_door(door_twin(capacity=15))
    code, said = await _locust(*_class_start(door, class_file, "--results", str(tmp_path / "results")))
    assert code == 1, said
    assert "All promises held" in said
    assert "The results could not be written." in said


async def test_a_class_that_was_used_before_is_refused(door_twin: Any, open_door: OpenDoor, class_file: Path) -> None:
    door = await open_door(door_twin(capacity=15))
    door.join("somebody", "before")
    code, said = await _locust(*_class_start(door, class_file))
    assert code == 1, said
    assert "1 students are in this class and 0 wait: prepare another one." in said


async def test_a_run_without_a_class_says_what_is_missing(free_port: int) -> None:
    code, said = await _locust("--host", f"http://127.0.0.1:{free_port}")
    assert code == 1
    assert "name the file that `lyceum loadtest prepare` printed with --prepared" in said


async def test_a_class_file_that_is_no_class_is_one_sentence(free_port: int, tmp_path: Path) -> None:
    file = tmp_path / "class.json"
    file.write_text("")
    code, said = await _locust("--host", f"http://127.0.0.1:{free_port}", "--prepared", str(file))
    assert code == 1
    assert "This is not the JSON that `lyceum loadtest prepare` prints" in said
    assert "Traceback" not in said
