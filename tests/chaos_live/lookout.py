"""What Ray and the hosts say of themselves, asked by a process of its own inside the cluster."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psutil

ASK_SECONDS = 20.0

# A driver of Ray takes over its process: threads, signal handlers, logging. Hence not in the one that keeps the time.
_DRIVER = """
import json, os, sys
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what Ray itself prints is no answer
import ray
from ray import serve
ray.init(address=sys.argv[1], namespace=sys.argv[2], log_to_driver=False, logging_level="ERROR")

def hosts(names):
    asked = []
    for name in names:
        try:
            asked.append(ray.get_actor(name).health.options(concurrency_group="health").remote())
        except ValueError:
            continue
    answered, _ = ray.wait(asked, num_returns=len(asked), timeout=2) if asked else ([], [])
    for ref in answered:
        try:
            yield ray.get(ref)
        except ray.exceptions.RayError:
            continue

def replicas():
    for application in serve.status().applications.values():
        for deployment in application.deployments.values():
            yield deployment.replica_states.get("RUNNING", 0)

print("ready", file=answers, flush=True)
for line in sys.stdin:
    number, kind, names = json.loads(line)
    try:
        said = list(hosts(names)) if kind == "hosts" else sum(replicas())
    except Exception as fault:
        said = repr(fault)
    print(json.dumps([number, said]), file=answers, flush=True)
"""


@dataclass(frozen=True)
class Host:
    """A host that answers. `fenced` counts the writes that Postgres refused since this process began."""

    name: str
    process: psutil.Process
    started: bool
    fenced: int


class Lookout:
    """Asks one thing at a time."""

    def __init__(self, driver: asyncio.subprocess.Process) -> None:
        self._driver = driver
        self._numbers = count(1)
        self._turn = asyncio.Lock()

    async def hosts(self, names: Iterable[str]) -> dict[str, Host]:
        """Those of these hosts that answer within two seconds. Raises TimeoutError."""
        said = await self._ask("hosts", sorted(names))
        found = {}
        for each in said if isinstance(said, list) else []:
            if psutil.pid_exists(each["pid"]):
                process = psutil.Process(each["pid"])
                found[each["name"]] = Host(each["name"], process, each["started"], int(each.get("fenced", 0)))
        return found

    async def replicas(self) -> int:
        """How many replicas serve; none when Serve's controller does not say. Raises TimeoutError."""
        said = await self._ask("replicas", [])
        return said if isinstance(said, int) else 0

    async def _ask(self, kind: str, names: list[str]) -> Any:
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        async with self._turn, asyncio.timeout(ASK_SECONDS):
            number = next(self._numbers)
            self._driver.stdin.write(f"{json.dumps([number, kind, names])}\n".encode())
            while True:
                line = await self._driver.stdout.readline()
                assert line, "the lookout's connection to Ray is gone"
                answered, said = json.loads(line)
                if answered == number:  # else an answer that came too late for who had asked
                    return said


@asynccontextmanager
async def looking_out(root: int, log: Path) -> AsyncIterator[Lookout]:
    """Of the system that runs under `root`; what Ray complains of is in `log`."""
    [head] = [each for each in psutil.Process(root).children() if each.name() == "raylet"]
    [address] = [word.split("=", 1)[1] for word in head.cmdline() if word.startswith("--gcs-address=")]
    with log.open("ab") as complaints:
        driver = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _DRIVER, address, "lyceum", env=head.environ(), cwd="/",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=complaints,
        )  # fmt: skip
    try:
        assert driver.stdout is not None
        async with asyncio.timeout(60):
            while (line := await driver.stdout.readline()) != b"ready\n":
                assert line, f"the lookout found no Ray; it says why in {log}"
        yield Lookout(driver)
    finally:
        if driver.returncode is None:
            driver.kill()
        await driver.wait()
