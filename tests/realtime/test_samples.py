"""The samples beside `docs/protocol.md` are what the code takes and sends, and what the schema says.
The browser's tests read the same files."""

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import pytest

from classroom.answers import Accepted
from classroom.callers import Caller, Role
from classroom.ids import ConnectionId, MessageId, PollId, SessionId, Topic, UserId
from classroom.live import events as e
from classroom.live.people import Person
from classroom.live.publications import VIEWS, notices, publication, shown_on
from classroom.refusals import ClassFull, Malformed, RateLimited
from classroom.topics import Position, parse_topic
from realtime import commands, frames

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol"
SCHEMA = json.loads((PROTOCOL / "schema.json").read_text())
CLIENT = sorted((PROTOCOL / "samples" / "client").glob("*.json"))
SERVER = sorted((PROTOCOL / "samples" / "server").glob("*.json"))


def load(path: Path) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(path.read_text())
    return frame


def server(name: str) -> dict[str, Any]:
    return load(PROTOCOL / "samples" / "server" / f"{name}.json")


def check(frame: dict[str, Any], definition: str) -> None:
    jsonschema.validate(frame, {**SCHEMA, "oneOf": [{"$ref": f"#/$defs/{definition}"}]})


@pytest.mark.parametrize("path", CLIENT, ids=lambda path: path.stem)
def test_client_sample_is_understood(path: Path) -> None:
    frame = load(path)
    check(frame, "clientFrame")
    understood = frames.decode(path.read_bytes())
    assert not isinstance(understood, frames.BadFrame)
    assert type(understood).__struct_config__.tag == frame["type"]
    if isinstance(understood, frames.CommandFrame):
        assert isinstance(commands.read(understood.name, understood.args, ConnectionId("c")), commands.Request)
    if isinstance(understood, frames.Subscribe | frames.Unsubscribe):
        assert parse_topic(understood.topic) is not None


def test_every_command_has_a_sample_and_a_name_in_the_schema() -> None:
    assert {path.stem.removeprefix("command.") for path in CLIENT if path.stem.startswith("command.")} == commands.NAMES
    assert set(SCHEMA["$defs"]["commandName"]["enum"]) == commands.NAMES


@pytest.mark.parametrize("path", SERVER, ids=lambda path: path.stem)
def test_server_sample_fits_the_schema(path: Path) -> None:
    check(load(path), "serverFrame")


@pytest.mark.parametrize(
    ("definition", "frame"),
    [
        ("clientFrame", {"type": "shout"}),
        ("clientFrame", {"type": "hello"}),
        ("clientFrame", {"type": "command", "id": "1", "name": "chat.post", "args": {"sessionId": "x", "text": "hi"}}),
        ("serverFrame", {"type": "reply", "id": "1", "ok": True}),
        ("serverFrame", {**server("subscribed.live"), "recovered": True}),
        ("serverFrame", {**server("events.live"), "events": []}),
    ],
)
def test_schema_refuses_what_is_wrong(definition: str, frame: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check(frame, definition)


def test_welcome_and_pong_are_what_is_sent() -> None:
    sample = server("welcome")
    user = sample["user"]
    caller = Caller(UserId(user["id"]), user["name"], Role(user["role"]))
    assert json.loads(frames.welcome(ConnectionId(sample["connectionId"]), caller, 25)) == sample
    assert json.loads(frames.PONG) == server("pong")


def test_replies_are_what_is_sent() -> None:
    for name in ("reply.seated", "reply.waitlisted"):
        sample = server(name)
        body = msgspec.json.encode(sample["result"])
        assert json.loads(frames.reply(sample["id"], Accepted(sample["result"]["outcome"], body))) == sample
    assert json.loads(frames.done("7a1e")) == server("reply.done")
    for name, refusal in (
        ("reply.refused", ClassFull(30, waitlist_enabled=False)),
        ("reply.rate_limited", RateLimited(1)),
        ("reply.validation_failed", Malformed((("text", "Must not be blank."),))),
    ):
        sample = server(name)
        assert json.loads(frames.refusal(sample["id"], refusal)) == sample


@pytest.mark.parametrize("name", ["live", "staff", "queue", "recovered"])
def test_subscribed_is_what_is_sent(name: str) -> None:
    sample = server(f"subscribed.{name}")
    snapshot = None if sample["snapshot"] is None else msgspec.json.encode(sample["snapshot"])
    at = Position(sample["epoch"], sample["offset"])
    frame = frames.subscribed(sample["id"], Topic(sample["topic"]), at, recovered=sample["recovered"], snapshot=snapshot)
    assert json.loads(frame) == sample


@pytest.mark.parametrize("name", ["live", "staff", "queue", "user"])
def test_events_are_what_is_sent_and_gapless(name: str) -> None:
    sample = server(f"events.{name}")
    encoded = [msgspec.json.encode(event) for event in sample["events"]]
    assert json.loads(frames.events(Topic(sample["topic"]), sample["epoch"], encoded)) == sample
    offsets = [event["offset"] for event in sample["events"]]
    assert offsets == list(range(offsets[0], offsets[0] + len(offsets)))


FIELDS: dict[str, Any] = {
    "int": 1,
    "str": "x",
    "bool": True,
    "Moment": 0,
    "typing.Optional[classroom.times.Moment]": 0,
    "UserId": UserId("u"),
    "MessageId": MessageId("m"),
    "PollId": PollId("p"),
    "classroom.live.people.Person | None": Person(UserId("u"), "x"),
    "tuple[classroom.live.people.Person | None, ...]": (Person(UserId("u"), "x"), None),
    "tuple[str, ...]": ("a", "b"),
    "tuple[int, ...]": (1,),
}


def example(kind: Any, **given: Any) -> e.Event:
    """An event of this type with some value in every field."""
    values = {name: FIELDS.get(getattr(hint, "__name__", ""), FIELDS.get(str(hint), "x")) for name, hint in _hints(kind)}
    made: e.Event = kind(**{**values, **{name: value for name, value in given.items() if name in values}})
    return made


def _hints(kind: Any) -> list[tuple[str, Any]]:
    return [(name, hint) for name, hint in kind.__annotations__.items() if name != "type"]


@pytest.mark.parametrize("kind", get_args(e.Event), ids=lambda kind: kind.type)
def test_every_event_of_a_class_has_its_samples(kind: Any) -> None:
    told = set()
    for to in ("all", "staff", "someone"):
        event = example(kind, to=to, first=True, last=True)
        for view, shown in zip(VIEWS, shown_on(event), strict=True):
            if shown:
                name, data = publication(event, view)
                told.add((f"events.{view or 'live'}", name, frozenset(data)))
        for _, name, data in notices(SessionId("s"), event):
            told.add(("events.user", name, frozenset(data)))
    for sample, name, keys in told:
        samples = [event for event in server(sample)["events"] if event["type"] == name]
        assert samples, f"no {name} in {sample}.json"
        assert frozenset(samples[0]["data"]) == keys
        described = SCHEMA["$defs"]["userData" if sample == "events.user" else "liveData"]
        assert set(described[name]["required"]) <= keys
