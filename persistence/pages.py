"""Pages of lists: a bounded number of items and the opaque place where the next page starts."""

import base64
import json
import re
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from hmac import compare_digest
from typing import Generic, Literal, TypeVar

from classroom.ids import is_uuid
from classroom.times import from_datetime

T = TypeVar("T")
CURSOR_LENGTH = 1_500
"""No cursor is longer: a name of 200 signs of four bytes each and an id fit into it."""
cursor_key: ContextVar[bytes | None] = ContextVar("cursor_key", default=None)
"""What cursors are signed with; the edge sets it for each request. Without one (no client is there) they are not signed."""
_SIGNATURE_BYTES = 16
_LAST_MOMENT = from_datetime(datetime.max.replace(tzinfo=UTC))


class BadCursor(Exception):
    """The cursor did not come from this list."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """Items in order; `next_cursor` is None on the last page."""

    items: Sequence[T]
    next_cursor: str | None


def write_cursor(*keys: str | int) -> str:
    """A cursor that stands for the sort keys of a page's last item, signed with `cursor_key`."""
    text = json.dumps(keys, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")
    return base64.urlsafe_b64encode(_signature(text) + text).rstrip(b"=").decode()


def read_cursor(cursor: str | None, *kinds: Literal["text", "number", "moment", "id"]) -> tuple[str | int, ...] | None:
    """The sort keys in `cursor`, one of each of `kinds`; None for no cursor. Raises `BadCursor`."""
    if cursor is None:
        return None
    try:
        signed = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        size = len(_signature(b""))
        if not compare_digest(_signature(signed[size:]), signed[:size]):
            raise BadCursor
        keys = json.loads(signed[size:])
    except ValueError as error:
        raise BadCursor from error
    if not isinstance(keys, list) or len(keys) != len(kinds):
        raise BadCursor
    if not all(_FITS[kind](key) for key, kind in zip(keys, kinds, strict=True)):
        raise BadCursor
    return tuple(keys)


def _signature(text: bytes) -> bytes:
    key = cursor_key.get()
    return blake2b(text, key=key, digest_size=_SIGNATURE_BYTES).digest() if key is not None else b""


_NOT_TEXT = re.compile("[\\x00\\ud800-\\udfff]")  # what Postgres takes for no text
_FITS: dict[str, Callable[[object], bool]] = {
    "text": lambda key: isinstance(key, str) and _NOT_TEXT.search(key) is None,
    "number": lambda key: type(key) is int and 0 <= key < 1 << 62,
    "moment": lambda key: type(key) is int and 0 <= key <= _LAST_MOMENT,
    "id": lambda key: isinstance(key, str) and is_uuid(key),
}
