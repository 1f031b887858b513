"""Finding, counting and ending the processes of a run."""

import subprocess
import sys
from pathlib import Path

import psutil

from serve_app.command.processes import belonging_to, end_all, memory_bytes, tree, wait_gone

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]

# A parent that dies before its child: without adoption process 1 would inherit the child.
ORPHANS = """
import os, subprocess, time, psutil
from serve_app.command.processes import adopt_orphans, reap_orphans
adopt_orphans()
subprocess.run(["/bin/sh", "-c", "sleep 0.1 & sleep 0.1 & exit 0"], check=True)
own = subprocess.Popen(["/bin/sleep", "0.1"])
deadline = time.monotonic() + 10
while len([c for c in psutil.Process().children() if c.status() == psutil.STATUS_ZOMBIE]) < 3:
    assert time.monotonic() < deadline, psutil.Process().children()
seen = {c.pid for c in psutil.Process().children()}
reap_orphans({own.pid})
assert own.wait(5) == 0
reap_orphans(())
assert psutil.Process().children() == []
reap_orphans(())
print(len(seen))
"""


def test_orphans_are_adopted_and_let_go_but_for_the_spared() -> None:
    done = subprocess.run([sys.executable, "-c", ORPHANS], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.returncode) == ("3", 0), done.stderr


def test_processes_are_found_by_open_file_and_by_argument_with_their_children(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    script = f"import subprocess, sys; subprocess.run({SLEEP!r})"
    with (mine / "log").open("w") as log:
        by_file = subprocess.Popen([sys.executable, "-c", script], stdout=log)
    by_argument = subprocess.Popen([*SLEEP, str(mine / "config")])
    stranger = subprocess.Popen([*SLEEP, str(tmp_path / "mine-too" / "config")])
    try:
        psutil_parent = psutil.Process(by_file.pid)
        while not psutil_parent.children():
            assert by_file.poll() is None
        found = {process.pid for process in belonging_to([mine])}
        child = psutil_parent.children()[0]
        assert found == {by_file.pid, by_argument.pid, child.pid}
        assert {process.pid for process in tree(by_file.pid)} == {by_file.pid, child.pid}
        assert end_all([mine], patience_seconds=5) == 3
        assert stranger.poll() is None
        assert wait_gone([child], 5)
    finally:
        for each in (by_file, by_argument, stranger):
            each.kill()
            each.wait(10)


def test_memory_is_more_for_more_and_gone_processes_count_nothing() -> None:
    one, other = subprocess.Popen(SLEEP), subprocess.Popen(SLEEP)
    processes = [psutil.Process(one.pid), psutil.Process(other.pid)]
    assert 0 < memory_bytes(processes[:1]) < memory_bytes(processes)
    for each in (one, other):
        each.kill()
        each.wait(10)
    assert memory_bytes(processes) == 0
    assert tree(one.pid) == []
