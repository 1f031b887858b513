"""What an operator does with `lyceum`, as functions: settings, start, stop, and looking whether anything is left."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.end_to_end.killing import kill

START_SECONDS = 240
STOP_SECONDS = 60
GRACE_SECONDS = 3


@dataclass(frozen=True)
class RunningLyceum:
    """A system that serves. `env` are the settings it was started with, for `lyceum` commands against it."""

    http_url: str
    realtime_url: str
    data_dir: Path
    pid: int
    database_url: str
    redis_url: str
    env: dict[str, str]

    def command(self, *words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run `lyceum <words>` with the settings of this system."""
        return run_lyceum(self.env, *words, timeout=timeout)


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody uses now."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def free_udp_ports() -> int:
    """The first of two UDP ports in a row on loopback that nobody uses now."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second,
        ):
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):  # somebody has the second, or there is none
                continue
            return port


def settings_for(data_dir: Path, **changes: str) -> dict[str, str]:
    """An environment with nothing of ours but these settings: free ports, a short grace, allowances for crowds."""
    http_port, realtime_port = free_ports(2)
    settings = {
        "LYCEUM_DATA_DIR": str(data_dir),
        "LYCEUM_HTTP_PORT": str(http_port),
        "LYCEUM_REALTIME_PORT": str(realtime_port),
        "LYCEUM_MEDIA_UDP_PORT": str(free_udp_ports()),
        "LYCEUM_RECONNECT_GRACE_SECONDS": str(GRACE_SECONDS),
        "LYCEUM_RATE_LIMIT_PER_MINUTE": "100000",
        "LYCEUM_LIVE_RATE_LIMIT_PER_MINUTE": "1000000",
        **changes,
    }
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("LYCEUM_", "RAY_"))}
    return {**ours, **settings}


def run_lyceum(env: dict[str, str], *words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run `lyceum <words>` to its end, away from anybody's `.env`."""
    command = [sys.executable, "-m", "serve_app.cli", *words]
    return subprocess.run(command, env=env, cwd="/", capture_output=True, text=True, timeout=timeout)


def spawn_up(env: dict[str, str], log: Path, *words: str) -> "subprocess.Popen[bytes]":
    """Start `lyceum up` in the background, its output in `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "serve_app.cli", "up", *words], env=env, cwd="/", stdout=output, stderr=output
        )


def read_run(data_dir: Path) -> dict[str, Any] | None:
    """The note that a run leaves in its data folder, or None."""
    try:
        run: dict[str, Any] = json.loads((data_dir / "run.json").read_text())
    except FileNotFoundError:
        return None
    return run


def wait_ready(process: "subprocess.Popen[bytes]", data_dir: Path, log: Path) -> dict[str, Any]:
    """The note of the run once it serves; fails with what it printed when it ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        run = read_run(data_dir)
        if run is not None and run["ready"] and run["pid"] == process.pid:
            return run
        assert process.poll() is None, f"lyceum up ended with {process.returncode}:\n{log.read_text()}"
        assert time.monotonic() < deadline, f"lyceum up was not ready within {START_SECONDS} s:\n{log.read_text()}"
        time.sleep(0.05)


def processes_of(run: dict[str, Any]) -> list[psutil.Process]:
    """Every process that works in the run's temporary folder or data folder, wherever Ray put it."""
    mark = run["temporary"]
    found = []
    for process in psutil.process_iter():
        try:
            texts = [*process.cmdline(), *(file.path for file in process.open_files())]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if any(mark in text for text in texts):
            found.append(process)
    return found


def command_line(process: psutil.Process) -> str:
    """The words of a process's command line; nothing when it is gone."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def stop(process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Stop a run as Ctrl-C does; fails when it does not end well."""
    process.send_signal(signal.SIGINT)
    try:
        code = process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail(f"lyceum up did not stop within {STOP_SECONDS} s:\n{log.read_text()}")
    assert code == 0, f"lyceum up ended with {code}:\n{log.read_text()}"


@contextmanager
def running(env: dict[str, str], folder: Path) -> Iterator[RunningLyceum]:
    """A system of one's own with these settings, its output in `folder/up.log`. It is stopped as Ctrl-C does and must leave
    nothing behind; when the block fails, every process of it is ended all the same."""
    data_dir, log = Path(env["LYCEUM_DATA_DIR"]), folder / "up.log"
    process = spawn_up(env, log)
    try:
        run = wait_ready(process, data_dir, log)
        yield RunningLyceum(
            http_url=f"http://127.0.0.1:{run['http_port']}",
            realtime_url=f"ws://127.0.0.1:{run['realtime_port']}/ws",
            data_dir=data_dir,
            pid=process.pid,
            database_url=str(run["database_url"]),
            redis_url=str(run["redis_url"]),
            env=env,
        )
        stop(process, log)
        assert_nothing_left(run, data_dir)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                kill([psutil.Process(process.pid)])


def assert_nothing_left(run: dict[str, Any], data_dir: Path) -> None:
    """No process, no temporary folder, no listener, no note of the run is left."""
    assert processes_of(run) == []
    assert not Path(run["temporary"]).exists()
    assert read_run(data_dir) is None
    for port in (run["http_port"], run["realtime_port"]):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", int(port))) != 0, f"somebody still listens on {port}"
