"""A second Ray node on this machine, in the cluster of a running system."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.end_to_end.killing import kill

# `ray start` makes no second node on loopback; these are the parts it is made of, as in `serve_app/command/ray_head.py`.
_NODE = """
import signal, sys
from ray._private.node import Node
from ray._private.parameter import RayParams
parameters = RayParams(
    gcs_address=sys.argv[1], num_cpus=2, num_gpus=0, object_store_memory=80 * 2**20, min_worker_port=0, max_worker_port=0,
    include_log_monitor=False,
)
parameters.update_pre_selected_port()
Node(parameters, head=False, shutdown_at_exit=True, spawn_reaper=True)
print("The second node runs.", flush=True)
signal.pause()
"""


@contextmanager
def second_node(root: int, log: Path) -> Iterator[psutil.Process]:
    """Its raylet. Inside the block it belongs to the cluster of the system that runs under `root`."""
    [head] = [each for each in psutil.Process(root).children() if each.name() == "raylet"]
    [address] = [word.split("=", 1)[1] for word in head.cmdline() if word.startswith("--gcs-address=")]
    with log.open("ab") as output:
        command = [sys.executable, "-c", _NODE, address]
        started = subprocess.Popen(command, env=head.environ(), cwd="/", stdout=output, stderr=output)
    process = psutil.Process(started.pid)
    try:
        yield process
    finally:
        if process.is_running():
            kill([process])
        started.wait(10)


def raylet_of(node: psutil.Process) -> psutil.Process | None:
    """The raylet below what started it, once it is there."""
    return next((each for each in node.children(recursive=True) if each.name() == "raylet"), None)
