"""How every comparison is run: its options, its folder, its signals, and what becomes of it when a part fails."""

import argparse
import asyncio
import shlex
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from loadtests.benchmarks.report import RESULTS, Report
from loadtests.benchmarks.servers import ServiceFailed
from loadtests.crowd import allow_many_connections
from loadtests.promises import BrokenPromise
from loadtests.record import NotOnRecord
from persistence.embedded.server import ServerFailed

EXPECTED = (
    BrokenPromise,
    NotOnRecord,
    ServiceFailed,
    ServerFailed,
    OSError,
    asyncpg.PostgresError,
    subprocess.SubprocessError,
)
"""What a sentence explains; anything else is a fault of ours and shown with its traceback."""


class NothingMeasured(ValueError):
    """There is nothing to make a table of; the text says what is missing."""


class Faults:
    """What went wrong on the way, in sentences. What was measured before and after it counts all the same."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def note(self, where: str, fault: BaseException) -> None:
        """Keep it and say it at once."""
        leaves = list(_leaves(fault))
        if not all(isinstance(leaf, EXPECTED) for leaf in leaves):
            traceback.print_exception(fault)
        self.say(f"{where}: {str(leaves[0]) or type(leaves[0]).__name__}")

    def say(self, sentence: str) -> None:
        """Keep a sentence and print it."""
        self.sentences.append(sentence)
        print(sentence, file=sys.stderr, flush=True)

    @contextmanager
    def surviving(self, where: str) -> Iterator[None]:
        """A fault within ends this part only. An interruption ends the comparison."""
        try:
            yield
        except Exception as fault:
            self.note(where, fault)


def _leaves(fault: BaseException) -> Iterator[BaseException]:
    if isinstance(fault, BaseExceptionGroup):
        for each in fault.exceptions:
            yield from _leaves(each)
    else:
        yield fault


def parser_of(name: str, documentation: str | None) -> argparse.ArgumentParser:
    """The command line of a comparison, with what all have."""
    parser = argparse.ArgumentParser(
        prog=f"python -m loadtests.benchmarks.{name}",
        description=documentation,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder for tables, charts and figures")
    return parser


def command_line(name: str, arguments: Sequence[str] | None) -> str:
    """What to type for the same run."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    return shlex.join(["python", "-m", f"loadtests.benchmarks.{name}", *words]) if words else f"make bench ONLY={name}"


def in_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run it to its end on uvloop; SIGTERM ends it as Ctrl-C does, so that no server stays behind."""

    async def ended_by_us() -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await work

    uvloop.run(ended_by_us())


def measured(folder_for: Path, measure: Callable[[Path, Faults], None], report: Callable[[], Report]) -> int:
    """Measure in a folder that goes away, then keep the report of whatever was measured in `folder_for`. 0 when no target
    was missed, 1 when one was, 2 when something could not be measured or the comparison was interrupted."""
    faults = Faults()
    allow_many_connections()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
            Path(folder).chmod(0o711)  # as root, Postgres runs as somebody else who must pass through
            measure(Path(folder), faults)
    except (asyncio.CancelledError, KeyboardInterrupt):
        faults.say("The comparison was interrupted.")
    except Exception as fault:
        faults.note("The comparison ended early", fault)
    try:
        made = report()
    except NothingMeasured as nothing:
        print(f"The comparison could not be made: {nothing}", file=sys.stderr)
        return 2
    met = replace(made, faults=tuple(faults.sentences)).keep(folder_for)
    return 2 if faults.sentences else int(not met)
