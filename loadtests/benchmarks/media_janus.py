"""Debian's Janus as a peer: videoroom with one event loop, ICE-lite and AES-GCM, and its signalling over WebSocket."""

import asyncio
import itertools
import json
import secrets
import shutil
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

ROOM = 1234
_LIBRARY = Path("/usr/lib/x86_64-linux-gnu/janus")
_FILES = {
    "janus.jcfg": """
general: {{
    configs_folder = "{folder}"
    plugins_folder = "{folder}/plugins"
    transports_folder = "{folder}/transports"
    events_folder = "{folder}/events"
    loggers_folder = "{folder}/loggers"
    debug_level = 2
    log_to_stdout = true
    event_loops = 1
    admin_secret = "{secret}"
}}
media: {{
    rtp_port_range = "{low}-{high}"
    dtls_mtu = 1200
}}
nat: {{
    ice_lite = true
    ice_enforce_list = "{host}"
    full_trickle = false
}}
""",
    "janus.transport.websockets.jcfg": """
general: {{
    json = "compact"
    ws = true
    ws_port = {port}
    ws_ip = "127.0.0.1"
    wss = false
}}
admin: {{
    admin_ws = false
}}
""",
    "janus.plugin.videoroom.jcfg": """
room-{room}: {{
    publishers = 6
    bitrate = 4000000
    fir_freq = 0
    audiocodec = "opus"
    videocodec = "vp8"
    notify_joining = false
    record = false
}}
""",
}


def missing() -> str | None:
    """What to install before Janus can take part; None when it is there."""
    if shutil.which("janus") is None or not (_LIBRARY / "plugins" / "libjanus_videoroom.so").exists():
        return "Janus is not installed: apt-get install janus"
    return None


def command(folder: Path, port: int, host: str) -> list[str]:
    """Write its configuration into the folder, with no plugin but the one; gives what to start."""
    values = {"folder": folder, "port": port, "host": host, "room": ROOM, "secret": secrets.token_hex(8)}
    for name, text in _FILES.items():
        (folder / name).write_text(text.format(low=port + 10, high=port + 4_010, **values))
    for kind, library in (("plugins", "libjanus_videoroom.so"), ("transports", "libjanus_websockets.so")):
        (folder / kind).mkdir(exist_ok=True)
        link = folder / kind / library
        if not link.exists():
            link.symlink_to(_LIBRARY / kind / library)
    for kind in ("events", "loggers"):
        (folder / kind).mkdir(exist_ok=True)
    return ["janus", "-F", str(folder)]


class JanusRefused(ConnectionError):
    """Janus said no; the text is its own."""


class JanusSession:
    """One session with any handles. `async with` it: it is kept alive meanwhile."""

    def __init__(self, port: int) -> None:
        self._url = f"ws://127.0.0.1:{port}"
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._socket: ClientConnection | None = None
        self._session = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "JanusSession":
        self._socket = await connect(self._url, subprotocols=["janus-protocol"], compression=None, max_size=2**20)  # type: ignore[list-item] # a NewType of str
        self._tasks.append(asyncio.create_task(self._read()))
        self._session = int((await self._ask({"janus": "create"}))["data"]["id"])
        self._tasks.append(asyncio.create_task(self._keep_alive()))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        assert self._socket is not None
        await self._socket.close()

    async def publish(self, offer: str) -> tuple[str, int]:
        """The answer, and the number of the feed."""
        handle = await self._attach()
        joined = await self._say(handle, {"request": "join", "ptype": "publisher", "room": ROOM})
        feed = int(joined["plugindata"]["data"]["id"])
        body = {"request": "publish", "bitrate": 4_000_000}
        answered = await self._say(handle, body, {"type": "offer", "sdp": offer})
        return str(answered["jsep"]["sdp"]), feed

    async def offered(self, feed: int) -> tuple[int, str]:
        """A handle that watches, and the offer for it."""
        handle = await self._attach()
        body = {"request": "join", "ptype": "subscriber", "room": ROOM, "streams": [{"feed": feed}]}
        offered = await self._say(handle, body)
        return handle, str(offered["jsep"]["sdp"])

    async def begin(self, handle: int, answer: str) -> None:
        """What was offered, answered."""
        await self._say(handle, {"request": "start"}, {"type": "answer", "sdp": answer})

    async def _attach(self) -> int:
        return int((await self._ask({"janus": "attach", "plugin": "janus.plugin.videoroom"}))["data"]["id"])

    async def _say(self, handle: int, body: dict[str, Any], jsep: dict[str, str] | None = None) -> dict[str, Any]:
        message = {"janus": "message", "handle_id": handle, "body": body, **({"jsep": jsep} if jsep else {})}
        said = await self._ask(message, "event")
        fault = said.get("plugindata", {}).get("data", {}).get("error")
        if fault:
            raise JanusRefused(f"Janus refused: {fault}")
        return said

    async def _ask(self, message: dict[str, Any], awaited: str = "success") -> dict[str, Any]:
        assert self._socket is not None
        name = f"{awaited}-{next(self._numbers)}"
        answer = self._waiting[name] = asyncio.get_running_loop().create_future()
        more = {"session_id": self._session} if self._session else {}
        await self._socket.send(json.dumps({**message, **more, "transaction": name}))
        try:
            async with asyncio.timeout(20):
                said: dict[str, Any] = await answer
        finally:
            del self._waiting[name]
        if said["janus"] == "error":
            raise JanusRefused(f"Janus refused: {said['error']['reason']}")
        return said

    async def _read(self) -> None:
        assert self._socket is not None
        try:
            async for text in self._socket:
                said = json.loads(text)
                name = str(said.get("transaction", ""))
                waiting = self._waiting.get(name)
                if waiting is not None and not waiting.done() and said["janus"] in (name.partition("-")[0], "error"):
                    waiting.set_result(said)
        except ConnectionClosed:
            pass
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(JanusRefused("Janus hung up."))

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(20)  # a session without a word ends after 60 s
            await self._ask({"janus": "keepalive"}, "ack")
