"""People of a class in the running system: each does one thing after the other, insists on an answer, and writes it down."""

import asyncio
import random
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from loadtests.http_client import HttpConnection
from loadtests.prepared import Student
from loadtests.socket_client import SocketClient
from tests.linearizability.door import heard
from tests.linearizability.histories import History

ASK_SECONDS = 10.0
PATIENCE_SECONDS = 60.0
_AGAIN = (429, 500, 502, 503, 504)


class Answered(NamedTuple):
    """A question that was answered: over socket or REST, when it was asked first, when the answer came, and whether it
    changed something, so that it needed a commit."""

    way: str
    asked: float
    at: float
    wrote: bool


@dataclass
class Room:
    """A class under observation: what everybody asked and heard, and which messages were acknowledged."""

    id: str
    capacity: int
    history: History = field(default_factory=History)
    said: set[str] = field(default_factory=set)
    odd: list[str] = field(default_factory=list)
    """Answers that break the wire's contract."""
    answered: list[Answered] = field(default_factory=list)

    def seated(self) -> set[str]:
        """Who was told to have a seat when they joined."""
        found = set()
        for each in self.history.operations:
            match each.answer:
                case ("inside", ("seated", _), *_):
                    found.add(each.person)
        return found


class Again(Exception):
    """No answer, or one that asks to come back."""


class Person:
    """One client with one way to the system, `rest` or `socket`. Reads and capacity always go over REST."""

    def __init__(self, http_url: str, socket_url: str, who: Student, room: Room, over: str, rng: random.Random) -> None:
        self._netloc = urlsplit(http_url).netloc
        self._socket_url = socket_url
        self._who, self._room, self._over, self._rng = who, room, over, rng
        self._http: HttpConnection | None = None
        self._socket: SocketClient | None = None
        self._count = 0
        self._stands: dict[Hashable, Hashable] = {}  # what it has done last, as far as it was told

    async def live(self, kinds: list[tuple[Hashable, ...]], pause_seconds: float, over: asyncio.Event) -> None:
        """Until it is over."""
        try:
            while not over.is_set():
                await asyncio.sleep(self._rng.expovariate(1 / pause_seconds))
                await self.do(self._rng.choice(kinds))
        finally:
            if self._socket is not None:
                self._socket.cut()
            if self._http is not None:
                self._http.close()

    async def do(self, ask: tuple[Hashable, ...]) -> None:
        """One thing, the same command until it is answered or patience ends."""
        self._count += 1
        key = f"{self._room.id[-8:]}-{self._who.id[-12:]}-{self._count}"
        loop = asyncio.get_running_loop()
        began = loop.time()
        chat = ask[0] == "chat"
        operation = None if chat else self._room.history.invoke(self._room.id, self._who.id, ask, began)
        while loop.time() < began + PATIENCE_SECONDS:
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    answer = await self._ask(ask, key)
                break
            except (Again, OSError):
                await asyncio.sleep(self._rng.random() * 0.2)
        else:
            self._stands.clear()  # nobody knows what became of it
            return
        now = loop.time()
        self._room.answered.append(Answered(self._way(ask), began, now, self._wrote(ask, answer)))
        if operation is not None:
            self._room.history.hear(operation, answer, now)
        elif answer == ("done",):
            self._room.said.add(key)

    def _wrote(self, ask: tuple[Hashable, ...], answer: Hashable) -> bool:
        """Whether this answer can only have been given after a commit, as far as this person can tell."""
        assert isinstance(answer, tuple)
        kind, accepted = ask[0], bool(answer[0] != "refused")
        if kind == "chat":
            return accepted
        if kind == "status" or not accepted:
            return False
        noun, now = ("seats", ask[1]) if kind == "capacity" else ("inside", kind == "join")
        changed = noun in self._stands and self._stands[noun] != now
        self._stands[noun] = now
        return changed

    def _way(self, ask: tuple[Hashable, ...]) -> str:
        return "socket" if ask[0] == "chat" or (self._over == "socket" and ask[0] in ("join", "leave")) else "rest"

    async def _ask(self, ask: tuple[Hashable, ...], key: str) -> Hashable:
        kind, path = ask[0], f"/api/live-sessions/{self._room.id}"
        if self._way(ask) == "socket":
            names: dict[Hashable, tuple[str, dict[str, Any]]] = {
                "join": ("session.join", {"waitlist": bool(ask[-1])}),
                "leave": ("session.leave", {}),
                "chat": ("chat.post", {"text": key}),
            }
            return await self._over_socket(ask, *names[kind], key)
        if kind == "join":
            return await self._over_rest(ask, "POST", f"{path}/join", {"waitlist": bool(ask[1])}, key)
        if kind == "leave":
            return await self._over_rest(ask, "POST", f"{path}/leave", {}, key)
        if kind == "capacity":
            return await self._over_rest(ask, "PATCH", path, {"maxStudents": ask[1]}, key)
        return await self._over_rest(ask, "GET", f"{path}/status", None, None)

    async def _over_socket(self, ask: tuple[Hashable, ...], name: str, words: dict[str, Any], key: str) -> Hashable:
        if self._socket is None or not self._socket.is_open:
            self._socket = await SocketClient.open(self._socket_url, self._who.token, timeout_seconds=5)
        said = {"sessionId": self._room.id, **words}
        try:
            frame = await self._socket.command(name, msgspec.json.encode(said), key, ASK_SECONDS)
        except TimeoutError:
            self._socket.cut()
            raise
        if frame.ok:
            return heard(ask, msgspec.json.decode(frame.result))
        if frame.error is None or frame.error.retry:
            raise Again
        return "refused", frame.error.error_code

    async def _over_rest(
        self, ask: tuple[Hashable, ...], method: str, path: str, body: dict[str, Any] | None, key: str | None
    ) -> Hashable:
        if self._http is None or not self._http.is_open:
            host, _, port = self._netloc.partition(":")
            self._http = await HttpConnection.open(host, int(port), 5)
        status, said = await self._http.ask(
            rest_request(method, self._netloc, path, self._who.token, body, key), ASK_SECONDS
        )
        if status == 500:
            self._room.odd.append(f"{method} {path} was answered 500 with {said[:120]!r}")
        if status in _AGAIN:
            raise Again
        try:
            answer = msgspec.json.decode(said) if said else {}
        except msgspec.DecodeError as fault:
            self._room.odd.append(f"{method} {path} was answered {status} with {said[:120]!r}, which is no JSON")
            raise Again from fault
        if status >= 400:
            if answer.get("details", {}).get("retry"):
                raise Again
            return "refused", answer["errorCode"]
        return heard(ask, answer)


def rest_request(method: str, netloc: str, path: str, token: str, body: dict[str, Any] | None, key: str | None) -> bytes:
    """The bytes of one request."""
    payload = b"" if body is None else msgspec.json.encode(body)
    keyed = f"Idempotency-Key: {key}\r\n" if key else ""
    typed = "" if body is None else f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
    head = f"{method} {path} HTTP/1.1\r\nHost: {netloc}\r\nAuthorization: Bearer {token}\r\n{typed}{keyed}\r\n"
    return head.encode("ascii") + payload
