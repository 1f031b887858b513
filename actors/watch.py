"""A host's eye on the gateways: whoever falls silent is forgotten, and so are the sockets of runs that are no more."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from actors.boxes import Box
from actors.envelopes import LIVE, Envelope
from actors.listeners import SILENT_SECONDS, Listeners
from actors.live_grain import LiveGrain
from classroom.callers import Caller, Role
from classroom.live.commands import Disconnect

SWEEP_SECONDS = 1.0
SWEEPS_A_ROUND = 10


class Watch:
    """`tell` puts envelopes before the grain of a box. A host that has just begun knows no gateway yet: for as long as a
    silence may last it judges nobody."""

    def __init__(
        self, listeners: Listeners, boxes: Mapping[tuple[str, str], Box], tell: Callable[[Box, Sequence[Envelope]], None]
    ) -> None:
        self._listeners = listeners
        self._boxes = boxes
        self._tell = tell

    async def keep(self) -> None:
        """For ever."""
        loop = asyncio.get_running_loop()
        started = now = loop.time()
        judged: frozenset[str] | None = None
        sweeps = 0
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            if loop.time() - now > SILENT_SECONDS / 2:
                self._listeners.pardon()
            now = loop.time()
            for gateway in self._listeners.forget_silent():
                self.let_go(gateway)
            runs, sweeps = self._listeners.runs, sweeps + 1
            if now - started > SILENT_SECONDS and (runs != judged or sweeps % SWEEPS_A_ROUND == 0):
                judged = runs
                self._lose_connections(runs)

    def let_go(self, gateway: str) -> None:
        """Nothing is followed there any more."""
        for box in self._boxes.values():
            box.let_followers_go(gateway)

    def _lose_connections(self, runs: frozenset[str]) -> None:
        """Connections of gateways, or runs of gateways, that are no more."""
        for box in list(self._boxes.values()):
            if not isinstance(box.grain, LiveGrain):
                continue
            lost = [each for run, held in box.grain.gateways_present().items() if run not in runs for each in held]
            if lost:
                gone = [(Caller(user_id, "", Role.STUDENT), Disconnect(connection)) for user_id, connection in lost]
                self._tell(box, [Envelope(LIVE, box.id, caller, body, None) for caller, body in gone])
