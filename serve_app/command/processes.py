"""Which processes belong to a run, how much memory they use, and how they are ended.

Ray gives its workers new titles and forgets HAProxy, so neither names nor parents are enough: a process belongs to a run
when its command line or an open file of its lies in that run's own temporary folder.
"""

import ctypes
import os
import signal
import time
from collections.abc import Container, Iterable
from pathlib import Path

import psutil

_PR_SET_CHILD_SUBREAPER = 36


def belonging_to(folders: Iterable[Path]) -> list[psutil.Process]:
    """The living processes that work inside one of `folders`, and their descendants; never this process."""
    prefixes = tuple(f"{folder}{os.sep}" for folder in folders)
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        if process.pid != os.getpid() and process.pid not in found and _works_inside(process, prefixes):
            found[process.pid] = process
            for child in _children(process):
                found[child.pid] = child
    found.pop(os.getpid(), None)
    return [process for process in found.values() if _is_alive(process)]


def end_all(folders: Iterable[Path], patience_seconds: float) -> int:
    """End every process that works inside `folders`: asked first, then killed; says how many there were."""
    folders = tuple(folders)
    ended: set[int] = set()
    for round_number in range(20):
        found = belonging_to(folders)
        if not found:
            break
        ended.update(process.pid for process in found)
        for process in found:
            _signal(process, signal.SIGTERM if round_number == 0 else signal.SIGKILL)
        psutil.wait_procs(found, timeout=patience_seconds if round_number == 0 else 1)
    return len(ended)


def memory_bytes(processes: Iterable[psutil.Process]) -> int:
    """What the processes use together, shared pages counted once (the sum of their proportional set sizes)."""
    total = 0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue  # gone meanwhile, or somebody else's
    return total


def tree(pid: int) -> list[psutil.Process]:
    """The process and all its descendants; empty when it is gone."""
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return []
    return [process, *_children(process)]


def adopt_orphans() -> None:
    """From now on what our descendants leave behind becomes our child and not that of process 1, which in some
    containers lets the dead stand about for ever (`PR_SET_CHILD_SUBREAPER`, prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans(spared: Container[int]) -> None:
    """Let go of children that have died, but for `spared`, whose owners wait for them themselves."""
    while True:
        try:
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if dead is None or dead.si_pid in spared:
            return
        os.waitpid(dead.si_pid, os.WNOHANG)


def wait_gone(processes: list[psutil.Process], timeout_seconds: float) -> bool:
    """Wait until all are gone; says whether they are. Works for processes that are not our children."""
    deadline = time.monotonic() + timeout_seconds
    while any(_is_alive(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _works_inside(process: psutil.Process, prefixes: tuple[str, ...]) -> bool:
    try:
        if any(prefix in part for part in process.cmdline() for prefix in prefixes):
            return True
        return any(file.path.startswith(prefixes) for file in process.open_files())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False  # gone meanwhile, or another user's: not ours either way


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
