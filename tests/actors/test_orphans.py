import os
import select
import subprocess
import sys

import psutil

_CHILD = """
import sys
from actors.orphans import end_with_parent
end_with_parent()
print("up", flush=True)
sys.stdin.read()
"""
_PARENT = f"""
import subprocess, sys
print(subprocess.Popen([sys.executable, "-c", {_CHILD!r}]).pid, flush=True)
input()
"""


def test_a_process_whose_parent_is_killed_ends_whoever_adopts_it() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    try:
        assert parent.stdout.readline() == "up\n"
        assert _lives(child)
        ended = select.poll()
        ended.register(os.pidfd_open(child.pid), select.POLLIN)
        parent.kill()
        assert ended.poll(10_000), "it lives on without its parent"
    finally:
        parent.kill()
        parent.communicate()
        if _lives(child):
            child.kill()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
