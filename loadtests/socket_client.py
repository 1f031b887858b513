"""A `lyceum.v1` client on picows: one signed-in socket that asks, follows topics and hangs up."""

import asyncio
from collections.abc import Callable

import msgspec
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from loadtests.answers import Frame, read_frame

SUBPROTOCOL = "lyceum.v1"
OnTopic = Callable[[Frame], None]


class SocketClosed(ConnectionError):
    """The socket was closed or cut; `code` is 1006 when nobody said why. Contract section 5: 4500-4999 mean stay away."""

    def __init__(self, code: int) -> None:
        super().__init__(f"The socket was closed with {code}.")
        self.code = code

    @property
    def is_final(self) -> bool:
        """Whether coming back is pointless."""
        return 4500 <= self.code <= 4999


class SocketClient(WSListener):
    """One socket, open and welcomed. A cut makes every waiting call raise SocketClosed.

    `on_topic` is called with every `subscribed` and `events` frame, in the order in which they were read.
    """

    def __init__(self, token: str, on_topic: OnTopic | None) -> None:
        self._token = token
        self._on_topic = on_topic
        self._transport: WSTransport | None = None
        self._waiting: dict[str, asyncio.Future[Frame]] = {}
        self._loop = asyncio.get_running_loop()
        self._welcome: asyncio.Future[Frame] = self._loop.create_future()
        self.closed: asyncio.Future[int] = self._loop.create_future()

    @classmethod
    async def open(
        cls, url: str, token: str, on_topic: OnTopic | None = None, timeout_seconds: float = 15
    ) -> "SocketClient":
        """A welcomed socket. Raises OSError (TimeoutError, SocketClosed among them) when it cannot be had."""
        headers = {"Sec-WebSocket-Protocol": SUBPROTOCOL}
        try:
            async with asyncio.timeout(timeout_seconds):
                _, client = await ws_connect(
                    lambda: cls(token, on_topic), url, extra_headers=headers, websocket_handshake_timeout=timeout_seconds
                )
                assert isinstance(client, cls)
                try:
                    await client._welcome
                except BaseException:
                    client.cut()
                    raise
                return client
        except OSError:
            raise
        except Exception as fault:  # picows raises its own types for a handshake that failed
            raise ConnectionRefusedError(f"No WebSocket at {url}: {fault}") from fault

    @property
    def is_open(self) -> bool:
        """Whether the socket can be asked."""
        return not self.closed.done()

    def send_command(self, name: str, arguments: bytes, command_id: str) -> "asyncio.Future[Frame]":
        """The reply to the command, to be awaited. `arguments` is encoded JSON, `command_id` needs no escaping."""
        return self._send(command_id, b'{"type":"command","id":"%b","name":"%b","args":%b}', name.encode(), arguments)

    async def command(self, name: str, arguments: bytes, command_id: str, timeout_seconds: float = 30) -> Frame:
        """The reply to the command. Raises SocketClosed or TimeoutError: the command may then have been done."""
        async with asyncio.timeout(timeout_seconds):
            return await self.send_command(name, arguments, command_id)

    async def subscribe(
        self, topic: str, since: tuple[int, int] | None = None, call_id: str = "sub", timeout_seconds: float = 15
    ) -> Frame:
        """The `subscribed` frame, or the refusing `reply`. Events of the topic go to `on_topic`."""
        body: dict[str, object] = {"type": "subscribe", "id": call_id, "topic": topic}
        if since is not None:
            body["since"] = {"epoch": since[0], "offset": since[1]}
        future = self._expect(call_id)
        self._write(msgspec.json.encode(body))
        async with asyncio.timeout(timeout_seconds):
            return await future

    def send_text(self, payload: bytes) -> None:
        """Any text frame, well formed or not."""
        self._write(payload)

    def cut(self) -> None:
        """Drop the connection without a word, as a phone in a tunnel does."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    async def close(self, timeout_seconds: float = 5) -> None:
        """Say goodbye and wait until the socket is gone."""
        if self._transport is not None and self.is_open:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()
            async with asyncio.timeout(timeout_seconds):
                await asyncio.shield(self.closed)

    def _send(self, call_id: str, template: bytes, *parts: bytes) -> "asyncio.Future[Frame]":
        future = self._expect(call_id)
        self._write(template % (call_id.encode(), *parts))
        return future

    def _expect(self, call_id: str) -> "asyncio.Future[Frame]":
        future = self._waiting.get(call_id)
        if future is None or future.done():
            future = self._waiting[call_id] = self._loop.create_future()
        return future

    def _write(self, payload: bytes) -> None:
        if self._transport is None or self.closed.done():
            raise SocketClosed(self.closed.result() if self.closed.done() else 1006)
        self._transport.send(WSMsgType.TEXT, payload)

    # picows
    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        transport.send(WSMsgType.TEXT, b'{"type":"hello","token":"%b"}' % self._token.encode())

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            code = frame.get_payload_as_bytes()[:2]  # picows' enum does not know codes of 4000 and above
            self._end(int.from_bytes(code, "big") if code else 1005)
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
            return
        if frame.msg_type != WSMsgType.TEXT:
            return
        # A copy: picows reads the next frame into the same memory
        said = read_frame(frame.get_payload_as_bytes())
        if self._on_topic is not None and said.topic is not None:
            self._on_topic(said)
        if said.type == "welcome":
            if not self._welcome.done():
                self._welcome.set_result(said)
        elif said.id is not None:
            future = self._waiting.pop(said.id, None)
            if future is not None and not future.done():
                future.set_result(said)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._end(1006)

    def _end(self, code: int) -> None:
        if self.closed.done():
            return
        self.closed.set_result(code)
        if not self._welcome.done():
            self._welcome.set_exception(SocketClosed(code))
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(SocketClosed(code))
        self._waiting.clear()
