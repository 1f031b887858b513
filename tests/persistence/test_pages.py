import pytest

from persistence.ids import new_id
from persistence.pages import BadCursor, read_cursor, write_cursor


def test_a_cursor_brings_back_what_was_written() -> None:
    ident = new_id()
    assert read_cursor(write_cursor(17, ident), "number", "id") == (17, ident)
    assert read_cursor(write_cursor("Łódź"), "text") == ("Łódź",)
    assert read_cursor(None, "number") is None


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "é", "=", write_cursor(1), write_cursor(1, "no id"), write_cursor(1 << 62, "x"), write_cursor("a\x00b", "x")],
)
def test_what_did_not_come_from_the_list_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(cursor, "number", "id")


def test_text_in_a_cursor_cannot_hurt_a_query() -> None:
    with pytest.raises(BadCursor):
        read_cursor(write_cursor("a\x00b"), "text")
    with pytest.raises(BadCursor):
        read_cursor(write_cursor("\ud800"), "text")
