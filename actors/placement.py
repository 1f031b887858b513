"""Nodes come while Lyceum runs: each gateway sees to it that every node has its hosts and its gateway."""

import asyncio
from collections.abc import Callable

import structlog

LOOK_SECONDS = 2.0

_log = structlog.get_logger(__name__)


async def keep_placing(extend: Callable[[frozenset[str]], frozenset[str]]) -> None:
    """For ever: every two seconds `extend`, in a thread, with the nodes that were there before; it returns those of now."""
    known: frozenset[str] = frozenset()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            now = await asyncio.to_thread(extend, known)
        except Exception:
            # Ray's control service is away, or a node went while its actors were made. Whatever it is: nobody else looks.
            _log.exception("nodes_unknown")
            continue
        if known and now != known:
            _log.info("nodes_changed", came=sorted(now - known), went=sorted(known - now))
        known = now
