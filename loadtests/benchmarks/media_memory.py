"""One long class on a MediaServer: an instructor who publishes, viewers of whom some always leave and come. Is memory flat?

python -m loadtests.benchmarks.media_memory [--minutes 10] [--viewers 20]
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.benchmarks.comparison import Faults, NothingMeasured, command_line, in_loop, measured, parser_of
from loadtests.benchmarks.machine import cpu_of, memory_of
from loadtests.benchmarks.media import serving
from loadtests.benchmarks.media_clip import clip_in
from loadtests.benchmarks.media_crowd import PUBLISH, VIEW, CrowdProcess
from loadtests.benchmarks.media_servers import LYCEUM
from loadtests.benchmarks.report import Part, Report, Target
from loadtests.benchmarks.tables import table

FIRST_MINUTE = 2.0
GROWTH_AT_MOST = 1.1
_EVERY_SECONDS = 5.0
_LEAVING = 4


@dataclass
class Found:
    """Minutes and megabytes, in order; how many viewers came; parts of a core."""

    held: list[tuple[float, float]] = field(default_factory=list)
    came: int = 0
    core: float = 0.0

    def at(self, minute: float) -> float | None:
        """Megabytes at the first look from that minute on."""
        return next((megabytes for when, megabytes in self.held if when >= minute), None)


async def measure(options: argparse.Namespace, found: Found, folder: Path, faults: Faults) -> None:
    """The whole class."""
    await asyncio.to_thread(clip_in, folder)
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        place, pid = await stack.enter_async_context(serving(LYCEUM, options.port, folder))
        await stack.enter_async_context(CrowdProcess.running(PUBLISH, place, folder))
        crowd = await stack.enter_async_context(CrowdProcess.running(VIEW, place, folder))
        await crowd.ask("open", options.viewers)
        found.came = options.viewers
        began, used = loop.time(), cpu_of([pid])
        while (elapsed := loop.time() - began) < options.minutes * 60:
            found.held.append((elapsed / 60, memory_of([pid]) / 2**20))
            await crowd.ask("begin")
            await asyncio.sleep(_EVERY_SECONDS)
            await crowd.ask("close", _LEAVING)
            opened = await crowd.ask("open", _LEAVING)
            for fault in opened["failed"]:
                faults.say(f"A viewer could not join after {elapsed / 60:.1f} minutes: {fault}")
            found.came += _LEAVING
            found.core = (cpu_of([pid]) - used) / (loop.time() - began)
        found.held.append(((loop.time() - began) / 60, memory_of([pid]) / 2**20))
        await crowd.ask("begin")
        await asyncio.sleep(_EVERY_SECONDS)  # who came last may still wait for a keyframe
        told = await crowd.ask("tell")
        if told["silent"]:
            faults.say(f"{told['silent']} of {options.viewers} viewers saw nothing in the end.")


def report(options: argparse.Namespace, command: str, found: Found) -> Report:
    """Memory by the minute. Raises NothingMeasured."""
    if not found.held:
        raise NothingMeasured("The class did not begin.")
    minutes = range(int(found.held[-1][0]) + 1)
    rows = [[f"{minute}", f"{megabytes:.1f}"] for minute in minutes if (megabytes := found.at(minute)) is not None]
    early, late = found.at(min(FIRST_MINUTE, options.minutes / 5)), found.held[-1][1]
    growth = late / early if early else None
    promised = Target("memory at the end to that in minute 2", growth, GROWTH_AT_MOST, at_most=True, unit="×")
    conditions = (
        f"{found.held[-1][0]:.1f} minutes of a class, {options.viewers} viewers, {_LEAVING} of whom leave and as many come "
        f"each {_EVERY_SECONDS:g} s: {found.came} came in all. {found.core:.0%} of a core."
    )
    part = Part("Resident memory of the media server", table(["minute", "MB"], rows))
    return Report("media_memory", "Memory of a long class", command, conditions, [part], [promised], {"held": found.held})


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. 1 when memory grew, 2 when it could not be measured."""
    parser = parser_of("media_memory", __doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--viewers", type=int, default=20)
    parser.add_argument("--port", type=int, default=9_930)
    options, found = parser.parse_args(arguments), Found()
    return measured(
        options.results,
        lambda folder, faults: in_loop(measure(options, found, folder, faults)),
        lambda: report(options, command_line("media_memory", arguments), found),
    )


if __name__ == "__main__":
    sys.exit(main())
