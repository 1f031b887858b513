"""Another HAProxy stands in for one that has died, until Ray Serve has replaced it.

Serve looks every second, believes in the death at the third look, and then makes the whole actor around HAProxy anew.
Its own process must be HAProxy itself, whose pid it compares; so it is watched from a process beside it.
"""

import os
import select
import subprocess
from pathlib import Path

_CURRENT, _STANDIN, _STOPPING = "current.pid", "standin.pid", "stopping"


def prepare(binary: str, config: Path) -> list[str]:
    """For the process that is about to become HAProxy with the file `config`: have it watched from now on. What it is to be
    told besides, so that it takes over from one that stands in."""
    folder = config.parent
    copy = config.with_name("standin.cfg")
    copy.write_text(config.read_text())
    replaced = _pid_in(folder / _STANDIN, copy)
    (folder / _CURRENT).write_text(str(os.getpid()))
    haproxy = os.getpid()
    if os.fork() == 0:
        try:
            os.setsid()  # Ray ends the whole group of the actor that started this
            _watch(haproxy, binary, copy)
        finally:
            os._exit(0)
    return ["-sf", str(replaced)] if replaced is not None else []


def no_more(folder: Path) -> None:
    """Nobody stands in from now on: everything stops."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _STOPPING).touch()


def _watch(haproxy: int, binary: str, config: Path) -> None:
    _await_end(haproxy)
    folder = config.parent
    if (folder / _STOPPING).exists() or (folder / _CURRENT).read_text() != str(haproxy):
        return  # there is a newer one, or none is wanted
    null = subprocess.DEVNULL
    command = [binary, "-db", "-f", str(config)]
    with subprocess.Popen(command, stdin=null, stdout=null, stderr=null) as process:  # noqa: S603 - the launcher was told which
        (folder / _STANDIN).write_text(str(process.pid))


def _await_end(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll()
    os.close(descriptor)


def _pid_in(file: Path, config: Path) -> int | None:
    """The process that the file names, if it still runs with this configuration."""
    try:
        pid = int(file.read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if str(config).encode() in words else None
