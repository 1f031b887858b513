"""The access log: one JSON object a request. Lines of one loop turn are written together, because a line at a time would
cost as much as the request."""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

_encode = msgspec.json.Encoder().encode


def _to_standard_output(lines: bytes) -> None:
    # The process's own output: Serve replaces `sys.stdout` by a logger that looks at the stack for every write.
    out = sys.__stdout__
    if out is not None:
        out.buffer.write(lines)
        out.buffer.flush()


class Entry(msgspec.Struct, kw_only=True):
    """One request, in the shape of the other logs of the house."""

    event: str = "request"
    level: str = "info"
    timestamp: str = ""
    method: str
    path: str
    status: int | None
    ms: float
    user: str | None
    correlationId: str  # noqa: N815 - the wire's name, which people search for


class AccessLog:
    """Writes entries soon after they are noted; a loop turn's at once."""

    def __init__(self, write: Callable[[bytes], None] = _to_standard_output) -> None:
        self._write = write
        self._entries: list[Entry] = []

    def note(self, entry: Entry) -> None:
        """Write this entry at the end of the turn."""
        if not self._entries:
            asyncio.get_running_loop().call_soon(self._flush)
        self._entries.append(entry)

    def _flush(self) -> None:
        entries, self._entries = self._entries, []
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for entry in entries:
            entry.timestamp = now
        self._write(b"\n".join((*map(_encode, entries), b"")))
