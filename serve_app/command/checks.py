"""What must hold before anything is started; each failure is one sentence."""

import errno
import socket
from pathlib import Path

import psutil

from serve_app.command.refusing import CannotRun

NEEDED_MEMORY = 2_000 * 2**20
"""Bytes that must be free before `lyceum up` starts; what a freshly started system uses, with room for a class."""


def port_is_free(host: str, port: int, setting: str) -> None:
    """Raise `CannotRun` unless `host:port` can be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except PermissionError as error:
            raise CannotRun(
                f"Listening on port {port} needs more rights than this user has; choose another {setting}."
            ) from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CannotRun(f"Port {port} on {host} is in use by another program; choose another {setting}.") from error
            raise CannotRun(
                f"Nothing can listen on {host}:{port} ({error.strerror}); see {setting} and LYCEUM_BIND."
            ) from error


def udp_port_is_free(host: str, port: int, setting: str) -> None:
    """Raise `CannotRun` unless packets can be received on `host:port`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CannotRun(
                    f"UDP port {port} on {host} is in use by another program; choose another {setting}."
                ) from error
            raise CannotRun(
                f"Nothing can receive on UDP {host}:{port} ({error.strerror}); see {setting} and LYCEUM_BIND."
            ) from error


def memory_suffices(available_bytes: int) -> None:
    """Raise `CannotRun` when less than `NEEDED_MEMORY` is free."""
    if available_bytes < NEEDED_MEMORY:
        raise CannotRun(
            f"Lyceum needs about {NEEDED_MEMORY // 2**20} MB of free memory to start, and this machine has "
            f"{available_bytes // 2**20} MB."
        )


def available_memory(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Free memory in bytes, as the machine and a container's limit (cgroup v2) see it."""
    available = int(psutil.virtual_memory().available)
    try:
        limit, used = ((cgroup / name).read_text().strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return available  # no cgroup v2, or the root group, which has no limit
    return available if limit == "max" else min(available, int(limit) - int(used))
