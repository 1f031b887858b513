"""The wire, frame by frame: strict in what is taken, exact in what is sent."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.answers import Accepted, Refused
from classroom.callers import Caller, Role
from classroom.ids import ConnectionId, Topic, UserId
from classroom.refusals import DoorsClosed, RateLimited
from classroom.times import Moment
from classroom.topics import Position
from realtime import frames
from realtime.frames import BadFrame, CommandFrame, Hello, Ping, Since, Subscribe, Unsubscribe

TOPIC = Topic("live:01910000-0000-7000-8000-0000000000aa")


def test_what_clients_may_say() -> None:
    assert frames.decode(b'{"type":"hello","token":"t"}') == Hello("t")
    assert frames.decode(b'{"type":"ping"}') == Ping()
    assert frames.decode(b'{"id":"1","topic":"x","type":"unsubscribe"}') == Unsubscribe("1", "x")
    asked = frames.decode(b'{"type":"subscribe","id":"1","topic":"x","since":{"epoch":3,"offset":120}}')
    assert asked == Subscribe("1", "x", Since(3, 120))
    assert isinstance(asked, Subscribe)
    assert asked.position() == Position(3, 120)
    command = frames.decode(b'{"type":"command","id":"1","name":"chat.post","args":{"text": "hi"}}')
    assert isinstance(command, CommandFrame)
    assert bytes(command.args) == b'{"text": "hi"}'


def test_fields_of_a_later_release_are_passed_over() -> None:
    assert frames.decode(b'{"type":"ping","mood":{"good":true}}') == Ping()


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"ping"',
        b'{"type":"welcome"}',
        b'{"type":5}',
        b"{}",
        b'{"type":"ping"}{}',
        b'{"type":"hello"}',
        b'{"type":"hello","token":null}',
        b'{"type":"hello","token":"' + b"x" * 8193 + b'"}',
        b'{"type":"command","id":"","name":"x"}',
        b'{"type":"command","id":"a\\u0000b","name":"x"}',
        b'{"type":"command","id":"' + b"x" * 129 + b'","name":"x"}',
        b'{"type":"subscribe","id":"1","topic":"x","since":{"epoch":1}}',
        b'{"type":"subscribe","id":"1","topic":"x","since":{"epoch":1,"offset":-1}}',
        b'{"type":"subscribe","id":"1","topic":"x","since":{"epoch":1,"offset":1.5}}',
        b'{"type":"subscribe","id":"1","topic":"x","since":{"epoch":1,"offset":99999999999999999999}}',
        b'{"type":"hello","token":"\\ud800"}',
        b'{"a":' * 5000,
    ],
)
def test_what_is_none_of_these_is_a_bad_frame(message: bytes) -> None:
    frame = frames.decode(message)
    assert isinstance(frame, BadFrame)
    assert frame.text
    assert frame.why


@pytest.mark.parametrize("message", [b"\xff", b'{"type":"ping","x":"\xff"}', b'{"type":"ping","x":"\xed\xa0\x80"}'])
def test_what_is_not_utf8_is_not_text(message: bytes) -> None:
    assert frames.decode(message) == BadFrame("this is not UTF-8", text=False)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_anything_is_either_a_frame_or_a_bad_frame(message: bytes) -> None:
    assert isinstance(frames.decode(message), frames.Incoming | BadFrame)


def test_welcome() -> None:
    caller = Caller(UserId("u"), 'Ada "A" Ü', Role.ADMIN)
    assert json.loads(frames.welcome(ConnectionId("c"), caller, 25)) == {
        "type": "welcome",
        "connectionId": "c",
        "user": {"id": "u", "name": 'Ada "A" Ü', "role": "admin"},
        "heartbeatSeconds": 25,
    }


@given(st.text(min_size=1, max_size=20))
def test_accepted_reply_carries_the_owners_bytes(request_id: str) -> None:
    frame = frames.reply(request_id, Accepted("done", b'{"n": 1.50}'))
    assert frame.endswith(b'"result":{"n": 1.50}}')
    assert json.loads(frame) == {"type": "reply", "id": request_id, "ok": True, "result": {"n": 1.5}}


def test_refused_reply_says_what_the_contract_says() -> None:
    assert json.loads(frames.reply("1", Refused(RateLimited(3)))) == {
        "type": "reply",
        "id": "1",
        "ok": False,
        "error": {
            "errorCode": "rate_limited",
            "message": "Too many requests. Please try again in 3 s.",
            "details": {"retryAfterSeconds": 3},
            "retry": True,
        },
    }
    closed = json.loads(frames.refusal("1", DoorsClosed(Moment(0))))
    assert closed["error"]["details"] == {"opensAt": "1970-01-01T00:00:00.000000Z"}


@pytest.mark.parametrize("snapshot", [None, b'{"seats": []}'])
def test_subscribed(snapshot: bytes | None) -> None:
    frame = json.loads(frames.subscribed("1", TOPIC, Position(3, 120), recovered=snapshot is None, snapshot=snapshot))
    assert frame == {
        "type": "subscribed",
        "id": "1",
        "topic": TOPIC,
        "epoch": 3,
        "offset": 120,
        "recovered": snapshot is None,
        "snapshot": None if snapshot is None else {"seats": []},
    }


def test_events_are_spliced() -> None:
    frame = frames.events(TOPIC, 3, [b'{"offset": 1}', b'{"offset": 2}'])
    assert json.loads(frame) == {"type": "events", "topic": TOPIC, "epoch": 3, "events": [{"offset": 1}, {"offset": 2}]}


@given(st.lists(st.integers(1, 40_000), max_size=30))
def test_packed_runs_fit_a_frame_and_lose_nothing(sizes: list[int]) -> None:
    events = [b"x" * size for size in sizes]
    runs: list[Any] = list(frames.pack(events))
    assert [event for run in runs for event in run] == events
    assert all(run for run in runs)
    assert all(len(frames.events(TOPIC, 1, run)) <= 64 * 1024 for run in runs)
    assert len(runs) <= 1 or all(sum(map(len, run)) + len(later[0]) > 50 * 1024 for run, later in pairwise(runs))
