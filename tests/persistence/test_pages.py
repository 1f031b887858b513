from datetime import UTC, datetime
from typing import Any

import pytest

from classroom.times import from_datetime
from persistence.ids import new_id
from persistence.pages import CURSOR_LENGTH, BadCursor, cursor_key, read_cursor, write_cursor


def test_a_cursor_brings_back_what_was_written() -> None:
    ident = new_id()
    assert read_cursor(write_cursor(17, ident), "number", "id") == (17, ident)
    assert read_cursor(write_cursor("Łódź"), "text") == ("Łódź",)
    assert read_cursor(None, "number") is None
    assert read_cursor(write_cursor(0, ident), "moment", "id") == (0, ident)


def test_a_name_of_any_signs_fits_a_cursor_and_a_query_parameter() -> None:
    for name in ("\N{FAMILY}\u200d\N{WOMAN}", "a\xa0b", "\U0001f469" * 200):
        cursor = write_cursor(name, new_id())
        assert len(cursor) <= CURSOR_LENGTH
        assert read_cursor(cursor, "text", "id")[0] == name  # type: ignore[index] # there is a cursor


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "é", "=", write_cursor(1), write_cursor(1, "no id"), write_cursor(1 << 62, "x"), write_cursor("a\x00b", "x")],
)
def test_what_did_not_come_from_the_list_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(cursor, "number", "id")


@pytest.mark.parametrize("number", [-1, -(1 << 61), 1 << 62, True, 1.0, "1", None])
def test_a_number_that_no_list_has_is_refused(number: Any) -> None:
    with pytest.raises(BadCursor):
        read_cursor(write_cursor(number), "number")
    with pytest.raises(BadCursor):
        read_cursor(write_cursor(number), "moment")


def test_a_moment_that_no_calendar_has_is_refused() -> None:
    last = from_datetime(datetime.max.replace(tzinfo=UTC))
    assert read_cursor(write_cursor(last), "moment") == (last,)
    with pytest.raises(BadCursor):
        read_cursor(write_cursor(last + 1), "moment")


def test_text_in_a_cursor_cannot_hurt_a_query() -> None:
    with pytest.raises(BadCursor):
        read_cursor(write_cursor("a\x00b"), "text")
    with pytest.raises(BadCursor):
        read_cursor(write_cursor("\ud800"), "text")


def test_a_signed_cursor_is_good_under_its_key_alone_and_as_it_was_written() -> None:
    unsigned, ident = write_cursor(7, "x"), new_id()
    token = cursor_key.set(b"one key")
    try:
        cursor = write_cursor(7, ident)
        assert read_cursor(cursor, "number", "id") == (7, ident)
        for place in range(len(cursor) - 1):
            other = "A" if cursor[place] != "A" else "B"
            with pytest.raises(BadCursor):
                read_cursor(cursor[:place] + other + cursor[place + 1 :], "number", "id")
        for foreign in (unsigned, cursor[:-4], cursor[22:], ""):
            with pytest.raises(BadCursor):
                read_cursor(foreign, "number", "id")
        cursor_key.set(b"another key")
        with pytest.raises(BadCursor):
            read_cursor(cursor, "number", "id")
        longest = write_cursor("0" * 13, "\U0001f600" * 200, ident)
        assert len(longest) <= CURSOR_LENGTH
    finally:
        cursor_key.reset(token)
