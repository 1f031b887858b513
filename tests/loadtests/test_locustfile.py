"""The locust run asks at one moment, prints locust's table, and fails with a message when a promise breaks."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

OpenDoor = Callable[[Any], Awaitable[Any]]
_REPOSITORY = Path(__file__).resolve().parents[2]


async def _locust(*arguments: str, timeout_seconds: float = 60) -> tuple[int, str]:
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


@pytest.mark.parametrize(
    ("scenario", "rows", "missing"),
    [
        ("socket", ["hello", "join over the socket"], "join over REST"),
        ("rest", ["join over REST"], "join over the socket"),
        ("both", ["join over REST", "join over the socket"], "nothing else"),
    ],
)
async def test_a_true_door_passes(
    scenario: str, rows: list[str], missing: str, door_twin: Any, open_door: OpenDoor, class_file: Path
) -> None:
    door = await open_door(door_twin(capacity=15))
    code, said = await _locust(
        "--host", door.rest_url, "--prepared", str(class_file), "--scenario", scenario, "--start-in", "1"
    )
    assert code == 0, said
    assert "40 students will ask for 15 seats" in said
    assert "All promises held: 15 seated, 25 waiting" in said
    assert all(row in said for row in rows), said
    assert missing not in said
    assert len(door.answers) == 40


async def test_two_load_processes_share_the_students(door_twin: Any, open_door: OpenDoor, class_file: Path) -> None:
    door = await open_door(door_twin(capacity=15))
    code, said = await _locust(
        "--host", door.rest_url, "--prepared", str(class_file), "--start-in", "1", "--processes", "2", timeout_seconds=120
    )
    assert code == 0, said
    assert "All promises held: 15 seated, 25 waiting" in said
    assert all(len(commands) == 1 for commands in door.commands.values())


async def test_an_oversold_class_fails_the_run(door_twin: Any, open_door: OpenDoor, class_file: Path) -> None:
    door = await open_door(door_twin(capacity=15, oversell=True))
    code, said = await _locust("--host", door.rest_url, "--prepared", str(class_file), "--start-in", "1")
    assert code == 1, said
    assert "A promise is broken: Seat" in said


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
