"""The command runs a stampede, prints its figures, and fails with a sentence when a promise breaks."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from loadtests.answers import SEATED, DoorAnswer
from loadtests.crowd import Journey
from loadtests.storm import Stampede, main

OpenDoor = Callable[[Any], Awaitable[Any]]


@pytest.mark.parametrize("over", ["socket", "rest"])
async def test_a_true_door_passes(
    over: str, door_twin: Any, open_door: OpenDoor, class_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    door = await open_door(door_twin(capacity=15))
    arguments = [str(class_file), "--over", over, "--url", door.rest_url]
    assert await asyncio.to_thread(main, arguments) == 0
    assert f"40 students over {over}: 15 seated, 25 waiting, 0 asked again" in capsys.readouterr().out


async def test_an_oversold_class_fails_the_run(
    door_twin: Any, open_door: OpenDoor, class_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    door = await open_door(door_twin(capacity=15, oversell=True))
    assert await asyncio.to_thread(main, [str(class_file), "--url", door.rest_url]) == 1
    assert "A promise is broken: Seat" in capsys.readouterr().err


def test_a_door_that_is_away_is_one_sentence(class_file: Path, free_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(class_file), "--url", f"http://127.0.0.1:{free_port}"]) == 1
    assert capsys.readouterr().err.startswith("The stampede could not be run:")


def test_figures_come_from_when_the_student_was_due() -> None:
    journeys = [Journey(str(number), DoorAnswer(SEATED, number), 10.0, 10.0 + number, 1) for number in range(1, 5)]
    run = Stampede(journeys, 4.0, 0.1)
    assert (run.per_second, run.wait(0.5), run.wait(1.0)) == (1.0, 2.0, 4.0)
