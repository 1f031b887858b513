"""Live video: Lyceum's MediaServer against Debian's Janus (videoroom) and aiortc's MediaRelay, one process each.

The same publisher (640x360 at 25 pictures a second, 600 kbit/s, and Opus) and the same viewers, processes of their own, meet
each server in turn (A B C, C B A, …). A viewer's price is what the server's process used with many viewers less what it used
with few, by the difference in viewers; MediaRelay has ten, more is beyond it. Then Lyceum and Janus in turn with 300: what
was lost, what the server adds to a packet's way (against the same packets sent straight), and its share of a core.

python -m loadtests.benchmarks.media [--viewers 100] [--capacity 300] [--rounds 3] [--contenders lyceum janus relay]
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from loadtests.benchmarks import media_janus
from loadtests.benchmarks.comparison import Faults, command_line, in_loop, measured, parser_of
from loadtests.benchmarks.machine import cpu_of, memory_of, stolen_between
from loadtests.benchmarks.media_clip import clip_in
from loadtests.benchmarks.media_crowd import PUBLISH, VIEW, CrowdProcess, Place
from loadtests.benchmarks.media_report import FEW, TITLES, Found, Rush, Turn, report
from loadtests.benchmarks.media_servers import JANUS, LYCEUM, RELAY, SERVERS
from loadtests.benchmarks.media_transport import usual_host
from loadtests.benchmarks.servers import REPOSITORY, ServiceFailed
from loadtests.benchmarks.turns import interleaved

MOST_VIEWERS = {RELAY: 10}
"""It encodes for each viewer: ten fill a core and more."""
_SETTLE_SECONDS = 2.0
_RUSHES = 2


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
        times, began = psutil.cpu_times(), asyncio.get_running_loop().time()
        many = await _used(pid, seconds)
        stolen = stolen_between(times, psutil.cpu_times()) / (asyncio.get_running_loop().time() - began)
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
            stolen,
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
    for number, kind in interleaved([kind for kind in contenders if kind != RELAY], options.full_rounds):
        print(f"… {options.capacity} viewers, {TITLES[kind]}", file=sys.stderr, flush=True)
        with faults.surviving(f"{options.capacity} viewers, {TITLES[kind]}"):
            found.full.append(await take_turn(kind, options.port, options.capacity, options.seconds, folder, number))
    for _ in range(_RUSHES if LYCEUM in contenders else 0):
        print(f"… {options.rush} viewers at once, {TITLES[LYCEUM]}", file=sys.stderr, flush=True)
        with faults.surviving(f"{options.rush} viewers at once"):
            found.rushes.append(await take_rush(options.port, options.rush, folder))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. 1 when a promise was missed, 2 when something could not be measured."""
    parser = parser_of("media", __doc__)
    parser.add_argument("--viewers", type=int, default=100)
    parser.add_argument("--capacity", type=int, default=300, help="viewers of the full server")
    parser.add_argument("--rush", type=int, default=200, help="viewers who join at once")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--full-rounds", type=int, default=5)
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
