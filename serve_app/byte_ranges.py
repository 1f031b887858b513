"""Which bytes of a file a request asks for (RFC 9110, sections 13 and 14)."""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Span:
    """Bytes from `start` up to `end`."""

    start: int
    end: int


def asked_span(header: str | None, size: int) -> Span | None:
    """What `Range` asks for of a file of `size` bytes; None for all of it. Raises ValueError when no such byte exists.

    What is not one range of bytes is passed over, as the RFC allows: the whole file is then the answer.
    """
    found = _RANGE.fullmatch(header.strip()) if header is not None else None
    if found is None or (not found[1] and not found[2]):
        return None
    if not found[1]:
        last = int(found[2])
        if last == 0 or size == 0:
            raise ValueError("an empty range")
        return Span(max(0, size - last), size)
    start = int(found[1])
    if found[2] and int(found[2]) < start:
        return None  # the last byte before the first: not a range
    if start >= size:
        raise ValueError("a range behind the end")
    return Span(start, min(int(found[2]) + 1, size) if found[2] else size)


def names(header: str | None, etag: str) -> bool:
    """Whether `If-None-Match` names this entity tag (weak ones are compared as if they were strong)."""
    if header is None:
        return False
    return header.strip() == "*" or etag in (each.strip().removeprefix("W/") for each in header.split(","))


def still_holds(header: str | None, etag: str) -> bool:
    """Whether `If-Range` allows a part: it names exactly this tag. A date never does: files do not change, tags say so."""
    return header is None or header.strip() == etag
