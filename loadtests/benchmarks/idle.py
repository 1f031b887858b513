"""Memory of the server for each idle socket: Lyceum's gateway (signed in, following) and the library `websockets` alone.

python -m loadtests.benchmarks.idle [--sockets 10000]
"""

import argparse
import asyncio
import resource
import subprocess
import sys
import time

import psutil
import uvloop
from picows import WSTransport, ws_connect

from loadtests.benchmarks.fanout import DIALECTS, PATIENCE_SECONDS, TITLES, Crowd, Subscriber, await_port
from loadtests.benchmarks.fanout_servers import LYCEUM, WEBSOCKETS
from loadtests.benchmarks.machine import describe_machine

_AT_ONCE = 50


async def fill(kind: str, port: int, sockets: int, pid: int) -> tuple[float, float]:
    """Open so many sockets and leave them alone. KB of resident memory and milliseconds of CPU a socket, of the server."""
    crowd = Crowd(DIALECTS[kind])
    url = f"ws://127.0.0.1:{port}{crowd.dialect.path}"
    server = psutil.Process(pid)
    empty, cpu = server.memory_info().rss, server.cpu_times()
    held: list[WSTransport] = []

    async def open_one(number: int) -> None:
        transport, _ = await ws_connect(lambda: Subscriber(crowd, number), url, websocket_handshake_timeout=PATIENCE_SECONDS)
        held.append(transport)

    for start in range(0, sockets, _AT_ONCE):
        await asyncio.gather(*(open_one(number) for number in range(start, min(start + _AT_ONCE, sockets))))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while crowd.standing < sockets:
        if time.monotonic() > deadline:
            raise TimeoutError(f"only {crowd.standing} of {sockets} subscriptions stand")
        await asyncio.sleep(0.05)
    full, now = server.memory_info().rss, server.cpu_times()
    return (full - empty) / sockets / 1024, (now.user + now.system - cpu.user - cpu.system) / sockets * 1000


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=10_000)
    parser.add_argument("--port", type=int, default=9481)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(f"{options.sockets:,} idle sockets. {describe_machine()}\n")
    print("| server | KB a socket | CPU to open one |\n|---|---:|---:|")
    for kind in (LYCEUM, WEBSOCKETS):
        command = [sys.executable, "-m", "loadtests.benchmarks.fanout", "--serve", kind, "--port", str(options.port)]
        server = subprocess.Popen(command)
        try:
            await_port(server, options.port)
            memory, cpu = uvloop.run(fill(kind, options.port, options.sockets, server.pid))
        finally:
            server.terminate()
            server.wait(20)
        print(f"| {TITLES[kind]} | {memory:.1f} | {cpu:.2f} ms |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
