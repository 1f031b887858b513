"""Python's cyclic collector in processes that hold many long-lived objects."""

import gc

YOUNG = 50_000
"""Allocations between two collections of the youngest objects; Python's own choice is 700 to 2,000."""


def spare_the_collector() -> None:
    """Leave what start-up made out of every later collection, and collect seldom: our own objects hold no cycles, and
    a full collection over a hundred thousand of them stops the loop for tens of milliseconds."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)
