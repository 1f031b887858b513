"""Ends processes of the running system the hard way; they are found by walking its own tree, never by name alone."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


def find_actors(root: int, kind: str) -> list[psutil.Process]:
    """The processes below `root` that Ray has given the title of this actor class."""
    title = re.compile(rf"ray::([\w-]+:)?{kind}\b")  # while it works on a call, Ray puts the actor's own name before
    return [each for each in _below(root) if title.match(_title(each))]


def find_media_node(root: int, udp_port: int) -> list[psutil.Process]:
    """The media node below `root` that listens on this port."""
    nodes = find_actors(root, "MediaNode")
    return [each for each in nodes if any(one.laddr.port == udp_port for one in each.net_connections("udp4"))]


def find_servers(root: int, program: str) -> list[psutil.Process]:
    """The direct children of `root` that run this program, for example `postgres`."""
    return [each for each in psutil.Process(root).children() if each.name() == program]


def kill(processes: list[psutil.Process]) -> int:
    """kill -9 each with all its descendants; returns when they are gone, with how many were asked for."""
    wait_gone(strike(processes))
    return len(processes)


def strike(processes: list[psutil.Process]) -> list[psutil.Process]:
    """The signals alone: returns at once when all are sent, with whom they went to."""
    doomed = [member for each in processes for member in (each, *each.children(recursive=True))]
    for process in doomed:
        with _gone_is_well():
            process.kill()
    return doomed


def wait_gone(doomed: list[psutil.Process]) -> None:
    """Returns when they are dead."""
    _gone, alive = psutil.wait_procs(doomed, timeout=10)
    # A killed child of a paused parent stays as a zombie: dead, and only not buried yet.
    assert all(process.status() == psutil.STATUS_ZOMBIE for process in alive), alive


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """The process does nothing inside the block: a supervisor revives nobody. It may be killed there."""
    process = psutil.Process(pid)
    process.suspend()
    try:
        deadline = time.monotonic() + 10
        while process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
            assert time.monotonic() < deadline, f"{process} goes on"
        yield
    finally:
        with _gone_is_well():
            process.resume()


def _below(root: int) -> Iterator[psutil.Process]:
    for process in psutil.Process(root).children(recursive=True):
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            yield process


def _title(process: psutil.Process) -> str:
    try:
        return (process.cmdline() or [""])[0]
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


@contextmanager
def _gone_is_well() -> Iterator[None]:
    try:
        yield
    except psutil.NoSuchProcess:
        return
