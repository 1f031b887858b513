import csv
import io

import pytest

from classroom.ids import SessionId, UserId
from classroom.records import Attendee, IntervalRow
from classroom.times import SECOND, Moment
from serve_app.attendance import COLUMNS, attendee_of, csv_of

AT = 1_790_000_000 * SECOND


def attendee(*stays: tuple[int, int | None, str | None], name: str = "Sam") -> Attendee:
    intervals = tuple(
        IntervalRow(
            SessionId("s"),
            UserId("u"),
            number,
            Moment(AT + came * SECOND),
            Moment(AT + went * SECOND) if went is not None else None,
            reason,
        )
        for number, (came, went, reason) in enumerate(stays, 1)
    )
    return Attendee(UserId("u"), name, "sam@example.org", intervals)


def test_stays_add_up_and_the_last_one_counts_until_now() -> None:
    row = attendee_of(attendee((0, 60, "lost"), (100, None, None)), Moment(AT + 130 * SECOND))
    assert (row.seconds_present, row.status, row.last_left_at) == (90, "present", None)
    assert row.first_joined_at == AT


def test_who_left_is_present_no_more() -> None:
    row = attendee_of(attendee((0, 60, "lost"), (100, 101, "ended")), Moment(AT + 500 * SECOND))
    assert (row.seconds_present, row.status, row.last_left_at) == (61, "left", AT + 101 * SECOND)


def test_who_never_came_is_absent() -> None:
    row = attendee_of(attendee(), Moment(AT))
    assert (row.seconds_present, row.status, row.first_joined_at, row.last_left_at) == (0, "absent", None, None)


def test_parts_of_seconds_add_up_before_they_are_cut_off() -> None:
    half = SECOND // 2
    session, user = SessionId("s"), UserId("u")
    stays = tuple(IntervalRow(session, user, n, Moment(AT), Moment(AT + half), "left") for n in (1, 2))
    row = attendee_of(Attendee(user, "Sam", "s@example.org", stays), Moment(AT))
    assert row.seconds_present == 1


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t1", "\r1", "\n1", "＝1", "＋1", "－1", "＠SUM(A1)", "﹦1", " =1", '"=1', "\xa0=1"],
)
def test_no_cell_is_a_formula(name: str) -> None:
    table = csv_of([attendee_of(attendee(name=name), Moment(AT))])
    row = next(csv.DictReader(io.StringIO(table, newline="")))
    assert row["name"] == f"'{name}"


@pytest.mark.parametrize("separator", [";", ";;", "\t", "\r", "\n", "\r\n"])
def test_no_part_of_a_cell_is_a_formula_for_who_separates_otherwise(separator: str) -> None:
    for risky in ("=1+1", "＝1", " @SUM(A1)", '"=1"'):
        table = csv_of([attendee_of(attendee(name=f"Sam{separator}{risky}"), Moment(AT))])
        row = next(csv.DictReader(io.StringIO(table, newline="")))
        assert row["name"] == f"Sam{separator}'{risky}"
        table = csv_of([attendee_of(attendee(name=f"\t{risky}"), Moment(AT))])
        assert next(csv.DictReader(io.StringIO(table, newline="")))["name"] == f"'\t'{risky}"


@pytest.mark.parametrize("name", ["Anne-Marie", "C. + D.", "sam@example.org", "a=b", "O'Hara; Jr.", "Ünal, -ş"])
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    table = csv_of([attendee_of(attendee(name=name), Moment(AT))])
    assert next(csv.DictReader(io.StringIO(table, newline="")))["name"] == name


def test_the_table_has_a_row_a_student_and_survives_odd_names() -> None:
    rows = [attendee_of(attendee((0, 60, "left"), name='O\'Hara, "Sam"\nJr.'), Moment(AT))]
    table = list(csv.reader(io.StringIO(csv_of(rows), newline="")))
    assert table[0] == list(COLUMNS)
    assert table[1] == [
        "u",
        'O\'Hara, "Sam"\nJr.',
        "sam@example.org",
        "2026-09-21T14:13:20.000000Z",
        "2026-09-21T14:14:20.000000Z",
        "60",
        "left",
        "2026-09-21T14:13:20.000000Z/2026-09-21T14:14:20.000000Z/left",
    ]
