"""Events as JSON and back, for every event there is."""

from dataclasses import fields
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom.live import events as e
from classroom.live.codec import camel, event_of, parse_time, payload_of
from classroom.live.evolve import _MOVES
from classroom.live.people import Person
from classroom.live.publications import VIEWS, publication, shown_on
from classroom.times import Moment
from tests.classroom.live.room import through_json

KINDS: list[type[Any]] = list(get_args(e.Event))
text = st.text(st.characters(codec="utf-8"), max_size=20)


def events_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{field.name: _values(hints[field.name]) for field in fields(kind)})


def _values(hint: Any) -> st.SearchStrategy[Any]:
    if hint is Moment:
        return st.integers(0, 10**16)
    if hint is bool:
        return st.booleans()
    if hint is int:
        return st.integers(0, 10**9)
    if get_origin(hint) is tuple:
        return st.lists(_values(get_args(hint)[0]), max_size=4).map(tuple)
    if hint is Person:
        return st.builds(Person, text, text)
    if type(None) in get_args(hint):
        return st.none() | _values(next(each for each in get_args(hint) if each is not type(None)))
    return text


every_event = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)


@every_event
@settings(max_examples=20)
@given(data=st.data())
def test_every_event_survives_real_json_also_with_fields_of_a_later_release(kind: type[Any], data: st.DataObject) -> None:
    event = data.draw(events_of(kind))
    payload = through_json(payload_of(event))
    assert event_of(event.type, payload) == event
    assert event_of(event.type, {**payload, "addedLater": {"x": 1}}) == event


@every_event
@settings(max_examples=5)
@given(data=st.data())
def test_every_event_is_told_as_json_wherever_it_is_shown(kind: type[Any], data: st.DataObject) -> None:
    event = data.draw(events_of(kind))
    for view, shown in zip(VIEWS, shown_on(event), strict=True):
        if shown:
            name, told = publication(event, view)
            assert name in (event.type, "waitlist.advanced")
            through_json(told)


def test_names_of_events_are_different_and_none_is_forgotten() -> None:
    assert len({kind.type for kind in KINDS}) == len(KINDS)
    assert set(_MOVES) == set(KINDS)


def test_payloads_are_in_the_words_of_the_wire() -> None:
    assert camel("user_id") == "userId"
    assert camel("title") == "title"
    assert payload_of(e.SessionStarted(Moment(0))) == {"endsAt": "1970-01-01T00:00:00.000000Z"}


def test_an_end_of_an_earlier_release_was_when_it_was_told() -> None:
    assert event_of("session.ended", {"reason": "staff"}) == e.SessionEnded("staff")


def test_an_event_of_another_release_is_an_error() -> None:
    with pytest.raises(KeyError):
        event_of("seat.painted", {})


@pytest.mark.parametrize("wrong", ["", "tomorrow", "2026-11-21", "2026-11-21T09:00:00", "2026-13-01T00:00:00Z"])
def test_a_text_that_names_no_moment_is_an_error(wrong: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_time(wrong)
