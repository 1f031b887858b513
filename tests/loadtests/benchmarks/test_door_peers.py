"""A POST that a reload of HAProxy cuts off is sent again, under the same key, and nothing else is."""

import asyncio
import re

import pytest

from loadtests.benchmarks.door_peers import post_patiently
from loadtests.benchmarks.servers import ServiceFailed

_OK = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
_AWAY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
_REFUSED = b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n"


class Answers:
    """Says one thing a connection, in turn; nothing where there is none."""

    def __init__(self, *answers: bytes) -> None:
        self.left = list(answers)
        self.keys: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.keys += re.findall(rb"Idempotency-Key: (\S+)", head)
        writer.write(self.left.pop(0))
        writer.close()


async def _post(answers: Answers) -> bytes:
    async with await asyncio.start_server(answers, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        return await post_patiently(f"http://127.0.0.1:{port}", "/api/live-sessions", "token", 201)


async def test_what_was_cut_off_or_away_is_asked_again_with_the_same_key() -> None:
    answers = Answers(b"", _AWAY, _OK)
    assert await _post(answers) == b"{}"
    assert len(answers.keys) == 3
    assert len(set(answers.keys)) == 1


async def test_a_refusal_is_final() -> None:
    answers = Answers(_REFUSED)
    with pytest.raises(ServiceFailed, match="POST /api/live-sessions was not done: 409"):
        await _post(answers)
    assert len(answers.keys) == 1
