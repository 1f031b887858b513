"""Names that Ray's control service knows, asked for in a thread."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

LOOK_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class Names:
    """What `find` finds, which blocks, and may for as long as the control service is away: so one question at a time is
    under way, and who asks waits for a second at most. `first` are the names that are known at first."""

    def __init__(self, find: Callable[[], Sequence[str]], first: Sequence[str] = ()) -> None:
        self._find = find
        self._names = tuple(first)
        self._looking: asyncio.Task[None] | None = None

    async def latest(self) -> Sequence[str]:
        """Those of now; those of the last time when nobody can tell."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
        await asyncio.wait((self._looking,), timeout=LOOK_SECONDS)
        return self._names

    async def _look(self) -> None:
        try:
            self._names = tuple(await asyncio.to_thread(self._find))
        except Exception:
            # The control service is away, most likely. Whatever it is: who asks has the names of the last time.
            _log.exception("names_unknown")
