"""One WebSocket on picows: its frames in and out, its closing."""

import asyncio
import os
from typing import TYPE_CHECKING, Protocol, cast

import structlog
from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
)

from realtime.closing import ABNORMAL, FAULT, NORMAL, PROTOCOL_ERROR, SLOW_CONSUMER, TOO_BIG, Close
from realtime.connection import Connection
from realtime.inflow import Inflow
from realtime.messages import TEXT, Assembler
from realtime.outbox import Outbox
from realtime.settings import GatewaySettings
from realtime.wire import LatestFrame

if TYPE_CHECKING:
    from picows.picows import WSCloseHandshake

_log = structlog.get_logger(__name__)
_latest = LatestFrame()

_TRANSPORT_BYTES = 64 * 1024  # what the transport itself may hold before frames wait in the outbox
_SLOW_FACTOR = 6  # a slow reader is given more time to find out that it was cut


class Desk(Protocol):
    """Who looks after the sockets."""

    def opened(self, socket: "Socket") -> None:
        """The handshake is done."""

    def received(self, socket: "Socket", message: bytes) -> None:
        """A whole text message came."""

    def fragment(self, socket: "Socket") -> None:
        """Part of a message came."""

    def pinged(self, socket: "Socket", payload: bytes) -> None:
        """A ping came."""

    def ponged(self, socket: "Socket") -> None:
        """A pong came."""

    def shut(self, socket: "Socket", close: Close, detail: str) -> None:
        """The socket has to be closed."""

    def ended(self, socket: "Socket", code: int) -> None:
        """The peer closed with `code`, or is gone."""

    def vanished(self, socket: "Socket") -> None:
        """Nothing is left of the socket."""


class Socket(WSListener):
    """One WebSocket of the server side. Calls its desk for all that happens; never raises into picows."""

    __slots__ = ("_assembler", "_desk", "_dropping", "_file", "_inflow", "_outbox", "_settings", "_transport", "connection")

    def __init__(self, desk: Desk, connection: Connection, settings: GatewaySettings) -> None:
        self.connection = connection
        self._desk = desk
        self._settings = settings
        self._assembler = Assembler(settings.message_bytes)
        self._outbox = Outbox(self._write, self._overflowed, settings.outbox_bytes)
        self._transport: WSTransport | None = None
        self._inflow: Inflow | None = None
        self._file = -1
        self._dropping: asyncio.TimerHandle | None = None

    @property
    def waiting_bytes(self) -> int:
        """What the peer has not taken yet, here and in the transport."""
        held = 0 if self._transport is None else self._transport.underlying_transport.get_write_buffer_size()
        return self._outbox.waiting_bytes + held

    # What is sent

    def send(self, frame: bytes) -> None:
        """Send one text frame; without effect once the socket is closing."""
        self._outbox.send(frame)

    def ping(self) -> None:
        """Ask for a sign of life."""
        if self._transport is not None:
            self._transport.send_ping()

    def pong(self, payload: bytes) -> None:
        """Answer a ping."""
        if self._transport is not None and self.waiting_bytes < _TRANSPORT_BYTES:
            self._transport.send_pong(payload)

    def shut(self, close: Close, detail: str = "") -> None:
        """Say why and close. The peer has `closing_seconds` to answer, then the socket is dropped."""
        self._outbox.shut()
        transport = self._transport
        if transport is None or transport.is_disconnected:
            return
        if not transport.is_close_frame_sent:
            # An int does: the type is an enum of C.
            transport.send_close(cast(WSCloseCode, close.code), close.reason(detail))
        self._drop_later(_SLOW_FACTOR if close is SLOW_CONSUMER else 1)

    def _drop_later(self, factor: int = 1) -> None:
        if self._dropping is None:
            seconds = self._settings.closing_seconds * factor
            self._dropping = asyncio.get_running_loop().call_later(seconds, self.drop)

    def drop(self) -> None:
        """End the socket at once, whatever waits."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def _write(self, frame: bytes) -> None:
        transport = self._transport
        if transport is None:
            return
        wire, pipe = _latest.of(frame), transport.underlying_transport
        if pipe.get_write_buffer_size():
            pipe.write(wire)
            return
        # Straight to the kernel: a fifth less for each of a thousand readers than through two transports. The file is
        # ours until `on_ws_disconnected`, after which there is no transport here.
        try:
            sent = os.write(self._file, wire)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # the peer is gone, as the transport is about to say
        if sent < len(wire):
            pipe.write(wire[sent:])

    def _too_big(self) -> None:
        self._desk.shut(self, TOO_BIG, f"a message may have {self._settings.message_bytes} bytes")
        if self._transport is not None:
            self._transport.underlying_transport.write_eof()  # its answer would not be read: let it hang up

    def _overflowed(self) -> None:
        # Soon, not now: this may be in the middle of a fan-out to many.
        asyncio.get_running_loop().call_soon(self._desk.shut, self, SLOW_CONSUMER, "")

    # What picows tells

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        transport.underlying_transport.set_write_buffer_limits(high=_TRANSPORT_BYTES)
        for headers in (transport.request.headers, transport.response.headers):
            headers.clear()  # they were looked at, or sent, and would stay as long as the socket
        wire = transport.underlying_transport
        self._file = wire.get_extra_info("socket").fileno()
        parser = cast(asyncio.BufferedProtocol, wire.get_protocol())
        self._inflow = Inflow(parser, self._settings.message_bytes, self._too_big)
        wire.set_protocol(self._inflow)
        try:
            self._desk.opened(self)
        except Exception:
            self._fail()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        try:
            self._on_frame(transport, frame)
        except Exception:
            self._fail()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self._dropping is not None:
            self._dropping.cancel()
        shake = cast("WSCloseHandshake | None", transport.close_handshake)  # the stub forgets the None
        known = None if shake is None else shake.sent or shake.recv
        code = ABNORMAL.code if known is None else int(cast(int, known.code))
        try:
            self._desk.ended(self, code)
        except Exception:
            self._fail()
        self._desk.vanished(self)
        self._transport = self._inflow = None

    def pause_writing(self) -> None:
        self._outbox.block()

    def resume_writing(self) -> None:
        self._outbox.unblock()

    def _fail(self) -> None:
        """A fault of ours, which ends this connection and no other."""
        _log.exception("connection.failed", connection=self.connection.id)
        self._desk.shut(self, FAULT, "")

    def _on_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self._inflow is not None:
            self._inflow.unparsed = frame.tail_size
        kind = frame.msg_type
        if kind is WSMsgType.CLOSE:
            self._on_close(transport, frame)
        elif transport.is_close_frame_sent:
            return  # read and forgotten until the peer has answered
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._desk.shut(self, PROTOCOL_ERROR, "no extension was agreed on")
        elif kind is WSMsgType.PING:
            self._desk.pinged(self, frame.get_payload_as_bytes())
        elif kind is WSMsgType.PONG:
            self._desk.ponged(self)
        else:
            self._on_data(kind, frame)

    def _on_data(self, kind: WSMsgType, frame: WSFrame) -> None:
        opcode = TEXT if kind is WSMsgType.TEXT else int(kind.value)  # an enum's value costs as much as the rest of this
        message = self._assembler.add(opcode, bool(frame.fin), frame.get_payload_as_bytes())
        if message is None:
            self._desk.fragment(self)
        elif isinstance(message, bytes):
            self._desk.received(self, message)
        else:
            close, detail = message
            self._desk.shut(self, close, detail)

    def _on_close(self, transport: WSTransport, frame: WSFrame) -> None:
        code = int(frame.get_close_code())  # type: ignore[call-overload]  # an int in C, whatever the stub says
        self._outbox.shut()
        if not transport.is_close_frame_sent:
            transport.send_close(cast(WSCloseCode, code or NORMAL.code))
        self._desk.ended(self, code or NORMAL.code)
        self._drop_later()
        transport.disconnect()
