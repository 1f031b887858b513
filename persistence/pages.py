"""Pages of lists: a bounded number of items and the opaque place where the next page starts."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

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


def read_cursor(cursor: str | None, *kinds: type[str] | type[int]) -> tuple[str | int, ...] | None:
    """The sort keys in `cursor`, one of each of `kinds`; None for no cursor. Raises `BadCursor`."""
    if cursor is None:
        return None
    try:
        keys = json.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
    except ValueError as error:
        raise BadCursor from error
    if not isinstance(keys, list) or len(keys) != len(kinds):
        raise BadCursor
    if any(type(key) is not kind for key, kind in zip(keys, kinds, strict=True)):
        raise BadCursor
    if any(isinstance(key, int) and abs(key) >= 1 << 62 for key in keys):
        raise BadCursor
    return tuple(keys)
