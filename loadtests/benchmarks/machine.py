"""What a comparison ran on, in words that say nothing of whose machine it is."""

import platform
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


def cpu_of_children() -> tuple[float, float]:
    """Processor seconds that the services below this process have used so far, and those of Postgres."""
    used = {True: 0.0, False: 0.0}
    for process in psutil.Process().children(recursive=True):
        try:
            times = process.cpu_times()
            used[process.name() == "postgres"] += times.user + times.system
        except psutil.NoSuchProcess:
            continue  # a helper that ended meanwhile
    return used[False], used[True]
