"""Attendance as a table: rows for JSON, and CSV that no spreadsheet takes for formulas."""

import csv
import io
import re
from collections.abc import Iterable

from classroom.records import Attendee, IntervalRow
from classroom.times import SECOND, Moment, rfc3339
from serve_app.live_wire import AttendeeView, IntervalView

COLUMNS = ("userId", "name", "email", "firstJoinedAt", "lastLeftAt", "secondsPresent", "status", "intervals")
# What a spreadsheet may take for a formula (OWASP, CSV injection): signs, also as East Asian keyboards write them, at the
# start of a cell or of what is one for who separates by semicolons or tabs; blanks and quotes before them count for nothing.
_FORMULA = re.compile(r"""^(?=[\t\r\n])|(?:^|(?<=[;\t\r\n]))(?=(?:[^\S\t\r\n]|")*[=+\-@＝＋－＠﹦﹢﹣﹫])""")


def attendee_of(attendee: Attendee, now: Moment) -> AttendeeView:
    """One row. Whoever is inside is present until `now`."""
    stays = attendee.intervals
    inside = any(stay.left_at is None for stay in stays)
    left = [stay.left_at for stay in stays if stay.left_at is not None]
    return AttendeeView(
        user_id=attendee.user_id,
        name=attendee.name,
        email=attendee.email,
        first_joined_at=stays[0].joined_at if stays else None,
        last_left_at=max(left) if left and not inside else None,
        seconds_present=sum(_length(stay, now) for stay in stays) // SECOND,
        status="present" if inside else "left" if stays else "absent",
        intervals=[IntervalView(joined_at=stay.joined_at, left_at=stay.left_at, reason=stay.reason) for stay in stays],
    )


def csv_of(rows: Iterable[AttendeeView]) -> str:
    """The rows as CSV (RFC 4180). Intervals stand in one cell: `joined/left/reason`, several separated by `;`."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        cells = (
            row.user_id,
            row.name,
            row.email,
            _time(row.first_joined_at),
            _time(row.last_left_at),
            str(row.seconds_present),
            row.status,
            ";".join(f"{_time(stay.joined_at)}/{_time(stay.left_at)}/{stay.reason or ''}" for stay in row.intervals),
        )
        writer.writerow([_safe(cell) for cell in cells])
    return out.getvalue()


def _length(stay: IntervalRow, now: Moment) -> int:
    return max(0, (now if stay.left_at is None else stay.left_at) - stay.joined_at)


def _time(moment: int | None) -> str:
    return "" if moment is None else rfc3339(Moment(moment))


def _safe(cell: str) -> str:
    """The cell with an apostrophe, which spreadsheets hide, in front of whatever may be a formula."""
    return _FORMULA.sub("'", cell)
