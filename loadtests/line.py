"""One `lyceum.v1` connection of a tab, on gevent: frames out, text messages in, until it is cut."""

from contextlib import suppress
from typing import Any

import msgspec
import websocket

from loadtests.promises import BrokenPromise
from loadtests.socket_client import SUBPROTOCOL
from loadtests.socket_frames import CLOSE, PING, TEXT, FrameReader

_CONNECT_SECONDS = 30
_READ_SECONDS = 65  # the gateway pings every 25 s
_READ_BYTES = 65_536
LINE_FAULTS = (OSError, websocket.WebSocketException)
"""What every method of a line may raise when the connection is cut or silent."""


class Line:
    """A connection that is open until one of `LINE_FAULTS` says otherwise or it is dropped."""

    def __init__(self, url: str) -> None:
        self._socket = websocket.create_connection(url, timeout=_CONNECT_SECONDS, subprotocols=[SUBPROTOCOL])
        self._reader = FrameReader()
        self._inbox: list[tuple[int, bytes]] = []

    def send(self, frame: dict[str, Any]) -> None:
        """One frame, as JSON."""
        self._socket.send(msgspec.json.encode(frame).decode())

    def next(self) -> bytes:
        """The next text message. Raises `LINE_FAULTS` at a cut, BrokenPromise when the gateway sends us away for good."""
        while True:
            while self._inbox:
                opcode, payload = self._inbox.pop(0)
                if opcode == TEXT:
                    return payload
                if opcode == CLOSE:
                    _closed(int.from_bytes(payload[:2], "big") if payload else 1005)
                if opcode == PING:
                    self._socket.pong(payload)
            socket = self._socket.sock
            if socket is None:
                raise ConnectionResetError("The line was dropped.")
            socket.settimeout(_READ_SECONDS)
            said = socket.recv(_READ_BYTES)
            if not said:
                raise ConnectionResetError("The connection was cut.")
            self._inbox = self._reader.feed(said)

    def drop(self) -> None:
        """Cut it without a word; whoever reads wakes up."""
        if self._socket.sock is not None:
            with suppress(OSError):
                self._socket.sock.shutdown(2)
            with suppress(OSError):
                self._socket.shutdown()


def _closed(code: int) -> None:
    if 4500 <= code <= 4999:
        raise BrokenPromise(f"A socket was closed for good with {code}.")
    raise ConnectionResetError(f"The socket was closed with {code}.")
