"""Events as JSON objects and back. The log's payloads and the wire share this form: camelCase, times in RFC 3339."""

from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any, get_args

from classroom.ids import UserId
from classroom.live import events as e
from classroom.live.people import Person
from classroom.times import Moment, from_datetime, rfc3339

_TIMES = {"starts_at", "ends_at", "ended_at"}


def camel(name: str) -> str:
    """`user_id` as the wire writes it: `userId`."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _reader(name: str) -> Callable[[Any], Any]:
    if name in _TIMES:
        return lambda value: None if value is None else parse_time(value)
    return _READERS.get(name, lambda value: value)


def _writer(name: str) -> Callable[[Any], Any] | None:
    if name in _TIMES:
        return lambda value: None if value is None else rfc3339(value)
    return _WRITERS.get(name)


def written_person(who: Person | None) -> dict[str, Any] | None:
    """Somebody as a JSON-ready object; None for nobody."""
    return None if who is None else {"userId": who.user_id, "name": who.name}


def written_people(slots: Iterable[Person | None]) -> list[dict[str, Any] | None]:
    """Who is in these slots, as JSON-ready objects."""
    return [written_person(who) for who in slots]


def person(value: dict[str, Any] | None) -> Person | None:
    """Whom `written_person` wrote."""
    return None if value is None else Person(UserId(value["userId"]), value["name"])


def people(values: Iterable[dict[str, Any] | None]) -> tuple[Person | None, ...]:
    """Whom `written_people` wrote."""
    return tuple(person(value) for value in values)


def parse_time(text: str) -> Moment:
    """The moment that an RFC 3339 text names. Raises ValueError when it names none or has no offset."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    return from_datetime(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("options", "correct", "choices", "tally", "speakers"), tuple),
    "screen": person,
    "cameras": people,
    "microphones": people,
}
_WRITERS: dict[str, Callable[[Any], Any]] = {
    "screen": written_person,
    "cameras": written_people,
    "microphones": written_people,
}
_CLASSES: dict[str, type[e.Event]] = {kind.type: kind for kind in get_args(e.Event)}
_WRITE: dict[type, list[tuple[str, str, Callable[[Any], Any] | None]]] = {
    kind: [(field.name, camel(field.name), _writer(field.name)) for field in fields(kind)] for kind in get_args(e.Event)
}
_READ: dict[str, list[tuple[str, str, Callable[[Any], Any]]]] = {
    kind.type: [(field.name, camel(field.name), _reader(field.name)) for field in fields(kind)] for kind in get_args(e.Event)
}


def payload_of(event: e.Event) -> dict[str, Any]:
    """The event's fields as a JSON-ready object."""
    values = vars(event)
    return {wire: values[name] if write is None else write(values[name]) for name, wire, write in _WRITE[type(event)]}


def event_of(kind: str, payload: dict[str, Any]) -> e.Event:
    """The event that was logged as `payload`; unknown fields of a later release are passed over.
    Raises KeyError for a type that this release does not know."""
    return _CLASSES[kind](**{name: read(payload[wire]) for name, wire, read in _READ[kind] if wire in payload})
