"""`python -m tests.scale.measure URL`: p95 of each main route on a database that `lyceum demo --scale` has filled, and
whether a statement that it causes reads a large table from end to end. Exit code 1 when one does, or is too slow.

The edge, the stores and the grains of courses run in this process, one request after the other; classes are in memory.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import asyncpg

from persistence.scale import Size
from tests.scale.routes import Large, Route, open_large, routes, scans

_LARGE_ROWS = 20_000
"""Of smaller tables Postgres reads every row when that is quicker."""


async def main() -> int:
    """Measure, print a table, and say how it went."""
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("url")
    said.add_argument("--users", type=int, default=Size.users)
    said.add_argument("--courses", type=int, default=Size.courses)
    said.add_argument("--rounds", type=int, default=100)
    said.add_argument("--most-milliseconds", type=float, default=250.0)
    asked = said.parse_args()
    size = Size(asked.users, asked.courses)
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        connection = await asyncpg.connect(asked.url.replace("+asyncpg", ""))
        async with open_large(asked.url, Path(folder)) as large:
            print(f"{'median':>8} {'p95':>8} ms  {'bytes':>7}  route")
            for route in routes(size):
                bad += await _measure(large, route, asked.rounds, asked.most_milliseconds, connection)
        await connection.close()
    print("no statement reads a large table from end to end, none is slow" if not bad else f"{bad} faults")
    return 1 if bad else 0


async def _measure(
    large: Large, route: Route, rounds: int, most: float, connection: "asyncpg.Connection[asyncpg.Record]"
) -> int:
    with large.caused() as statements:
        answer = await large.ask(route)
    faults = [] if answer.status_code in (200, 201) else [f"{answer.status_code}: {answer.text[:300]}"]
    for each in statements:
        faults += [f"{hit}: {' '.join(each.sql.split())[:300]}" for hit in await scans(connection, each, _LARGE_ROWS)]
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        await large.ask(route)
        took.append((time.perf_counter() - began) * 1_000)
    p95 = statistics.quantiles(took, n=20)[-1]
    if p95 > most:
        faults.append(f"p95 is {p95:.0f} ms, and {most:.0f} ms may it be")
    size = len(answer.content)
    print(f"{statistics.median(took):8.1f} {p95:8.1f}     {size:7}  {route.method} {route.path} ({route.who})")
    for fault in faults:
        print(f"          {fault}")
    return len(faults)


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
