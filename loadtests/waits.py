"""How long something took, over many times."""

import math
from collections.abc import Sequence


def within(waits: Sequence[float], share: float) -> float:
    """The seconds within which `share` (0..1] of the waits ended. Raises ValueError when there are none."""
    if not waits:
        raise ValueError("Nothing was measured.")
    return sorted(waits)[math.ceil(share * len(waits)) - 1]
