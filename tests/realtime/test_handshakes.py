"""Whom the gateway's port lets in, and what else it answers."""

import asyncio
import socket as sockets
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from classroom.callers import Caller

People = Callable[..., Caller]
Until = Callable[[Callable[[], bool], str], Awaitable[None]]
World = Any  # `tests/realtime/conftest.py`


@pytest.mark.parametrize(
    ("origin", "allowed", "welcome"),
    [
        (None, (), True),
        ("http://127.0.0.1:8000", (), True),
        ("http://localhost:8000", (), True),
        ("http://evil.example", (), False),
        ("null", (), False),
        ("https://class.example", ("https://class.example",), True),
        ("http://127.0.0.1:8000", ("https://class.example",), False),
    ],
)
async def test_origin(world: World, origin: str | None, allowed: tuple[str, ...], welcome: bool) -> None:
    await world.start_gateway(allowed_origins=allowed)
    if welcome:
        await world.open(origin=origin)
    else:
        with pytest.raises(InvalidStatus) as refused:
            await world.open(origin=origin)
        assert refused.value.response.status_code == 403


async def test_other_paths_and_subprotocols_are_turned_away(world: World) -> None:
    await world.start_gateway()
    for options, status in (({"path": "/other"}, 404), ({"subprotocols": ("mqtt",)}, 400)):
        with pytest.raises(InvalidStatus) as refused:
            await world.open(**options)
        assert refused.value.response.status_code == status
    await world.open(subprotocols=())


async def test_connections_are_bounded(world: World) -> None:
    await world.start_gateway(max_connections=1)
    await world.open()
    with pytest.raises(InvalidStatus) as refused:
        await world.open()
    assert refused.value.response.status_code == 503


async def test_health_on_the_same_port_and_listed_in_the_directory(world: World, eventually: Until) -> None:
    gateway = await world.start_gateway()
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"ok\n")
    assert await world.directory.list_urls() == ("ws://127.0.0.1:1/ws",)


async def test_taken_port_is_an_error_at_once(world: World) -> None:
    with sockets.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match=r"[Aa]ddress already in use"):
            await world.start_gateway(port=taken.getsockname()[1])


async def test_firefox_style_connection_header_is_understood(world: World) -> None:
    gateway = await world.start_gateway()
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    head = (
        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    writer.write(head.encode())
    async with asyncio.timeout(5):
        assert await reader.readline() == b"HTTP/1.1 101 Switching Protocols\r\n"
    writer.close()
