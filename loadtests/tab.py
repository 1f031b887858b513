"""A browser's tab, on gevent: one socket that comes back after every cut, its commands and the topics that it follows."""

import logging
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

import gevent
from gevent.event import AsyncResult, Event

from loadtests.answers import Frame, read_frame
from loadtests.crowd import pauses
from loadtests.line import LINE_FAULTS, Line
from loadtests.promises import BrokenPromise
from loadtests.stage import Stage, now
from loadtests.topic_watch import TopicWatch

PATIENCE_SECONDS = 60
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds between attempts, as a browser waits (contract, section 5)."""
_log = logging.getLogger("lyceum.load")


class Tab:
    """Open it, follow topics, give commands; close it at the end. A promise that breaks is kept in `broken` and raised by
    whatever is called next."""

    def __init__(self, stage: Stage, token: str, on_fault: Callable[[BrokenPromise], None]) -> None:
        self._stage = stage
        self._token = token
        self._on_fault = on_fault
        self._line: Line | None = None
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
        """Ask no more of a topic; what came of it before the gateway said so has been looked at. Raises BrokenPromise."""
        if topic not in self._watches:
            return
        deadline = now() + PATIENCE_SECONDS
        for pause in pauses(FIRST_PAUSE, LONGEST_PAUSE):
            call_id = f"off-{next(self._numbers)}"
            if self._ask(call_id, {"type": "unsubscribe", "id": call_id, "topic": topic}, deadline) is not None:
                self._watches.pop(topic, None)
                return
            if now() > deadline:  # a cut in between: the tab followed it again when it came back
                raise BrokenPromise(f"{topic} could not be left within {PATIENCE_SECONDS} s.")
            gevent.sleep(pause)

    def command(
        self, name: str, arguments: dict[str, Any], command_id: str, due: float | None = None, label: str | None = None
    ) -> Frame:
        """The reply that decides: after a cut or a "try again" the same command is sent again. Raises BrokenPromise when
        no decision comes."""
        due = due or now()
        label = label or name
        frame = {"type": "command", "id": command_id, "name": name, "args": arguments}
        deadline = max(due, now()) + PATIENCE_SECONDS
        for pause in pauses(FIRST_PAUSE, LONGEST_PAUSE):
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
        with suppress(*LINE_FAULTS):
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

    def stay(self, seconds: float) -> None:
        """Only be there so long. Raises BrokenPromise when one broke."""
        self.wait_until(lambda: False, seconds)

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
        except (gevent.Timeout, *LINE_FAULTS):
            answer = None
        finally:
            if self._replies.get(call_id) is result:
                del self._replies[call_id]
        self.check()
        return answer

    def _subscribe_with_patience(self, watch: TopicWatch) -> Frame | None:
        due = now()
        for pause in pauses(FIRST_PAUSE, LONGEST_PAUSE):
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
        if self._line is None:
            raise ConnectionResetError("The tab has no connection.")
        self._line.send(frame)

    def _read(self) -> Frame:
        if self._line is None:
            raise ConnectionResetError("The tab has no connection.")
        return self._take(self._line.next())

    # Keeping the connection
    def _keep(self) -> None:
        try:
            first = True
            while True:
                self._come_back(first)
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

    def _come_back(self, first: bool) -> None:
        what = "be let in" if first else "come back"
        with gevent.Timeout(PATIENCE_SECONDS, BrokenPromise(f"Nobody could {what} within {PATIENCE_SECONDS} s.")):
            for pause in pauses(FIRST_PAUSE, LONGEST_PAUSE):
                if self._come_in(first):
                    return
                gevent.sleep(pause)

    def _come_in(self, first: bool) -> bool:
        try:
            self._line = Line(self._stage.socket_url)
            self._send({"type": "hello", "token": self._token})
            while self._read().type != "welcome":
                pass
            for watch in list(self._watches.values()):
                self._resume(watch)
        except LINE_FAULTS as fault:
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
            said = self._read()
            if said.id == call_id and said.type == "reply":
                if said.error is not None and said.error.retry:
                    raise ConnectionResetError("The topic cannot be followed yet.")
                self._watches.pop(watch.topic, None)
                watch.refused = said.error.error_code if said.error is not None else "without a reason"
                return
            if said.id == call_id:
                break
        while not watch.caught_up:
            self._read()

    def _read_until_cut(self) -> None:
        with suppress(*LINE_FAULTS):
            while True:
                self._read()
        if not self._due:
            self._due = now()
        self._drop()

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
        line, self._line = self._line, None
        if line is not None:
            line.drop()
