"""Another HAProxy stands in for one that has died, until Ray Serve has replaced it.

Serve looks three times before it believes in a death, and then makes the whole actor around its HAProxy anew. It must see
the death, or nobody would tell the one that stands in of new replicas; so that one has no admin socket.
"""

import json
import os
import re
import selectors
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self

from persistence.embedded.server import last_line, spawn
from serve_app.command.haproxy import knows_site

_PATIENCE_SECONDS = 1.0
_MOST_IN_A_ROW = 10
_AWAY = (TimeoutError, ConnectionError, ProcessLookupError)  # who goes away in the middle becomes no HAProxy
_COULD_NOT = "  [bold red]No HAProxy could stand in:[/]"

# Becomes HAProxy, which is told to finish (SIGUSR1) when the thread that started it has ended: prctl(2), PR_SET_PDEATHSIG.
_BOUND = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGUSR1, 0, 0, 0)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True, eq=False)
class _Serving:
    """A HAProxy that serves the site, or is about to. `ended` is a descriptor that can be read once it has ended;
    `attempt` says how many stood in one after the other before it; `process` is None when Serve started it."""

    pid: int
    ended: int
    config: str
    attempt: int = 0
    process: subprocess.Popen[bytes] | None = None


class Bystander:
    """Sees every HAProxy that serves the site, from a thread of its own, and puts another one into the place of one that
    ends before a successor has begun. Inside the `with` block; who stands in at its end finishes what it has begun.

    Files lie in `folder`, `door` is the socket at which the launcher announces each HAProxy, `say` tells the operator.
    """

    def __init__(self, folder: Path, door: Path, binary: str, say: Callable[[str], None]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "standin.cfg"
        self._log = folder / "standin.log"
        self._binary = binary
        self._say = say
        self._living: tuple[_Serving, ...] = ()  # in the order in which they began
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(door))
        self._door.listen()
        self._leave, self._left = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._door, selectors.EVENT_READ)
        self._selector.register(self._left, selectors.EVENT_READ)
        self._thread = Thread(target=self._watch, name="bystander")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None) -> None:
        self._leave.close()
        self._thread.join()

    @property
    def pids(self) -> set[int]:
        """Who stands in; they are waited for here."""
        return {each.pid for each in self._living if each.process is not None}

    def _watch(self) -> None:
        with self._selector, self._door, self._left:
            while self._attend():
                pass
        for each in self._living:
            os.close(each.ended)

    def _attend(self) -> bool:
        """Wait for whatever is next; whether to go on."""
        for key, _ in self._selector.select():
            if key.fileobj is self._left:
                return False
            if key.fileobj is self._door:
                self._greet()
            else:
                self._replace(key.data)
        return True

    def _greet(self) -> None:
        """A launcher announces the HAProxy that it becomes, and is told who serves the site, the last one last."""
        connection, _ = self._door.accept()
        with connection, suppress(*_AWAY):
            connection.settimeout(_PATIENCE_SECONDS)
            config = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
            pid, _, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            answer = json.dumps([each.pid for each in self._living])
            if knows_site(config):
                self._note(_Serving(pid, os.pidfd_open(pid), config))
            connection.sendall(answer.encode())

    def _note(self, serving: _Serving) -> None:
        self._living = (*self._living, serving)
        self._selector.register(serving.ended, selectors.EVENT_READ, serving)

    def _replace(self, dead: _Serving) -> None:
        """Nobody but the last that began holds the site; who was told to finish has a successor."""
        self._selector.unregister(dead.ended)
        os.close(dead.ended)
        was_last = self._living[-1] is dead
        self._living = tuple(each for each in self._living if each is not dead)
        if dead.process is not None and dead.process.wait() > 0:
            self._say(f"{_COULD_NOT} {last_line(self._log)}")
        elif was_last and dead.attempt < _MOST_IN_A_ROW:
            try:
                self._stand_in(dead)
            except OSError as error:  # a full disk, no more processes: Serve replaces its HAProxy all the same
                self._say(f"{_COULD_NOT} {error}")

    def _stand_in(self, dead: _Serving) -> None:
        self._config.write_text(as_standin(dead.config))
        bound = [sys.executable, "-I", "-S", "-c", _BOUND, str(os.getpid())]
        finishing = ["-sf", *map(str, self.pids)] if self.pids else []
        process = spawn([*bound, self._binary, "-db", "-f", str(self._config), *finishing], self._log)
        self._note(_Serving(process.pid, os.pidfd_open(process.pid), dead.config, dead.attempt + 1, process))
        self._say("  HAProxy had died; another one stands in until Serve has replaced it.")


def as_standin(config: str) -> str:
    """The configuration of one that serves the site and nothing else: no admin socket, by which Serve would take it for its
    own, no state of servers from a file, and none of the pages of figures, whose ports are the successor's."""
    dropped = r"^\s*(stats socket|stats timeout|server-state-base|server-state-file|load-server-state-from-file)\b.*\n"
    config = re.sub(dropped, "", config, flags=re.MULTILINE)
    return re.sub(r"^(frontend prometheus|listen stats)\n([ \t]+.*\n|\n)*", "", config, flags=re.MULTILINE)
