"""Pages of lists: a bounded number of items and the opaque place where the next page starts."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from classroom.ids import is_uuid

T = TypeVar("T")


class BadCursor(Exception):
    """The cursor did not come from this list."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """Items in order; `next_cursor` is None on the last page."""

    items: Sequence[T]
    next_cursor: str | None


def write_cursor(*keys: str | int) -> str:
    """A cursor that stands for the sort keys of a page's last item."""
    return base64.urlsafe_b64encode(json.dumps(keys, separators=(",", ":")).encode()).rstrip(b"=").decode()


def read_cursor(cursor: str | None, *kinds: Literal["text", "number", "id"]) -> tuple[str | int, ...] | None:
    """The sort keys in `cursor`, one of each of `kinds`; None for no cursor. Raises `BadCursor`."""
    if cursor is None:
        return None
    try:
        keys = json.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
    except ValueError as error:
        raise BadCursor from error
    if not isinstance(keys, list) or len(keys) != len(kinds):
        raise BadCursor
    if not all(_FITS[kind](key) for key, kind in zip(keys, kinds, strict=True)):
        raise BadCursor
    return tuple(keys)


_FITS: dict[str, Callable[[object], bool]] = {
    "text": lambda key: isinstance(key, str) and "\x00" not in key and key.isprintable(),
    "number": lambda key: type(key) is int and abs(key) < 1 << 62,
    "id": lambda key: isinstance(key, str) and is_uuid(key),
}
