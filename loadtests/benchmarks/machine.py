"""The machine of a comparison: what it is, in words that say nothing of whose it is, and who used it how much."""

import asyncio
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil

_SETTINGS = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "shared_buffers",
    "commit_delay",
)
BOTTLENECK = 0.85
_QUIET = 0.06
"""How much more than at rest the machine may be busy when a turn begins."""


def describe_machine() -> str:
    """Processor, cores, memory and Python in one line."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0] if names else cpu
    memory = psutil.virtual_memory().total / 2**30
    return f"{cpu}, {psutil.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}"


class Asks(Protocol):
    """A connection to Postgres, borrowed or owned."""

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first column of the first row."""
        ...


async def describe_postgres(connection: Asks) -> dict[str, str]:
    """The settings that decide what a durable commit costs."""
    return {name: await connection.fetchval("SELECT current_setting($1)", name) for name in _SETTINGS}


def generator_bound(share: float) -> bool:
    """Whether the generator may have set the pace: it used more than 85 % of the one core that it can use. How idle the
    machine was does not matter: nobody else can use what one thread is missing."""
    return share > BOTTLENECK


def idle_between(before: Any, after: Any) -> float:
    """The part of the whole machine that nobody used between two `psutil.cpu_times()`. Waiting for a disk is idle, what
    the host of a virtual machine took is not."""
    whole = sum(after[:8]) - sum(before[:8])  # what follows, guests, is within `user` already
    idle: float = after.idle + after.iowait - before.idle - before.iowait
    return min(1.0, max(0.0, idle / max(float(whole), 0.001)))  # the kernel's counters may go back a little


def stolen_between(before: Any, after: Any) -> float:
    """Processor seconds that this machine's host gave to others between two `psutil.cpu_times()`; 0 where it is not told."""
    return max(0.0, float(getattr(after, "steal", 0.0) - getattr(before, "steal", 0.0)))


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it; none when it has ended."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_of(pids: Sequence[int]) -> float:
    """Processor seconds of these processes and all below them, those that have ended and were waited for as well."""
    used = 0.0
    for process in {each.pid: each for pid in pids for each in family(pid)}.values():
        try:
            used += sum(process.cpu_times()[:4])  # its own in user and system, then its children's
        except psutil.NoSuchProcess:
            continue  # ended since; its parent has its seconds
    return used


def memory_of(pids: Sequence[int]) -> int:
    """Resident bytes of these processes and all below them."""
    held = 0
    for process in {each.pid: each for pid in pids for each in family(pid)}.values():
        try:
            held += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return held


@dataclass(frozen=True)
class Usage:
    """Who used what for some seconds: processor seconds, and the idle part of the whole machine."""

    seconds: float
    service_cpu: float
    postgres_cpu: float
    generator_cpu: float
    machine_idle: float

    @property
    def generator_share(self) -> float:
        """The part of one core that this process used."""
        return self.generator_cpu / self.seconds


class Meter:
    """Reads what a contender, Postgres and this process have used since it was made."""

    def __init__(self, service: Sequence[int], postgres: Sequence[int] = ()) -> None:
        self._pids = service, postgres
        # Looking through all processes takes milliseconds: outside of what is counted for the generator
        self._used = [cpu_of(pids) for pids in self._pids]
        self._times, self._own, self._start = psutil.cpu_times(), time.process_time(), time.perf_counter()

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.perf_counter() - self._start

    def read(self) -> Usage:
        """What was used until now."""
        seconds, own, times = self.seconds, time.process_time() - self._own, psutil.cpu_times()
        service, postgres = (cpu_of(pids) - used for pids, used in zip(self._pids, self._used, strict=True))
        return Usage(seconds, service, postgres, own, idle_between(self._times, times))


@dataclass(frozen=True)
class Rest:
    """What everything uses while nobody asks for anything: `services` is a part of one core, `busy` of the machine."""

    services: float = 0
    busy: float = 0


async def at_rest(pids: Sequence[int], seconds: float = 5) -> Rest:
    """Look for so long at what these processes and the machine do by themselves."""
    await quiet(Rest(busy=0.1))
    meter = Meter(pids)
    await asyncio.sleep(seconds)
    usage = meter.read()
    return Rest(usage.service_cpu / usage.seconds, 1 - usage.machine_idle)


async def quiet(rest: Rest, patience_seconds: float = 6) -> float:
    """Wait until what came before has settled: the machine does hardly more than at rest for a quarter of a second. The
    part of the machine that was busy when the wait ended, to be told when patience ended first."""
    deadline, busy = time.monotonic() + patience_seconds, 1.0
    while time.monotonic() < deadline:
        before = psutil.cpu_times()
        await asyncio.sleep(0.25)
        busy = 1 - idle_between(before, psutil.cpu_times())
        if busy < rest.busy + _QUIET:
            break
    return busy
