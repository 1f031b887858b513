"""A class as an iCalendar event (RFC 5545)."""

from datetime import timedelta

import icalendar

from classroom.records import SessionRow
from classroom.times import Moment, to_datetime

_STATUSES = {"cancelled": "CANCELLED"}


def calendar_of(row: SessionRow, page_url: str, now: Moment) -> bytes:
    """A calendar with the one event, to import or to open."""
    event = icalendar.Event()
    event.add("uid", f"{row.id}@lyceum")
    event.add("dtstamp", to_datetime(now))
    event.add("dtstart", to_datetime(row.starts_at))
    event.add("dtend", to_datetime(row.starts_at) + timedelta(minutes=row.duration_minutes))
    event.add("summary", row.title)
    event.add("description", f"Live class with {row.instructor_name}: {page_url}")
    event.add("url", page_url)
    event.add("location", page_url)
    event.add("status", _STATUSES.get(row.status, "CONFIRMED"))
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Lyceum//Live classes//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    return bytes(calendar.to_ical())
