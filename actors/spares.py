"""Workers of Ray that stand by with everything imported: a host or gateway that dies is back in a fraction of the time."""

import time
from typing import Any

import ray
import structlog
from ray.exceptions import RayError

SPARES = 2
LOOK_SECONDS = 3.0
STUCK_SECONDS = 60.0

_log = structlog.get_logger(__name__)


class Spares:
    """Keeps spare workers on the node of this driver. Ray starts a worker for each task that has to wait for another, and
    makes the next actor in one that has not worked yet. So now and then a few tasks are handed in that do nothing; their
    workers stay (`RAY_num_workers_soft_limit`) and have imported everything (`RAY_preload_python_modules`)."""

    def __init__(self) -> None:
        self._nothing = ray.remote(num_cpus=0, max_retries=0)(nothing)
        self._asked: list[Any] = []
        self._asked_at = 0.0

    def look(self) -> None:
        """Ask for what is missing; returns at once. Call it every moment."""
        now = time.monotonic()
        if self._asked:
            done, self._asked = ray.wait(self._asked, num_returns=len(self._asked), timeout=0)
            for each in done:
                try:
                    ray.get(each)
                except RayError as error:
                    _log.info("spare_lost", reason=str(error).splitlines()[0][:200])
        if self._asked and now - self._asked_at >= STUCK_SECONDS:
            _log.warning("spares_stuck", seconds=STUCK_SECONDS)
            self._asked = []
        if not self._asked and now - self._asked_at >= LOOK_SECONDS:
            self._asked_at = now
            self._asked = [self._nothing.remote() for _ in range(1 + SPARES)]  # the first waits for nobody


def nothing() -> None:
    """What a worker does to become a spare."""
