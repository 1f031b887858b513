"""One turn at a door: a crowd comes, everything is measured, and the store is asked for every seat."""

import asyncio
import gc
from collections.abc import Sequence
from statistics import median
from time import perf_counter

from loadtests.benchmarks.door_peers import Contender
from loadtests.benchmarks.machine import Meter, Rest, quiet
from loadtests.benchmarks.turns import Turn
from loadtests.prepared import PreparedClass
from loadtests.storm import check_promises
from loadtests.waits import within

_PATIENCE_SECONDS = 60


async def take_turn(
    name: str,
    contender: Contender,
    rooms: Sequence[PreparedClass],
    rest: Rest,
    number: int = 0,
    spread_seconds: float = 0,
    seats: int | None = None,
) -> Turn:
    """The students of all rooms, at once or evenly over some seconds, each to a class of so many seats (one for each of its
    students). Raises BrokenPromise or NotOnRecord when the contender did not do what it said."""
    crowds = [contender.crowd(room) for room in rooms]
    try:
        for crowd in crowds:
            await crowd.open()
        busy = await quiet(rest)
        gc.collect()
        gc.disable()  # a collection among many live objects stops the generator for tens of milliseconds
        meter, start = Meter(contender.pids, contender.postgres), perf_counter()
        parties = await asyncio.gather(
            *(
                crowd.join(room.session_id, _PATIENCE_SECONDS, spread_seconds)
                for crowd, room in zip(crowds, rooms, strict=True)
            )
        )
        usage = meter.read()
        gc.enable()
        shared = []
        for room, party in zip(rooms, parties, strict=True):
            check_promises(party, seats or len(room.students))
            shared.append(await contender.check(room, party))
            await contender.clear(room)
    finally:
        gc.enable()
        for crowd in crowds:
            await crowd.close()
    waits = [each.seconds for party in parties for each in party]
    return Turn(
        name,
        len(waits),
        max(each.answered_at for party in parties for each in party) - start,
        within(waits, 0.5),
        within(waits, 0.99),
        usage.generator_share,
        usage.machine_idle,
        usage.service_cpu,
        usage.postgres_cpu,
        median(shared),
        number,
        busy,
    )
