"""Faults that the simulation must see: each puts one into the product while it lasts."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from classroom.live.state import LiveClass
from persistence.batches import Bundle, Committed
from persistence.memory.live_journal import MemoryCommits


def lose_some_writes() -> AbstractContextManager[Any]:
    """The store says yes and forgets one commit in ten."""
    write, count = MemoryCommits._write, iter(range(1 << 30))

    def forgetful(self: MemoryCommits, bundle: Bundle) -> Committed:
        return Committed.YES if next(count) % 10 == 9 else write(self, bundle)

    return patch.object(MemoryCommits, "_write", forgetful)


def forget_commands() -> AbstractContextManager[Any]:
    """A command that comes again is done again."""
    return patch.object(LiveClass, "remember", lambda *_: None)


def no_fence() -> AbstractContextManager[Any]:
    """The store takes what a host writes that has lost the shard."""
    write = MemoryCommits._write

    def unfenced(self: MemoryCommits, bundle: Bundle) -> Committed:
        shards = self._tables.shards
        before = shards[bundle.shard_id]
        shards[bundle.shard_id] = before[0], bundle.epoch
        try:
            return write(self, bundle)
        finally:
            shards[bundle.shard_id] = before

    return patch.object(MemoryCommits, "_write", unfenced)


PLANTED: tuple[Callable[[], AbstractContextManager[Any]], ...] = (lose_some_writes, forget_commands, no_fence)
