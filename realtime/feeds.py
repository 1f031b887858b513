"""One topic as a gateway follows it: its position, its recent events, its subscribers. No clock, no loop, no socket."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from classroom.ids import Topic
from classroom.ports import Batch, Entered
from classroom.topics import Position
from realtime import frames


class Subscriber(Protocol):
    """Where a subscription's frames go."""

    def send(self, frame: bytes) -> None:
        """Send one encoded frame, or nothing when the subscriber is gone."""
        ...


@dataclass
class FeedCounters:
    """What all feeds of a gateway did, since the start."""

    deliveries: int = 0
    frames: int = 0
    bytes: int = 0
    duplicates: int = 0
    holes: int = 0


class Ring:
    """The last events of a topic, bounded in number and in bytes."""

    __slots__ = ("_bytes", "_events", "_max_bytes", "_max_events", "last")

    def __init__(self, last: int, max_events: int, max_bytes: int) -> None:
        self.last = last
        self._events: deque[bytes] = deque()
        self._bytes = 0
        self._max_events = max_events
        self._max_bytes = max_bytes

    def extend(self, events: Sequence[bytes]) -> None:
        """Keep the events after `last`; the oldest give way."""
        kept = self._events
        for event in events:
            kept.append(event)
            self._bytes += len(event)
        self.last += len(events)
        while len(kept) > self._max_events or self._bytes > self._max_bytes:
            self._bytes -= len(kept.popleft())

    def after(self, offset: int) -> Sequence[bytes] | None:
        """All events after `offset` up to `last`, if any; None when some are no longer kept."""
        missing = max(self.last - offset, 0)
        if missing > len(self._events):
            return None
        return list(self._events)[len(self._events) - missing :]


class Feed:
    """Gives every subscriber the events after its own position: each once, in order, none left out.

    `position` is the last event accepted without a hole. Accepted events wait as `pending` until `flush` puts them into
    shared frames; `ring.last` is what has been flushed. A subscriber is *aligned* when it has exactly what was flushed,
    and *ahead* when the host told it of events that have not passed here yet.
    """

    def __init__(self, topic: Topic, counters: FeedCounters, ring_events: int, ring_bytes: int) -> None:
        self.topic = topic
        self.epoch = 0
        self.position: int | None = None
        self.pending_bytes = 0
        self._counters = counters
        self._bounds = (ring_events, ring_bytes)
        self._ring = Ring(0, ring_events, ring_bytes)
        self._pending: list[bytes] = []
        self._early: dict[int, Batch] = {}
        self._early_bytes = 0
        self._heard = 0
        self._aligned: dict[Subscriber, None] = {}
        self._ahead: dict[Subscriber, int] = {}

    @property
    def subscribers(self) -> int:
        """How many follow the feed now."""
        return len(self._aligned) + len(self._ahead)

    def everybody(self) -> list[Subscriber]:
        """All who follow the feed now."""
        return [*self._aligned, *self._ahead]

    @property
    def has_pending(self) -> bool:
        """Whether accepted events wait for `flush`."""
        return bool(self._pending)

    @property
    def has_hole(self) -> bool:
        """Whether events are known of that have not come, or not without a gap."""
        return self.position is not None and self._heard > self.position

    def where(self) -> Position | None:
        """From where the host must be asked for what is missing; None before anybody entered."""
        return None if self.position is None else Position(self.epoch, self.position)

    def deliver(self, batch: Batch) -> None:
        """Take events from the host: repeated ones are dropped, early ones are kept until what is before them comes."""
        self._heard = max(self._heard, batch.first_offset + len(batch.events) - 1)
        if self.position is None or batch.first_offset > self.position + 1:
            self._keep(batch)
            return
        position = self._accept(batch, self.position)
        while self._early:
            first = min(self._early)
            if first > position + 1:
                break
            early = self._early.pop(first)
            self._early_bytes -= _size(early)
            position = self._accept(early, position)

    def _accept(self, batch: Batch, position: int) -> int:
        fresh = batch.events[position + 1 - batch.first_offset :]
        self.epoch = max(self.epoch, batch.epoch)
        self._counters.duplicates += len(batch.events) - len(fresh)
        self._pending.extend(fresh)
        self.pending_bytes += sum(map(len, fresh))
        self.position = position + len(fresh)
        return self.position

    def _keep(self, batch: Batch) -> None:
        held = self._early.get(batch.first_offset)
        if held is not None:
            if len(held.events) >= len(batch.events):
                self._counters.duplicates += len(batch.events)
                return
            self._early_bytes -= _size(held)
        elif self.position is not None:
            self._counters.holes += 1
        self._early[batch.first_offset] = batch
        self._early_bytes += _size(batch)
        ring_events, ring_bytes = self._bounds
        while len(self._early) > ring_events or (self._early_bytes > ring_bytes and len(self._early) > 1):
            # The furthest can be asked for again; the nearest is what closes the hole.
            self._early_bytes -= _size(self._early.pop(max(self._early)))

    def admit(self, subscriber: Subscriber, entered: Entered, request_id: str) -> bool:
        """Begin a subscription where the host said it stands. False when events between there and here are no longer
        kept: the subscriber must enter again, and has been sent nothing."""
        if self.position is None:
            self._open(entered)
        self.epoch = max(self.epoch, entered.epoch)  # nothing that follows may come from an earlier one than the answer
        self._heard = max(self._heard, entered.offset)
        backlog = self._ring.after(entered.offset)
        if backlog is None:
            return False
        at = Position(entered.epoch, entered.offset)
        subscriber.send(frames.subscribed(request_id, self.topic, at, entered.recovered, entered.snapshot))
        missed = [*entered.events, *backlog] if entered.recovered else backlog
        for run in frames.pack(missed):
            self._count(frames.events(self.topic, self.epoch, run), len(run), (subscriber,))
        if entered.offset > self._ring.last:
            self._ahead[subscriber] = entered.offset
        else:
            self._aligned[subscriber] = None
        return True

    def _open(self, entered: Entered) -> None:
        self.epoch = entered.epoch
        self.position = position = entered.offset
        self._ring = Ring(position - len(entered.events), *self._bounds)
        self._ring.extend(entered.events)
        # What came while the first subscriber was still entering, and is not older than where it entered.
        early, self._early, self._early_bytes = self._early, {}, 0
        for first in sorted(early):
            if first + len(early[first].events) - 1 > position:
                self.deliver(early[first])

    def leave(self, subscriber: Subscriber) -> None:
        """End a subscription; without effect when there is none."""
        self._aligned.pop(subscriber, None)
        self._ahead.pop(subscriber, None)

    def flush(self) -> None:
        """Send what is pending: one shared frame for all aligned subscribers, what is left of it for those ahead."""
        pending, self._pending, self.pending_bytes = self._pending, [], 0
        for run in frames.pack(pending):
            first = self._ring.last + 1
            self._ring.extend(run)
            if self._aligned:
                self._count(frames.events(self.topic, self.epoch, run), len(run), list(self._aligned))
            if self._ahead:
                self._catch(first, run)

    def _catch(self, first: int, run: Sequence[bytes]) -> None:
        last = first + len(run) - 1
        for subscriber, offset in list(self._ahead.items()):
            if offset > last:
                continue
            del self._ahead[subscriber]
            self._aligned[subscriber] = None
            rest = run[offset + 1 - first :]
            if rest:
                self._count(frames.events(self.topic, self.epoch, rest), len(rest), (subscriber,))

    def _count(self, frame: bytes, events: int, subscribers: Sequence[Subscriber]) -> None:
        counters = self._counters
        counters.frames += len(subscribers)
        counters.deliveries += events * len(subscribers)
        counters.bytes += len(frame) * len(subscribers)
        for subscriber in subscribers:
            subscriber.send(frame)


def _size(batch: Batch) -> int:
    return sum(map(len, batch.events))
