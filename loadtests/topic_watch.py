"""What one subscriber saw of one topic: raises BrokenPromise at the first gap or repeat, and keeps marks to compare."""

import zlib
from collections.abc import Callable
from typing import Any

import msgspec

from loadtests.answers import Frame
from loadtests.promises import BrokenPromise

OnEvent = Callable[[str, Any], None]
OnSnapshot = Callable[[Any], None]
_canonical = msgspec.json.Encoder(order="deterministic").encode


class TopicWatch:
    """Takes `subscribed` and `events` frames of a topic in the order in which they were read, across every reconnection."""

    def __init__(self, topic: str, on_event: OnEvent | None = None, on_snapshot: OnSnapshot | None = None) -> None:
        self.topic = topic
        self._on_event = on_event
        self._on_snapshot = on_snapshot
        self.position: tuple[int, int] | None = None
        """Epoch and offset of the last event seen, or of the snapshot."""
        self.resumed = 0
        """How often missed events followed a subscription."""
        self.snapshots = 0
        """How often the whole state came instead: once at first."""
        self.marks: dict[int, int] = {}
        """A checksum of type and data by offset: who saw the same offset must have seen the same."""
        self.refused = ""
        """Why the topic could not be had again after a cut, if it could not."""
        self._due = 0

    @property
    def caught_up(self) -> bool:
        """Whether everything that the last subscription owed has come."""
        return self.position is not None and self.position[1] >= self._due

    def take(self, frame: Frame) -> None:
        """One frame of this topic. Raises BrokenPromise."""
        if frame.type == "subscribed":
            self._subscribed(frame)
        for event in frame.events or ():
            self._event(frame.epoch, event.offset, event.type, event.data)

    def _subscribed(self, frame: Frame) -> None:
        before, self._due = self.position, frame.offset
        if before is not None and frame.offset < before[1]:
            raise BrokenPromise(f"{self.topic} went back from offset {before[1]} to {frame.offset}.")
        if before is not None and frame.epoch < before[0]:
            raise BrokenPromise(f"{self.topic} went back from epoch {before[0]} to {frame.epoch}.")
        if frame.recovered:
            if before is None:
                raise BrokenPromise(f"{self.topic} was resumed for somebody who had seen nothing of it.")
            self.resumed += 1
            return
        self.snapshots += 1
        self.position = (frame.epoch, frame.offset)
        if self._on_snapshot is not None:
            self._on_snapshot(frame.snapshot)

    def _event(self, epoch: int, offset: int, kind: str, data: Any) -> None:
        if self.position is None:
            raise BrokenPromise(f"{self.topic} told offset {offset} before it was subscribed to.")
        last_epoch, last = self.position
        if offset != last + 1:
            what = "a repeat" if offset <= last else "a gap"
            raise BrokenPromise(f"{self.topic} has {what}: offset {offset} came where {last + 1} was due.")
        if epoch < last_epoch:
            raise BrokenPromise(f"{self.topic} went back from epoch {last_epoch} to {epoch}.")
        self.position = (epoch, offset)
        self.marks[offset] = zlib.crc32(_canonical([kind, data]))
        if self._on_event is not None:
            self._on_event(kind, data)


class SharedTopics:
    """What many subscribers saw of the same topics; they must have been told the same at the same offset."""

    def __init__(self) -> None:
        self._marks: dict[str, dict[int, int]] = {}
        self.events = 0
        """How many events were compared, over all subscribers."""

    def compare(self, topic: str, offsets: list[int], marks: list[int]) -> None:
        """Take one subscriber's marks. Raises BrokenPromise when somebody else was told otherwise."""
        known = self._marks.setdefault(topic, {})
        self.events += len(offsets)
        for offset, mark in zip(offsets, marks, strict=True):
            if known.setdefault(offset, mark) != mark:
                raise BrokenPromise(f"Two subscribers of {topic} were told different events as offset {offset}.")
