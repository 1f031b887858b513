"""A class door on Redis: the least that can stand before a Lua script, so that Redis is what is measured.

Its edge is what ours is made of and nothing else: picows and uvloop, the token checked once a socket, all joins of a
loop's turn sent to Redis in one write over one connection, hiredis to read the answers. FastAPI before it would be
measured instead.
It speaks as much of `lyceum.v1` as a join needs, so the same crowd asks both.

python -m loadtests.benchmarks.redis_door --socket REDIS_SOCKET --port 9900, with REDIS_DOOR_SECRET_KEY in the environment
"""

import argparse
import asyncio
import os
import time
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import hiredis
import msgspec
import uvloop
from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from classroom.times import Moment
from loadtests.socket_client import SUBPROTOCOL
from persistence.tokens import AccessTokens

SCRIPT = b"""
local mine = redis.call('HGET', KEYS[1], ARGV[1])
if mine then return tonumber(mine) end
local taken = redis.call('HLEN', KEYS[1])
if taken >= tonumber(redis.call('GET', KEYS[2])) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], taken + 1)
return taken + 1
"""
_REFUSED = (
    b'{"type":"reply","id":"%b","ok":false,"error":{"errorCode":"class_full","message":"Full.","details":{},"retry":false}}'
)
_SEATED = b'{"type":"reply","id":"%b","ok":true,"result":{"outcome":"seated","seat":{"number":%d}}}'


def seats_key(class_id: str) -> str:
    """The hash of a class: student to seat number."""
    return f"class:{{{class_id}}}:seats"


def capacity_key(class_id: str) -> str:
    """How many seats a class has."""
    return f"class:{{{class_id}}}:capacity"


class _Arguments(msgspec.Struct, rename="camel"):
    session_id: str = ""


class _Asked(msgspec.Struct):
    type: str
    id: str = ""
    token: str = ""
    args: _Arguments = msgspec.field(default_factory=_Arguments)


_asked = msgspec.json.Decoder(_Asked)
Then = Callable[[Any], None]


class Pipeline(asyncio.Protocol):
    """One connection to Redis; what is asked in one turn of the loop leaves in one write, answers come in order."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._waiting: deque[Then] = deque()
        self._outgoing: list[bytes] = []
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (answer := self._reader.gets()) is not False:
            self._waiting.popleft()(answer)

    def ask(self, command: tuple[bytes, ...], then: Then) -> None:
        """Send a command; `then` gets its answer."""
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outgoing.append(_packed(command))
        self._waiting.append(then)

    def _flush(self) -> None:
        assert self._transport is not None
        self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()


def _packed(command: tuple[bytes, ...]) -> bytes:
    return b"*%d\r\n%b" % (len(command), b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in command))


class Visitor(WSListener):
    """One socket: hello, then joins."""

    def __init__(self, redis: Pipeline, script: bytes, tokens: AccessTokens) -> None:
        self._redis = redis
        self._script = script
        self._tokens = tokens
        self._user = b""
        self._transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._transport = None

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
            return
        asked = _asked.decode(frame.get_payload_as_bytes())
        if asked.type == "hello":
            claims = self._tokens.check(asked.token, Moment(time.time_ns() // 1_000))
            if claims is None:
                transport.disconnect()
                return
            self._user = claims.caller.user_id.encode()
            transport.send(WSMsgType.TEXT, b'{"type":"welcome"}')
        elif self._user:
            class_id, command = asked.args.session_id, asked.id.encode()
            keys = (seats_key(class_id).encode(), capacity_key(class_id).encode())

            def answer(number: Any) -> None:
                if isinstance(number, hiredis.ReplyError):
                    raise RuntimeError(str(number))
                said = _SEATED % (command, number) if number else _REFUSED % command
                if self._transport is not None:
                    self._transport.send(WSMsgType.TEXT, said)

            self._redis.ask((b"EVALSHA", self._script, b"2", *keys, self._user), answer)


async def serve(redis_socket: str, port: int, secret_key: str) -> None:
    """For ever."""
    loop = asyncio.get_running_loop()
    _, redis = await loop.create_unix_connection(Pipeline, redis_socket)
    loaded: asyncio.Future[bytes] = loop.create_future()
    redis.ask((b"SCRIPT", b"LOAD", SCRIPT), loaded.set_result)
    script, tokens = await loaded, AccessTokens(secret_key)

    def accept(request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        if request.path != b"/ws":
            return WSUpgradeResponseWithListener(WSUpgradeResponse.create_ok_response(b"ok\n"), None)
        response = WSUpgradeResponse.create_101_response({"Sec-WebSocket-Protocol": SUBPROTOCOL})
        return WSUpgradeResponseWithListener(response, Visitor(redis, script, tokens))

    server = await ws_create_server(accept, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--socket", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    uvloop.run(serve(options.socket, options.port, os.environ["REDIS_DOOR_SECRET_KEY"]))


if __name__ == "__main__":
    main()
