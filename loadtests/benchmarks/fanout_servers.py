"""The servers of the fan-out comparison: every message that one of them is sent goes to all its sockets."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from classroom.ports import Batch

LYCEUM, STARLETTE, SOCKETIO, WEBSOCKETS = "lyceum", "starlette", "socketio", "websockets"
NCHAN, NODE, CHANNELS = "nchan", "node", "channels"
"""Not written here: `fanout_peers.py` starts them."""
CLASS = "01910000-0000-7000-8000-0000000000aa"


def chat(text: str) -> dict[str, Any]:
    """What a peer sends for a message: as much as Lyceum's event says, without an offset."""
    sender = {"userId": "01910000-0000-7000-8000-000000000001", "name": "Person 1"}
    return {"type": "chat.posted", "at": "2026-11-21T09:00:00.000000Z", "data": {"text": text, **sender}}


async def serve_lyceum(port: int) -> None:
    """The gateway as the actor runs it, before a class in memory in which everybody has a seat."""
    import structlog

    from classroom.callers import Caller, Role
    from classroom.ids import SessionId, UserId
    from persistence.memory.tickets import MemoryGatewayDirectory, MemoryTickets
    from realtime.gateway import Gateway
    from realtime.memory import MemoryHost
    from realtime.settings import GatewaySettings

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))

    def deliver(batches: Sequence[Batch]) -> None:
        gateway.deliver(batches)

    host = MemoryHost(deliver)
    room = host.open_class(SessionId(CLASS), UserId("teacher"), 10**6)

    def identify(token: str) -> Caller:
        caller = Caller(UserId(token), "Person 1", Role.STUDENT)
        room.seated.append(caller.user_id)
        return caller

    settings = GatewaySettings("benchmark", "127.0.0.1", port, "ws://127.0.0.1/ws")
    gateway = Gateway(settings, identify, MemoryTickets(), host, host, MemoryGatewayDirectory())
    await gateway.start()
    await asyncio.Event().wait()


async def serve_starlette(port: int) -> None:
    """The usual broadcast: every socket in a set, `send_text` to each. In turn, which is cheaper than `gather`."""
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocket, WebSocketDisconnect

    connected: set[WebSocket] = set()

    async def endpoint(socket: WebSocket) -> None:
        await socket.accept()
        connected.add(socket)
        await socket.send_text('{"type":"ready"}')
        try:
            while True:
                text = json.dumps(chat(await socket.receive_text()))
                for each in list(connected):
                    await each.send_text(text)
        except WebSocketDisconnect:
            connected.discard(socket)

    await _serve_asgi(Starlette(routes=[WebSocketRoute("/ws", endpoint)]), port)


async def serve_socketio(port: int) -> None:
    """One room, `emit` to it; sockets only, no polling."""
    import socketio  # type: ignore[import-untyped] # it ships none

    server = socketio.AsyncServer(async_mode="asgi", transports=["websocket"])

    async def connect(sid: str, environ: dict[str, Any]) -> None:
        await server.enter_room(sid, CLASS)

    async def post(sid: str, text: str) -> None:
        await server.emit("chat", chat(text), room=CLASS)

    server.on("connect", connect)
    server.on("post", post)
    await _serve_asgi(socketio.ASGIApp(server), port)


async def _serve_asgi(application: Any, port: int) -> None:
    import uvicorn

    config = uvicorn.Config(
        application, host="127.0.0.1", port=port, log_level="error", ws_per_message_deflate=False, lifespan="off"
    )
    await uvicorn.Server(config).serve()


async def serve_websockets(port: int) -> None:
    """The library that the gateway could have been built on, with nothing around it."""
    from websockets.asyncio.server import ServerConnection, broadcast, serve
    from websockets.exceptions import ConnectionClosed

    connected: set[ServerConnection] = set()

    async def handler(socket: ServerConnection) -> None:
        connected.add(socket)
        await socket.send('{"type":"ready"}')
        try:
            while True:
                broadcast(connected, json.dumps(chat(str(await socket.recv()))))
        except ConnectionClosed:
            connected.discard(socket)

    async with serve(handler, "127.0.0.1", port, compression=None, max_size=2**16, max_queue=4):
        await asyncio.Event().wait()


SERVERS: dict[str, Callable[[int], Coroutine[Any, Any, None]]] = {
    LYCEUM: serve_lyceum,
    STARLETTE: serve_starlette,
    SOCKETIO: serve_socketio,
    WEBSOCKETS: serve_websockets,
}
