"""What a load process knows of its run: where Lyceum is, and whom to tell what was seen and measured."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Fact = list[Any]
"""Something that a person saw, for the verdict of the run: its kind first. It travels to the master as msgpack."""

_EPOCH = time.time() - time.perf_counter()


def now() -> float:
    """Seconds since 1970, of a clock that never jumps within a run."""
    return _EPOCH + time.perf_counter()


@dataclass(frozen=True)
class Stage:
    """The same for everybody in one load process. Moments are of `now()`."""

    host: str
    socket_url: str
    tell: Callable[[Fact], None]
    measure: Callable[[str, float, Exception | None], None]
    """Note a request by its name, the moment when it was due, and what went wrong. Waiting counts from when it was due, not
    from when the generator found time for it: a slow generator or server cannot hide waiting (coordinated omission)."""
