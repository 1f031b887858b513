"""A server process that we started: how it is watched until it is ready, and how it is stopped."""

import importlib.util
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_KEPT_LOG_BYTES = 2_000_000


class ServerFailed(Exception):
    """An embedded server cannot be run; the text is one sentence for the operator."""


@dataclass(frozen=True)
class RunningServer:
    """A server that answers at `url` (which carries the credentials, if there are any)."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    stop_signal: signal.Signals

    def stop(self, timeout_seconds: float) -> None:
        """Ask the server to finish in an orderly way and wait for it; after `timeout_seconds` it is killed."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)


def package_folder(name: str) -> Path:
    """Where an installed package keeps its files; found without importing it, which takes time and touches folders of
    the user's. Raises `ServerFailed` when it is not installed."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ServerFailed(f"The package {name} is not installed; run `make install`.")
    return Path(spec.origin).parent


def spawn(command: Sequence[str], log: Path, user: tuple[int, int] | None = None) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, so that Ctrl-C in our terminal stays ours. Output goes to `log`.

    `user` (user id, group id) is who it runs as, if not as we do.
    """
    if log.exists() and log.stat().st_size > _KEPT_LOG_BYTES:
        log.replace(log.with_suffix(".old.log"))
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own binaries and arguments
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **as_user(user),
        )


def as_user(user: tuple[int, int] | None) -> dict[str, Any]:
    """Arguments for `subprocess` that make the process run as this user and group and in no other group."""
    return {} if user is None else {"user": user[0], "group": user[1], "extra_groups": []}


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str, log: Path, timeout_seconds: float
) -> None:
    """Return once `ready()` holds. Raises `ServerFailed`, with the last line of `log`, when it dies or time runs out."""
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        if process.poll() is not None:
            raise ServerFailed(f"{name} stopped while starting: {last_line(log)}")
        if time.monotonic() > deadline:
            raise ServerFailed(f"{name} was not ready within {timeout_seconds:.0f} s; its log is {log}.")
        time.sleep(0.02)


def last_line(log: Path) -> str:
    """The last line of a log that says something, for an error message."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()] if log.exists() else []
    return next((line for line in reversed(lines) if line), f"nothing was written to {log}")


def end_leftover(pid_file: Path, works_in: Path, ask: signal.Signals) -> bool:
    """End the server that a killed run left behind: the process that `pid_file` names, if its working folder is
    `works_in`, so that another process which got the number is left alone. Says whether there was one."""
    try:
        process = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
        if Path(process.cwd()) != works_in.resolve():
            return False
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    end_process(process, ask, 20)
    return True


def end_process(process: psutil.Process, first: signal.Signals, timeout_seconds: float) -> None:
    """End a process that is not our child: ask with `first`, then insist."""
    try:
        process.send_signal(first)
        process.wait(timeout_seconds)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(5)
    except psutil.NoSuchProcess:
        return
