"""Live video: Lyceum's MediaServer against Debian's Janus (videoroom) and aiortc's MediaRelay, one process each.

The same publisher (640x360 at 25 pictures a second, 600 kbit/s, and Opus) and the same viewers, processes of their own, meet
each server in turn (A B C, C B A, …). A viewer's price is what the server's process used with many viewers less what it used
with few, by the difference in viewers; MediaRelay has ten, more is beyond it. Then Lyceum alone with 300: what was lost,
what it adds to a packet's way (against the same packets sent straight), and its share of a core.

python -m loadtests.benchmarks.media [--viewers 100] [--capacity 300] [--rounds 3] [--contenders lyceum janus relay]
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from loadtests.benchmarks import media_janus
from loadtests.benchmarks.comparison import Faults, NothingMeasured, command_line, in_loop, measured, parser_of
from loadtests.benchmarks.machine import cpu_of, generator_bound, memory_of
from loadtests.benchmarks.media_clip import clip_in
from loadtests.benchmarks.media_crowd import PUBLISH, VIEW, CrowdProcess, Place
from loadtests.benchmarks.media_servers import JANUS, LYCEUM, RELAY, SERVERS
from loadtests.benchmarks.media_transport import usual_host
from loadtests.benchmarks.report import Part, Report, Target
from loadtests.benchmarks.servers import REPOSITORY, ServiceFailed
from loadtests.benchmarks.tables import Spread, paired, spread, spread_chart, table, times
from loadtests.benchmarks.turns import interleaved

TITLES = {LYCEUM: "Lyceum", JANUS: "Janus (videoroom, one event loop)", RELAY: "aiortc MediaRelay"}
FEW = 2
MOST_VIEWERS = {RELAY: 10}
"""It encodes for each viewer: ten fill a core and more."""
_SETTLE_SECONDS = 2.0
JANUS_AT_MOST, RELAY_AT_LEAST, ADDED_MS = 1.0, 50.0, 30.0
APART_SECONDS = 0.95
"""One a second, as it arrives: what was sent a second apart may come a little closer."""


@dataclass(frozen=True)
class Turn:
    """One turn of one contender. `few` and `many` are parts of a core; waits in milliseconds, through it and straight."""

    contender: str
    viewers: int
    few: float
    many: float
    lost: int
    expected: int
    silent: int
    pictures: float
    """A second and viewer."""
    half: float
    most: float
    straight_half: float
    straight_most: float
    generator: float
    kilobits: float
    megabytes: float
    profile: str
    load: float
    """The machine's load average when the turn ended."""
    round: int = 0

    @property
    def for_a_viewer(self) -> float:
        """Of a core, in thousandths."""
        return (self.many - self.few) / (self.viewers - FEW) * 1_000

    @property
    def added(self) -> float:
        """What the server adds to the time within which 99 % are there, in milliseconds."""
        return self.most - self.straight_most

    @property
    def is_void(self) -> bool:
        """Whether the viewers' process was at its limit, or somebody saw no picture: then it is not the server's turn."""
        return generator_bound(self.generator) or self.silent > 0


@dataclass(frozen=True)
class Rush:
    """Many viewers who join at the same moment: until when all were there, and what that cost the publisher. `apart`: the
    shortest time between two requests for a keyframe, in seconds."""

    viewers: int
    seconds: float
    requests: int
    apart: float | None
    silent: int


@dataclass
class Found:
    """What was measured so far."""

    turns: list[Turn] = field(default_factory=list)
    full: list[Turn] = field(default_factory=list)
    rushes: list[Rush] = field(default_factory=list)
    without: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def serving(kind: str, port: int, folder: Path) -> AsyncIterator[tuple[Place, int]]:
    """A fresh server that listens, and its process. Raises ServiceFailed."""
    host = "127.0.0.1" if kind == LYCEUM else usual_host()  # full ICE and Janus leave the loopback out
    own = Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=folder))
    command = [sys.executable, "-m", "loadtests.benchmarks.media", "--serve", kind, "--port", str(port)]
    if kind == JANUS:
        command = media_janus.command(own, port, host)
    with (own / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=REPOSITORY, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        try:
            await _listening(process, port)
        except ServiceFailed as fault:
            said = (own / "log").read_text(errors="replace").strip().splitlines()[-3:]
            raise ServiceFailed(f"{TITLES[kind]}: {fault} {' / '.join(said)}") from None
        yield Place(kind, port, host), process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(15):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _listening(server: asyncio.subprocess.Process, port: int, seconds: float = 30) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while server.returncode is None and asyncio.get_running_loop().time() < deadline:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)  # a foreign server says to nobody that it listens; the wait has a deadline
        else:
            writer.close()
            return
    raise ServiceFailed(f"The server did not listen on {port}.")


async def _used(pid: int, seconds: float) -> float:
    """Of a core, for so long."""
    loop = asyncio.get_running_loop()
    before, began = cpu_of([pid]), loop.time()
    await asyncio.sleep(seconds)
    return (cpu_of([pid]) - before) / (loop.time() - began)


def _all_in(opened: dict[str, Any]) -> dict[str, Any]:
    if opened["failed"]:
        raise ServiceFailed(f"{len(opened['failed'])} viewers could not join: {opened['failed'][0]}")
    return opened


async def take_turn(kind: str, port: int, viewers: int, seconds: float, folder: Path, number: int = 0) -> Turn:
    """A fresh server, publisher and viewers: few of them first, then all. Raises ServiceFailed."""
    async with contextlib.AsyncExitStack() as stack:
        place, pid = await stack.enter_async_context(serving(kind, port, folder))
        mirror = await stack.enter_async_context(CrowdProcess.running(VIEW, Place("mirror", 0, place.host), folder))
        publisher = await stack.enter_async_context(CrowdProcess.running(PUBLISH, place, folder, int(mirror.said["mirror"])))
        place = Place(kind, port, place.host, int(publisher.said["feed"]))
        crowd = await stack.enter_async_context(CrowdProcess.running(VIEW, place, folder))
        _all_in(await crowd.ask("open", FEW))
        await asyncio.sleep(_SETTLE_SECONDS)
        few = await _used(pid, seconds)
        opened = _all_in(await crowd.ask("open", viewers - FEW, 120))
        await asyncio.sleep(_SETTLE_SECONDS)
        await asyncio.gather(crowd.ask("begin"), mirror.ask("begin"))
        many = await _used(pid, seconds)
        straight, told = await mirror.ask("tell"), await crowd.ask("tell")
        return Turn(
            kind,
            viewers,
            few,
            many,
            int(told.get("lost", 0)),
            int(told.get("expected", 0)),
            int(told["silent"]),
            float(told["pictures"]),
            float(told["waits"].get("half", 0)),
            float(told["waits"].get("most", 0)),
            float(straight["straight"].get("half", 0)),
            float(straight["straight"].get("most", 0)),
            float(told["generator"]),
            told.get("bytes", 0) * 8 / 1_000 / told["seconds"] / viewers,
            memory_of([pid]) / 2**20,
            str(opened["profile"]),
            os.getloadavg()[0],
            number,
        )


async def take_rush(port: int, viewers: int, folder: Path) -> Rush:
    """All at once, before Lyceum's server. Raises ServiceFailed."""
    async with contextlib.AsyncExitStack() as stack:
        place, _ = await stack.enter_async_context(serving(LYCEUM, port, folder))
        publisher = await stack.enter_async_context(CrowdProcess.running(PUBLISH, place, folder))
        crowd = await stack.enter_async_context(CrowdProcess.running(VIEW, place, folder))
        opened = _all_in(await crowd.ask("rush", viewers))
        await asyncio.sleep(_SETTLE_SECONDS)
        await crowd.ask("begin")
        await asyncio.sleep(_SETTLE_SECONDS)
        told, asked = await crowd.ask("tell"), await publisher.ask("tell")
        return Rush(viewers, opened["seconds"], asked["keyframes_asked"], asked["apart"], told["silent"])


def _missing(kind: str) -> str | None:
    return media_janus.missing() if kind == JANUS else None


async def measure(options: argparse.Namespace, found: Found, folder: Path, faults: Faults) -> None:
    """All turns of all who are there, then the full house."""
    await asyncio.to_thread(clip_in, folder)
    absent = {kind: sentence for kind in options.contenders if (sentence := _missing(kind)) is not None}
    found.without = [f"Without {TITLES[kind]}: {sentence}." for kind, sentence in absent.items()]
    contenders = [kind for kind in options.contenders if kind not in absent]
    for number, kind in interleaved(contenders, options.rounds):
        viewers = min(options.viewers, MOST_VIEWERS.get(kind, options.viewers))
        print(f"… {viewers} viewers, {TITLES[kind]}", file=sys.stderr, flush=True)
        with faults.surviving(f"{viewers} viewers, {TITLES[kind]}"):
            found.turns.append(await take_turn(kind, options.port, viewers, options.seconds, folder, number))
    for number in range(options.full_rounds if LYCEUM in contenders else 0):
        print(f"… {options.capacity} viewers, {TITLES[LYCEUM]}", file=sys.stderr, flush=True)
        with faults.surviving(f"{options.capacity} viewers, {TITLES[LYCEUM]}"):
            found.full.append(await take_turn(LYCEUM, options.port, options.capacity, options.seconds, folder, number))
        with faults.surviving(f"{options.rush} viewers at once"):
            found.rushes.append(await take_rush(options.port, options.rush, folder))


def _by_round(turns: Sequence[Turn], kind: str) -> dict[int, float | None]:
    return {turn.round: None if turn.is_void else turn.for_a_viewer for turn in turns if turn.contender == kind}


def _words(values: Sequence[float], digits: int = 2) -> str:
    found = spread(values)
    return "–" if found is None else found.words(digits)


def _half(turn: Turn) -> float:
    return turn.half


def _most(turn: Turn) -> float:
    return turn.most


def _rows(turns: Sequence[Turn], kinds: Sequence[str]) -> list[list[str]]:
    rows = []
    for kind in kinds:
        valid = [turn for turn in turns if turn.contender == kind and not turn.is_void]
        if not valid:
            taken = sum(turn.contender == kind for turn in turns)
            rows.append([TITLES[kind], f"all {taken} turns void" if taken else "not measured", *["–"] * 9])
            continue
        rows.append(
            [
                TITLES[kind],
                str(valid[0].viewers),
                _words([turn.for_a_viewer for turn in valid]),
                "1" if kind == LYCEUM else times(paired(_by_round(turns, LYCEUM), _by_round(turns, kind))),
                _words([turn.many * 100 for turn in valid], 1),
                f"{sum(turn.lost for turn in valid):,} of {sum(turn.expected for turn in valid):,}",
                _words([turn.pictures for turn in valid], 1),
                *(_words([wait for turn in valid if (wait := waits(turn))], 1) for waits in (_half, _most)),
                f"{max(turn.generator for turn in valid):.0%}",
                _words([turn.megabytes for turn in valid], 0),
            ]
        )
    return rows


_HEAD = (
    "server", "viewers", "thousandths of a core a viewer", "ours to theirs, turn by turn", "% of a core in all",
    "packets lost", "pictures/s a viewer", "half within, ms", "99 % within, ms", "viewers' process, of a core", "memory, MB",
)  # fmt: skip


def report(options: argparse.Namespace, command: str, found: Found) -> Report:
    """The tables and what was promised. Raises NothingMeasured."""
    if not found.turns and not found.full and not found.rushes:
        raise NothingMeasured("No turn of any contender came to its end.")
    ours = _by_round(found.turns, LYCEUM)
    to_janus = paired(ours, _by_round(found.turns, JANUS))
    to_relay = paired(_by_round(found.turns, RELAY), ours)
    full = [turn for turn in found.full if not turn.is_void]
    parts = []
    if found.turns:
        prices = {
            TITLES[kind]: [turn.for_a_viewer for turn in found.turns if turn.contender == kind and not turn.is_void]
            for kind in options.contenders
        }
        chart = spread_chart("Processor a viewer", "thousandths of a core", prices, [TITLES[LYCEUM]])
        parts.append(Part("A viewer's price", table(_HEAD, _rows(found.turns, options.contenders)), chart))
    if found.full:
        parts.append(Part("A full server", _full_table(found.full)))
    if found.rushes:
        parts.append(Part("Everybody at once", _rush_table(found.rushes)))
    lost: Spread | None = spread([float(turn.lost) for turn in full])
    promised = [
        Target.of("processor a viewer against Janus", to_janus, JANUS_AT_MOST, at_most=True, unit="×"),
        Target.of("processor a viewer, MediaRelay against ours", to_relay, RELAY_AT_LEAST, unit="×"),
        Target.of(f"packets lost at {options.capacity} viewers", lost, 0, at_most=True),
        Target.of(
            f"what the server adds to the 99 % at {options.capacity} viewers",
            spread([turn.added for turn in full]),
            ADDED_MS,
            at_most=True,
            unit=" ms",
        ),
        Target.of(f"of one core at {options.capacity} viewers", spread([turn.many for turn in full]), 1.0, at_most=True),
    ]
    apart = [rush.apart for rush in found.rushes if rush.apart is not None]
    words = f"between two keyframe requests while {options.rush} viewers join at once"
    promised.append(Target.of(words, spread(apart), APART_SECONDS, unit=" s"))
    everyone = [*found.turns, *found.full]
    void = sum(turn.is_void for turn in everyone)
    conditions = (
        f"{options.rounds} interleaved turns each, {options.seconds:g} s with {FEW} viewers and as long with all; "
        f"{', '.join(sorted({turn.profile for turn in everyone}))}; load average when a turn ended "
        f"{_words([turn.load for turn in everyone], 1)}. {void} void turns. {' '.join(found.without)}"
    ).rstrip()
    figures: dict[str, Any] = {
        "turns": [asdict(turn) for turn in found.turns],
        "full": [asdict(turn) for turn in found.full],
        "rushes": [asdict(rush) for rush in found.rushes],
    }
    return Report("media", "Live video", command, conditions, parts, promised, figures)


def _rush_table(rushes: Sequence[Rush]) -> str:
    head = [
        "viewers at once",
        "all there within, s",
        "keyframe requests to the publisher",
        "at least apart, s",
        "saw nothing",
    ]
    rows = [
        [
            str(rush.viewers),
            f"{rush.seconds:.1f}",
            str(rush.requests),
            "–" if rush.apart is None else f"{rush.apart:.2f}",
            str(rush.silent),
        ]
        for rush in rushes
    ]
    return table(head, rows)


def _full_table(turns: Sequence[Turn]) -> str:
    head = [
        "turn",
        "viewers",
        "% of a core",
        "packets lost",
        "half within, ms",
        "99 % within, ms",
        "straight: half, 99 %, ms",
    ]
    head += ["viewers' process, of a core", "load average", "memory, MB"]
    rows = [
        [
            f"{turn.round + 1}{' (void)' if turn.is_void else ''}",
            str(turn.viewers),
            f"{turn.many:.1%}",
            f"{turn.lost:,} of {turn.expected:,}",
            f"{turn.half:.1f}",
            f"{turn.most:.1f}",
            f"{turn.straight_half:.2f}, {turn.straight_most:.1f}",
            f"{turn.generator:.0%}",
            f"{turn.load:.1f}",
            f"{turn.megabytes:.0f}",
        ]
        for turn in turns
    ]
    return table(head, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. 1 when a promise was missed, 2 when something could not be measured."""
    parser = parser_of("media", __doc__)
    parser.add_argument("--viewers", type=int, default=100)
    parser.add_argument("--capacity", type=int, default=300, help="viewers of the full server")
    parser.add_argument("--rush", type=int, default=200, help="viewers who join at once")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--full-rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    parser.add_argument("--contenders", nargs="+", choices=list(TITLES), default=list(TITLES))
    parser.add_argument("--port", type=int, default=9_940)
    parser.add_argument("--serve", choices=sorted(SERVERS), help=argparse.SUPPRESS)
    options, found = parser.parse_args(arguments), Found()
    if options.serve:
        asyncio.run(SERVERS[options.serve](options.port))
        return 0
    return measured(
        options.results,
        lambda folder, faults: in_loop(measure(options, found, folder, faults)),
        lambda: report(options, command_line("media", arguments), found),
    )


if __name__ == "__main__":
    sys.exit(main())
