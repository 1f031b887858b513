"""Events as JSON objects and back. The log's payloads and the wire share this form: camelCase, times in RFC 3339."""

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from typing import Any, get_args

from classroom.live import events as e
from classroom.times import Moment, from_datetime, rfc3339

_TIMES = {"starts_at", "ends_at", "ended_at"}
_TUPLES = {"options", "correct", "choices", "tally"}


def camel(name: str) -> str:
    """`user_id` as the wire writes it: `userId`."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _reader(name: str) -> Callable[[Any], Any]:
    if name in _TIMES:
        return lambda value: None if value is None else parse_time(value)
    return tuple if name in _TUPLES else lambda value: value


def parse_time(text: str) -> Moment:
    """The moment that an RFC 3339 text names. Raises ValueError when it names none or has no offset."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    return from_datetime(value)


_CLASSES: dict[str, type[e.Event]] = {kind.type: kind for kind in get_args(e.Event)}
_WRITE: dict[type, list[tuple[str, str, bool]]] = {
    kind: [(field.name, camel(field.name), field.name in _TIMES) for field in fields(kind)] for kind in get_args(e.Event)
}
_READ: dict[str, list[tuple[str, str, Callable[[Any], Any]]]] = {
    kind.type: [(field.name, camel(field.name), _reader(field.name)) for field in fields(kind)] for kind in get_args(e.Event)
}


def payload_of(event: e.Event) -> dict[str, Any]:
    """The event's fields as a JSON-ready object."""
    values = vars(event)
    return {
        wire: rfc3339(values[name]) if is_time and values[name] is not None else values[name]
        for name, wire, is_time in _WRITE[type(event)]
    }


def event_of(kind: str, payload: dict[str, Any]) -> e.Event:
    """The event that was logged as `payload`; unknown fields of a later release are passed over.
    Raises KeyError for a type that this release does not know."""
    return _CLASSES[kind](**{name: read(payload[wire]) for name, wire, read in _READ[kind] if wire in payload})
