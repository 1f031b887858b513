"""A browser's tab, on gevent: one socket that comes back after every cut, its commands and the topics that it follows."""

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import gevent
import msgspec
import websocket
from gevent.event import AsyncResult, Event

from loadtests.answers import Frame, read_frame
from loadtests.promises import BrokenPromise
from loadtests.socket_client import SUBPROTOCOL
from loadtests.socket_frames import CLOSE, PING, TEXT, FrameReader
from loadtests.stage import Stage, now
from loadtests.topic_watch import TopicWatch

PATIENCE_SECONDS = 60
_CONNECT_SECONDS = 30
_READ_SECONDS = 65  # the gateway pings every 25 s
_READ_BYTES = 65_536
_FAULTS = (OSError, websocket.WebSocketException)
_log = logging.getLogger("lyceum.load")


def pauses() -> Iterator[float]:
    """Seconds to wait before each next attempt: exponential with full jitter up to 5 s, without end."""
    limit = 0.25
    while True:
        yield random.uniform(0, limit)
        limit = min(limit * 2, 5.0)


class Tab:
    """Open it, follow topics, give commands; close it at the end. A promise that breaks is kept in `broken` and raised by
    whatever is called next."""

    def __init__(self, stage: Stage, token: str, on_fault: Callable[[BrokenPromise], None]) -> None:
        self._stage = stage
        self._token = token
        self._on_fault = on_fault
        self._socket: websocket.WebSocket | None = None
        self._keeper: gevent.Greenlet[[], None] | None = None
        self._watches: dict[str, TopicWatch] = {}
        self._replies: dict[str, AsyncResult[Frame | None]] = {}
        self._numbers = count(1)
        self._ready = Event()
        self._news = Event()
        self._due = 0.0
        self.broken: BrokenPromise | None = None
        self.came_back = 0
        """How often the socket was had again after a cut."""

    def open(self, due: float | None = None) -> None:
        """Be welcome. Raises BrokenPromise when that takes longer than anybody waits."""
        self._due = due or now()
        self._keeper = gevent.spawn(self._keep)
        self._wait(self._ready, "was not let in")

    def close(self) -> None:
        """Close the tab for good."""
        if self._keeper is not None:
            self._keeper.kill()
        self._drop()

    def cut(self, due: float | None = None) -> None:
        """Lose the connection without a word; the tab comes back by itself. Coming back is measured from `due`."""
        self._ready.clear()
        self._due = due or now()
        self._drop()

    def follow(self, watch: TopicWatch) -> Frame | None:
        """Subscribe; None when that was done, the refusing reply otherwise. Raises BrokenPromise."""
        refused = self._subscribe_with_patience(watch)
        if refused is None:
            self._watches[watch.topic] = watch
        return refused

    def unfollow(self, topic: str) -> None:
        """Ask no more of a topic."""
        if self._watches.pop(topic, None) is not None:
            with suppress(*_FAULTS):  # cut just now: then the gateway knows already
                self._send({"type": "unsubscribe", "id": f"off-{next(self._numbers)}", "topic": topic})

    def command(
        self, name: str, arguments: dict[str, Any], command_id: str, due: float | None = None, label: str | None = None
    ) -> Frame:
        """The reply that decides: after a cut or a "try again" the same command is sent again. Raises BrokenPromise when
        no decision comes."""
        due = due or now()
        label = label or name
        frame = {"type": "command", "id": command_id, "name": name, "args": arguments}
        deadline = max(due, now()) + PATIENCE_SECONDS
        for pause in pauses():
            reply = self._ask(command_id, frame, deadline)
            if reply is not None and reply.ok:
                self._stage.measure(label, due, None)
                return reply
            if reply is not None and reply.error is not None:
                self._stage.measure(label, due, RuntimeError(reply.error.error_code))
                if not reply.error.retry:
                    return reply
            if now() > deadline:
                raise BrokenPromise(f"{name} had no answer within {PATIENCE_SECONDS} s.")
            gevent.sleep(pause)
        raise AssertionError("Pauses have no end.")

    def send_blind(self, name: str, arguments: dict[str, Any], command_id: str) -> None:
        """Send a command and wait for nothing; a cut swallows it."""
        with suppress(*_FAULTS):
            self._send({"type": "command", "id": command_id, "name": name, "args": arguments})

    def wait_until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Whether `holds()` became true in time; looked at after each frame. Raises BrokenPromise when one broke."""
        deadline = now() + seconds
        while True:
            self.check()
            self._news.clear()
            if holds():
                return True
            if now() >= deadline:
                return False
            self._news.wait(min(1.0, max(0.0, deadline - now())))

    def check(self) -> None:
        """Raises what broke."""
        if self.broken is not None:
            raise self.broken

    # Asking
    def _ask(self, call_id: str, frame: dict[str, Any], deadline: float) -> Frame | None:
        """The answer with this id; None when it was cut or late."""
        self.check()
        if not self._ready.wait(max(0.0, deadline - now())):
            self.check()
            return None
        result: AsyncResult[Frame | None] = AsyncResult()
        self._replies[call_id] = result
        try:
            self._send(frame)
            answer: Frame | None = result.get(timeout=max(0.1, deadline - now()))
        except (gevent.Timeout, *_FAULTS):
            answer = None
        finally:
            if self._replies.get(call_id) is result:
                del self._replies[call_id]
        self.check()
        return answer

    def _subscribe_with_patience(self, watch: TopicWatch) -> Frame | None:
        due = now()
        for pause in pauses():
            answer = self._subscribe(watch, due + PATIENCE_SECONDS)
            if answer is not None and answer.type == "subscribed":
                self._stage.measure("subscribe", due, None)
                return None
            if answer is not None and answer.error is not None and not answer.error.retry:
                return answer
            if now() > due + PATIENCE_SECONDS:
                raise BrokenPromise(f"Nobody could subscribe to {watch.topic} within {PATIENCE_SECONDS} s.")
            gevent.sleep(pause)
        raise AssertionError("Pauses have no end.")

    def _subscribe(self, watch: TopicWatch, deadline: float) -> Frame | None:
        # The watch must be there before the answer: events follow it at once
        before = self._watches.get(watch.topic)
        self._watches[watch.topic] = watch
        answer = self._ask(*self._subscription(watch), deadline)
        if (answer is None or answer.type != "subscribed") and before is None:
            self._watches.pop(watch.topic, None)
        return answer

    def _subscription(self, watch: TopicWatch) -> tuple[str, dict[str, Any]]:
        call_id = f"sub-{next(self._numbers)}"
        frame: dict[str, Any] = {"type": "subscribe", "id": call_id, "topic": watch.topic}
        if watch.position is not None:
            frame["since"] = {"epoch": watch.position[0], "offset": watch.position[1]}
        return call_id, frame

    def _wait(self, event: Event, what: str) -> None:
        if not event.wait(PATIENCE_SECONDS):
            self.check()
            raise BrokenPromise(f"Somebody {what} within {PATIENCE_SECONDS} s.")
        self.check()

    def _send(self, frame: dict[str, Any]) -> None:
        if self._socket is None:
            raise ConnectionResetError("The tab has no connection.")
        self._socket.send(msgspec.json.encode(frame).decode())

    # Keeping the connection
    def _keep(self) -> None:
        try:
            first = True
            while True:
                for pause in pauses():
                    if self._come_in(first):
                        break
                    gevent.sleep(pause)
                first = False
                self._read_until_cut()
                self._ready.clear()
                self._cut_all()
        except BrokenPromise as broken:
            self._break(broken)
        except Exception as fault:  # a frame that is none, or a fault of ours: the run must not go on without this tab
            _log.exception("A tab failed.")
            self._break(BrokenPromise(f"A tab could not read what it was sent: {fault!r}"))
        finally:
            self._drop()

    def _break(self, broken: BrokenPromise) -> None:
        self.broken = broken
        self._on_fault(broken)
        self._cut_all()
        self._ready.set()  # whoever waits is told by `check`
        self._news.set()

    def _come_in(self, first: bool) -> bool:
        self._reader, self._inbox = FrameReader(), list[tuple[int, bytes]]()
        try:
            self._socket = websocket.create_connection(
                self._stage.socket_url, timeout=_CONNECT_SECONDS, subprotocols=[SUBPROTOCOL]
            )
            self._send({"type": "hello", "token": self._token})
            while self._take(self._next()).type != "welcome":
                pass
            for watch in list(self._watches.values()):
                self._resume(watch)
        except _FAULTS as fault:
            self._stage.measure("hello" if first else "come back", self._due, fault)
            self._drop()
            return False
        self._stage.measure("hello" if first else "come back", self._due, None)
        self.came_back += not first
        self._due = 0.0
        self._ready.set()
        return True

    def _resume(self, watch: TopicWatch) -> None:
        """Subscribe again and read until all that was missed is there, as a page does before it shows itself."""
        call_id, frame = self._subscription(watch)
        self._send(frame)
        while True:
            said = self._take(self._next())
            if said.id == call_id and said.type == "reply":
                if said.error is not None and said.error.retry:
                    raise ConnectionResetError("The topic cannot be followed yet.")
                self._watches.pop(watch.topic, None)
                watch.refused = said.error.error_code if said.error is not None else "without a reason"
                return
            if said.id == call_id:
                break
        while not watch.caught_up:
            self._take(self._next())

    def _read_until_cut(self) -> None:
        with suppress(*_FAULTS):
            while True:
                self._take(self._next())
        if not self._due:
            self._due = now()
        self._drop()

    def _next(self) -> bytes:
        """The next text message. Raises OSError at a cut, BrokenPromise when the gateway sends us away for good."""
        while True:
            while self._inbox:
                opcode, payload = self._inbox.pop(0)
                if opcode == TEXT:
                    return payload
                if opcode == CLOSE:
                    self._closed(int.from_bytes(payload[:2], "big") if payload else 1005)
                if opcode == PING and self._socket is not None:
                    self._socket.pong(payload)
            socket = self._socket
            if socket is None or socket.sock is None:
                raise ConnectionResetError("The tab has no connection.")
            socket.sock.settimeout(_READ_SECONDS)
            said = socket.sock.recv(_READ_BYTES)
            if not said:
                raise ConnectionResetError("The connection was cut.")
            self._inbox = self._reader.feed(said)

    def _closed(self, code: int) -> None:
        if 4500 <= code <= 4999:
            raise BrokenPromise(f"A socket was closed for good with {code}.")
        raise ConnectionResetError(f"The socket was closed with {code}.")

    def _take(self, payload: bytes) -> Frame:
        frame = read_frame(payload)
        if frame.topic is not None:
            watch = self._watches.get(frame.topic)
            if watch is not None:
                watch.take(frame)
            self._news.set()
        if frame.id is not None and (waiting := self._replies.get(frame.id)) is not None:
            waiting.set(frame)
        return frame

    def _cut_all(self) -> None:
        for waiting in self._replies.values():
            waiting.set(None)

    def _drop(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None and socket.sock is not None:
            with suppress(OSError):  # a greenlet that reads it must wake up
                socket.sock.shutdown(2)
            with suppress(OSError):
                socket.shutdown()
