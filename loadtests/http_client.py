"""HTTP/1.1 with keep-alive, as cheap as Python lets a generator be: one request at a time on one connection."""

import asyncio
from typing import cast

import httptools


class HttpConnection(asyncio.Protocol):
    """One connection. `ask` sends a ready-made request and gives status and body; a cut raises ConnectionError."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._body: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)

    @classmethod
    async def open(cls, host: str, port: int, timeout_seconds: float = 10) -> "HttpConnection":
        """A connection to `host:port`. Raises OSError, TimeoutError among them, when nobody answers."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout_seconds):
            _, connection = await loop.create_connection(cls, host, port)
        return connection

    @property
    def is_open(self) -> bool:
        """Whether the next request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes, timeout_seconds: float = 30) -> tuple[int, bytes]:
        """Status and body. Raises ConnectionError when the connection is cut and TimeoutError when no answer comes;
        both may mean that the request was done."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("The connection is closed.")
        if self._waiting is not None:
            raise RuntimeError("One request at a time on one connection.")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._waiting
        except TimeoutError:
            self.close()
            raise
        finally:
            self._waiting = None

    def close(self) -> None:
        """Hang up; a waiting `ask` raises ConnectionError."""
        if self._transport is not None:
            self._transport.close()

    # asyncio.Protocol
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fail(ConnectionResetError("The connection was cut before the answer."))

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as fault:
            self._fail(ConnectionResetError(f"Not an HTTP response: {fault}"))
            self.close()

    # httptools
    def on_message_begin(self) -> None:
        self._body.clear()

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result((self._parser.get_status_code(), b"".join(self._body)))
        if not self._parser.should_keep_alive():
            self.close()

    def _fail(self, fault: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(fault)


def post_request(host: str, path: str, token: str, body: bytes = b"{}", idempotency_key: str | None = None) -> bytes:
    """The bytes of one signed-in POST."""
    key = f"Idempotency-Key: {idempotency_key}\r\n" if idempotency_key else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{key}\r\n"
    )
    return head.encode("ascii") + body


def get_request(host: str, path: str, token: str | None = None) -> bytes:
    """The bytes of one GET."""
    signed_in = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{signed_in}\r\n".encode("ascii")
