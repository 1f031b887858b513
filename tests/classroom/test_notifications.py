from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.notifications import (
    KINDS,
    LEADS,
    Channel,
    Lead,
    Notice,
    body_for,
    local_time,
    reminder_key,
    wants,
    windows,
)
from classroom.times import MINUTE, SECOND, Moment, from_datetime

KINDS_AND_MORE = st.sampled_from([*KINDS, "something_new"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | KINDS_AND_MORE, inner, max_size=3),
)


def said(kind: str, channel: Channel, choice: Any) -> dict[str, Any]:
    return {"notifications": {kind: {channel.value: choice}}}


@given(KINDS_AND_MORE, st.sampled_from(Channel), st.booleans())
def test_what_a_person_says_holds_for_that_kind_and_channel_only(kind: str, channel: Channel, choice: bool) -> None:
    preferences = said(kind, channel, choice)
    assert wants(kind, channel, preferences) is choice
    for other_kind in KINDS:
        for other in Channel:
            if (other_kind, other) != (kind, channel):
                assert wants(other_kind, other, preferences) is wants(other_kind, other, {})


def test_by_default_everything_is_told_in_the_app_and_small_things_not_by_mail() -> None:
    assert all(wants(kind, Channel.IN_APP, {}) for kind in [*KINDS, "something_new"])
    assert not wants("milestone", Channel.MAIL, {})
    assert not wants("something_new", Channel.MAIL, {})
    assert wants("class_reminder", Channel.MAIL, {})


@given(KINDS_AND_MORE, st.sampled_from(Channel), JSON)
def test_preferences_of_any_shape_are_read(kind: str, channel: Channel, mess: Any) -> None:
    for preferences in ({"notifications": mess}, {"notifications": {kind: mess}}, said(kind, channel, mess)):
        assert isinstance(wants(kind, channel, preferences), bool)


def berlin(text: str) -> str:
    return local_time(from_datetime(datetime.fromisoformat(text)), "Europe/Berlin")


def test_times_are_the_readers_also_when_the_clocks_change() -> None:
    assert berlin("2026-10-25T00:30:00+00:00") == "Sunday 25 October 2026, 02:30 CEST (Europe/Berlin)"
    assert berlin("2026-10-25T01:30:00+00:00") == "Sunday 25 October 2026, 02:30 CET (Europe/Berlin)"
    assert berlin("2026-03-29T00:59:00+00:00") == "Sunday 29 March 2026, 01:59 CET (Europe/Berlin)"
    assert berlin("2026-03-29T01:00:00+00:00") == "Sunday 29 March 2026, 03:00 CEST (Europe/Berlin)"
    noon = from_datetime(datetime(2026, 1, 1, 12, tzinfo=UTC))
    assert local_time(noon, "Pacific/Auckland") == "Friday 2 January 2026, 01:00 NZDT (Pacific/Auckland)"
    assert local_time(noon, "UTC") == "Thursday 1 January 2026, 12:00 UTC"


@pytest.mark.parametrize("timezone", ["", "Mars/Olympus", "../etc/passwd", "Europe", "/etc", "\x00", "x" * 5_000])
def test_a_timezone_that_is_none_counts_as_utc(timezone: str) -> None:
    assert local_time(Moment(0), timezone) == "Thursday 1 January 1970, 00:00 UTC"


def test_only_kinds_that_speak_of_a_time_have_one_put_in() -> None:
    data = {"startTime": "2026-10-25T01:30:00.000000Z"}
    reminder = Notice("class_reminder", "Soon", "It begins on {startTime}.", data)
    assert body_for(reminder, "Europe/Berlin") == "It begins on Sunday 25 October 2026, 02:30 CET (Europe/Berlin)."
    assert body_for(Notice("announcement", "Soon", "{startTime}", data), "Europe/Berlin") == "{startTime}"
    assert body_for(Notice("class_changed", "Off", "It was cancelled."), "Europe/Berlin") == "It was cancelled."


MOMENTS = st.integers(100 * 24 * 60 * MINUTE, 4_000_000_000_000_000).map(Moment)
STARTS = st.integers(-30 * MINUTE, 30 * MINUTE) | st.integers(-30 * 60 * MINUTE, 30 * 60 * MINUTE)


def due_lead(starts_at: Moment, now: Moment) -> Lead | None:
    """The reminder in whose window the class begins: one at most."""
    due = [lead for lead, after, until in windows(now) if after < starts_at <= until]
    assert len(due) <= 1
    return due[0] if due else None


@given(STARTS, MOMENTS)
def test_a_reminder_is_due_from_its_lead_on_until_the_class_should_begin(left: int, now: Moment) -> None:
    starts_at = Moment(now + left)
    lead = due_lead(starts_at, now)
    if left <= 0 or left > LEADS[Lead.DAY]:
        assert lead is None
    else:
        assert lead is (Lead.QUARTER if left <= 15 * MINUTE else Lead.DAY)


def test_leads_are_reached_to_the_microsecond() -> None:
    start = Moment(10**15)
    at = {lead: Moment(start - length) for lead, length in LEADS.items()}
    assert due_lead(start, Moment(at[Lead.DAY] - 1)) is None
    assert due_lead(start, at[Lead.DAY]) is Lead.DAY
    assert due_lead(start, Moment(at[Lead.QUARTER] - 1)) is Lead.DAY
    assert due_lead(start, at[Lead.QUARTER]) is Lead.QUARTER
    assert due_lead(start, Moment(start - 1)) is Lead.QUARTER
    assert due_lead(start, start) is None


def test_the_day_before_is_twenty_four_hours_also_when_the_clocks_change() -> None:
    start = datetime.fromisoformat("2026-10-25T12:00:00+01:00")  # Berlin: 25 hours after noon of the day before
    due = from_datetime(start - timedelta(hours=24))
    assert due_lead(from_datetime(start), due) is Lead.DAY
    assert local_time(due, "Europe/Berlin") == "Saturday 24 October 2026, 13:00 CEST (Europe/Berlin)"


def test_a_class_that_was_moved_is_another_cause() -> None:
    keys = {reminder_key("s", Moment(start * SECOND), lead) for start in (1, 2) for lead in Lead}
    assert len(keys) == 4
