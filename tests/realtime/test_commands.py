"""Every command of the contract, and what its bounds refuse."""

import json
from typing import Any

import pytest

from classroom.ids import ConnectionId, MessageId, PollId, SessionId, UserId
from classroom.live import commands as live
from classroom.refusals import Malformed, NotFound, UnknownCommand
from realtime.commands import NAMES, Request, read

CLASS = SessionId("01910000-0000-7000-8000-0000000000aa")
USER = UserId("01910000-0000-7000-8000-0000000000bb")
CONNECTION = ConnectionId("c1")


def given(name: str, **args: Any) -> Any:
    return read(name, json.dumps({"sessionId": CLASS, **args}).encode(), CONNECTION)


@pytest.mark.parametrize(
    ("name", "args", "command"),
    [
        ("session.join", {}, live.TakeSeat(waitlist=True, connection=CONNECTION)),
        ("session.join", {"waitlist": False}, live.TakeSeat(waitlist=False, connection=CONNECTION)),
        ("session.leave", {}, live.Leave()),
        ("session.start", {}, live.Start()),
        ("session.end", {}, live.End()),
        ("session.lock", {}, live.Lock()),
        ("session.unlock", {}, live.Unlock()),
        ("chat.post", {"text": "hi"}, live.PostChat("hi", "all")),
        ("chat.post", {"text": "hi", "to": "staff"}, live.PostChat("hi", "staff")),
        ("chat.post", {"text": "hi", "to": USER.upper()}, live.PostChat("hi", USER)),
        ("chat.post", {"text": "é" * 2000}, live.PostChat("é" * 2000)),
        ("chat.remove", {"messageId": "m1"}, live.RemoveChat(MessageId("m1"))),
        ("hand.raise", {}, live.RaiseHand()),
        ("hand.lower", {}, live.LowerHand()),
        ("hand.lower", {"userId": USER}, live.LowerHand(USER)),
        ("reaction.send", {"emoji": "👩‍🏫"}, live.React("👩‍🏫")),
        ("poll.open", {"question": "?", "options": ["a", "b"]}, live.OpenPoll("?", ("a", "b"))),
        (
            "poll.open",
            {"question": "?", "options": ["a", "b"], "multiple": True, "quiz": True, "correct": [0, 1]},
            live.OpenPoll("?", ("a", "b"), multiple=True, quiz=True, correct=(0, 1)),
        ),
        ("poll.vote", {"pollId": "p", "choices": [1]}, live.Vote(PollId("p"), (1,))),
        ("poll.close", {"pollId": "p"}, live.ClosePoll(PollId("p"))),
        ("member.mute", {"userId": USER}, live.Mute(USER)),
        ("member.unmute", {"userId": USER}, live.Unmute(USER)),
        ("member.remove", {"userId": USER}, live.RemoveMember(USER)),
        ("member.remove", {"userId": USER, "ban": True}, live.RemoveMember(USER, ban=True)),
        ("stage.invite", {"userId": USER.upper()}, live.InviteToStage(USER)),
        ("stage.accept", {}, live.AcceptStage()),
        ("stage.leave", {}, live.LeaveStage()),
        ("stage.remove", {"userId": USER}, live.RemoveFromStage(USER)),
        ("recording.start", {}, live.StartRecording()),
        ("recording.stop", {}, live.StopRecording()),
    ],
)
def test_command_is_understood(name: str, args: dict[str, Any], command: live.Command) -> None:
    assert given(name, **args) == Request(CLASS, command)


def test_every_command_is_tried_above() -> None:
    (cases,) = [mark.args[1] for mark in test_command_is_understood.pytestmark]  # type: ignore[attr-defined] # pytest's
    assert {name for name, _, _ in cases} == NAMES


@pytest.mark.parametrize(
    ("name", "args", "field"),
    [
        ("chat.post", {}, "text"),
        ("chat.post", {"text": ""}, "text"),
        ("chat.post", {"text": " \n "}, "text"),
        ("chat.post", {"text": "x" * 2001}, "text"),
        ("chat.post", {"text": 5}, "text"),
        ("chat.post", {"text": "x", "to": "everyone"}, "to"),
        ("chat.remove", {}, "messageId"),
        ("hand.lower", {"userId": "somebody"}, "userId"),
        ("stage.invite", {}, "userId"),
        ("stage.invite", {"userId": "somebody"}, "userId"),
        ("stage.remove", {"userId": None}, "userId"),
        ("reaction.send", {"emoji": "x" * 17}, "emoji"),
        ("reaction.send", {"emoji": ""}, "emoji"),
        ("session.join", {"waitlist": "yes"}, "waitlist"),
        ("poll.open", {"question": "?", "options": ["a"]}, "options"),
        ("poll.open", {"question": "?", "options": [str(number) for number in range(13)]}, "options"),
        ("poll.open", {"question": "?", "options": ["a", "x" * 201]}, "options"),
        ("poll.open", {"question": "?", "options": ["a", "a"]}, "options"),
        ("poll.open", {"question": "?", "options": ["a", " "]}, "options"),
        ("poll.open", {"question": "x" * 501, "options": ["a", "b"]}, "question"),
        ("poll.open", {"question": " ", "options": ["a", "b"]}, "question"),
        ("poll.open", {"question": "?", "options": ["a", "b"], "correct": [2]}, "correct"),
        ("poll.open", {"question": "?", "options": ["a", "b"], "correct": [0, 1]}, "correct"),
        ("poll.vote", {"pollId": "p", "choices": []}, "choices"),
        ("poll.vote", {"pollId": "p", "choices": [12]}, "choices"),
        ("poll.vote", {"pollId": "p", "choices": [1, 1]}, "choices"),
        ("member.remove", {"userId": USER, "ban": 1}, "ban"),
        ("session.start", {"sessionId": None}, "sessionId"),
    ],
)
def test_what_does_not_fit_names_its_field(name: str, args: dict[str, Any], field: str) -> None:
    refusal = given(name, **args)
    assert isinstance(refusal, Malformed)
    ((found, sentence),) = refusal.fields
    assert found == field
    assert sentence.endswith(".")
    assert "`$" not in sentence


def test_arguments_that_are_no_object() -> None:
    refusal = read("session.join", b"[]", CONNECTION)
    assert isinstance(refusal, Malformed)
    assert refusal.fields[0][0] == "args"


def test_id_of_no_class_is_not_found() -> None:
    assert read("session.join", b'{"sessionId":"nowhere"}', CONNECTION) == NotFound("class", "nowhere")


def test_unknown_names_are_refused() -> None:
    assert given("stage.lift") == UnknownCommand("stage.lift")
    assert given("") == UnknownCommand("")


@pytest.mark.parametrize(
    "name", ["media.open", "media.show", "media.speakers", "media.check", "open.media", "OpenMedia", "CheckMedia"]
)
def test_what_only_servers_ask_has_no_name_on_the_socket(name: str) -> None:
    assert given(name, node="a@1", purpose="publish", source="camera", nodes=[]) == UnknownCommand(name)
