"""Whose request a failure on a host belongs to: the id goes the whole way of a command."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import pytest
from structlog.testing import capture_logs

import actors.live_grain as grains
from actors.correlation import REQUEST_ID
from classroom.callers import Caller
from classroom.live import commands as c
from tests.actors.school import TEACHER, Class, School


def fails_at(words: str, function: Callable[..., Any], text_of: Callable[..., str]) -> Callable[..., Any]:
    """The function, but a fault whenever somebody says these words."""

    def faulty(*args: Any) -> Any:
        done = function(*args)
        if text_of(*args) == words:
            raise ZeroDivisionError("a fault")
        return done

    return faulty


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> None:
    """`poison` is a fault in a rule, `venom` one in a move."""
    decide = fails_at("poison", grains.decide, lambda state, ask: getattr(ask.command, "text", ""))
    evolve = fails_at("venom", grains.evolve, lambda state, event, *more: getattr(event, "text", ""))
    monkeypatch.setattr(grains, "decide", decide)
    monkeypatch.setattr(grains, "evolve", evolve)


def asked(school: School, room: Class, who: Caller, command: c.Command, request: str, key: str) -> "asyncio.Task[Any]":
    """A command of a request with this id, on its way."""
    context = copy_context()
    context.run(REQUEST_ID.set, request)
    return asyncio.get_running_loop().create_task(school.answer(room, who, command, key), context=context)


async def test_a_fault_in_a_rule_names_request_and_command(school: School, faulty: None) -> None:
    room = await school.open_class()
    with capture_logs() as logged:
        await asked(school, room, TEACHER, c.PostChat("poison"), "request-1", "command-1")
    named = [(line["request_id"], line["command_id"]) for line in logged if line["event"] == "rule_failed"]
    assert named
    assert set(named) == {("request-1", "command-1")}


async def test_a_fault_in_a_turn_names_all_requests_and_then_the_one(school: School, faulty: None) -> None:
    room = await school.open_class(seats=100)
    [sam] = school.students(1)
    with capture_logs() as logged:
        joining = asked(school, room, sam, c.TakeSeat(), "request-1", "command-1")
        bad = asked(school, room, TEACHER, c.PostChat("venom"), "request-2", "command-2")
        await asyncio.gather(joining, bad)
    first, *later = [line for line in logged if line["event"] == "turn_failed"]
    assert first["request_ids"] == ["request-1", "request-2"]
    assert later
    assert {(line["request_id"], line["command_id"]) for line in later} == {("request-2", "command-2")}


async def test_what_nobody_requested_names_no_request(school: School, faulty: None) -> None:
    room = await school.open_class()
    with capture_logs() as logged:
        await school.answer(room, TEACHER, c.PostChat("poison"), "command-1")
    [line, *_] = [line for line in logged if line["event"] == "rule_failed"]
    assert (line["request_id"], line["command_id"]) == (None, "command-1")


async def test_a_line_names_a_few_of_many(school: School, faulty: None) -> None:
    room = await school.open_class(seats=100)
    with capture_logs() as logged:
        sent = [
            asked(school, room, student, c.TakeSeat(), f"request-{number}", f"command-{number}")
            for number, student in enumerate(school.students(40))
        ]
        sent.append(asked(school, room, TEACHER, c.PostChat("venom"), "request", "command"))
        await asyncio.gather(*sent)
    first = next(line for line in logged if line["event"] == "turn_failed")
    assert (first["items"], first["request_ids"]) == (41, [f"request-{number}" for number in range(10)])
