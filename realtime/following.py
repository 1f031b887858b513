"""All feeds of a gateway, and the talk with the topics' hosts: entering, catching up, letting go."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from classroom.answers import Refused
from classroom.callers import Caller, Role
from classroom.ids import ConnectionId, Topic, UserId
from classroom.ports import Batch, Entered, Topics
from classroom.refusals import Refusal, Unavailable
from classroom.topics import Position
from realtime.feeds import Feed, FeedCounters, Subscriber
from realtime.settings import GatewaySettings
from realtime.tasks import Tasks

_log = structlog.get_logger(__name__)

GATEWAY: Final = Caller(UserId("gateway"), "gateway", Role.ADMIN)
"""Who asks when the gateway itself catches up; always with `connection` None."""

_ENTRIES = 5  # how often one subscription tries to meet a feed that runs away from it
_FRAME_BYTES = 48 * 1024  # pending events that fill a frame do not wait for their window
_PATIENCE = 0.5  # how long events that were announced may take before they are asked for
_BACKOFF = (0.1, 0.3, 1.0, 2.0, 5.0)


class _Followed:
    """A feed and what the loop has to do for it."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.entering = 0
        self.catching_up = False
        self.once_more = False
        self.window: asyncio.TimerHandle | None = None
        self.flushed_at = 0.0
        self.patience: asyncio.TimerHandle | None = None
        self.linger: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether nobody follows or is about to."""
        return not self.entering and not self.feed.subscribers

    def cancel(self) -> None:
        """Forget all timers."""
        for timer in (self.window, self.patience, self.linger):
            if timer is not None:
                timer.cancel()


class Following:
    """Keeps a feed for each topic that somebody here follows. `lost` is called with the subscribers of a feed that
    cannot be continued without a gap: they have to come back and start from a snapshot."""

    def __init__(
        self, topics: Topics, tasks: Tasks, settings: GatewaySettings, lost: Callable[[Sequence[Subscriber]], None]
    ) -> None:
        self.counters = FeedCounters()
        self.catch_ups = 0
        self.strays = 0
        self._topics = topics
        self._tasks = tasks
        self._settings = settings
        self._lost = lost
        self._followed: dict[Topic, _Followed] = {}
        self._quitting: dict[Topic, asyncio.Task[None]] = {}

    def topics(self) -> list[Topic]:
        """Every topic that is followed now."""
        return list(self._followed)

    # Subscriptions

    async def enter(
        self,
        subscriber: Subscriber,
        topic: Topic,
        caller: Caller,
        connection: ConnectionId,
        since: Position | None,
        request_id: str,
        wanted: Callable[[], bool],
    ) -> Refusal | None:
        """Subscribe, unless `wanted` has become false meanwhile; None when that went well."""
        for _ in range(_ENTRIES):
            while topic in self._quitting:
                await asyncio.wait((self._quitting[topic],))
            followed = self._follow(topic)
            followed.entering += 1
            try:
                answer = await self._ask(topic, caller, connection, since)
                if isinstance(answer, Refused):
                    return answer.refusal
                if not wanted():
                    return None
                if self._followed.get(topic) is not followed:
                    continue  # given up meanwhile: nothing comes to that feed any more
                if followed.feed.admit(subscriber, answer, request_id):
                    self._look_after(followed)
                    return None
            finally:
                followed.entering -= 1
                self._maybe_linger(followed)
        return Unavailable("The topic")

    def leave(self, subscriber: Subscriber, topic: Topic) -> None:
        """End a subscription; without effect when there is none."""
        followed = self._followed.get(topic)
        if followed is not None:
            followed.feed.leave(subscriber)
            self._maybe_linger(followed)

    def _follow(self, topic: Topic) -> _Followed:
        followed = self._followed.get(topic)
        if followed is None:
            settings = self._settings
            followed = _Followed(Feed(topic, self.counters, settings.ring_events, settings.ring_bytes))
            self._followed[topic] = followed
        if followed.linger is not None:
            followed.linger.cancel()
            followed.linger = None
        return followed

    async def _ask(
        self, topic: Topic, caller: Caller, connection: ConnectionId | None, since: Position | None
    ) -> Entered | Refused:
        try:
            async with asyncio.timeout(self._settings.call_seconds):
                return await self._topics.enter(topic, caller, connection, since)
        except TimeoutError:
            _log.warning("topic.enter_timed_out", topic=topic)
        except Exception:
            _log.exception("topic.enter_failed", topic=topic)
        return Refused(Unavailable("The topic"))

    def _maybe_linger(self, followed: _Followed) -> None:
        if followed.idle and followed.linger is None and self._followed.get(followed.feed.topic) is followed:
            loop = asyncio.get_running_loop()
            followed.linger = loop.call_later(self._settings.linger_seconds, self._let_go, followed)

    def _let_go(self, followed: _Followed) -> None:
        followed.linger = None
        if followed.idle:
            self._drop(followed)
            self._quit(followed.feed.topic)

    def _drop(self, followed: _Followed) -> None:
        followed.cancel()
        self._followed.pop(followed.feed.topic, None)

    def _quit(self, topic: Topic) -> None:
        if topic not in self._quitting:
            self._quitting[topic] = self._tasks.start(self._tell_quit(topic), f"quit {topic}")

    async def _tell_quit(self, topic: Topic) -> None:
        try:
            async with asyncio.timeout(self._settings.call_seconds):
                await self._topics.quit(topic)
        except TimeoutError:
            _log.warning("topic.quit_timed_out", topic=topic)
        finally:
            del self._quitting[topic]

    # Events

    def deliver(self, batches: Sequence[Batch]) -> None:
        """Take events and send them on, at once after a quiet moment, otherwise when the window closes."""
        touched: dict[Topic, _Followed] = {}
        for batch in batches:
            followed = self._followed.get(batch.topic)
            if followed is None:
                self.strays += 1
                self._quit(batch.topic)
            else:
                followed.feed.deliver(batch)
                touched[batch.topic] = followed
        for followed in touched.values():
            self._look_after(followed)

    def _look_after(self, followed: _Followed) -> None:
        feed, loop = followed.feed, asyncio.get_running_loop()
        if feed.has_pending:
            now = loop.time()
            due = followed.flushed_at + self._settings.window_seconds
            if now >= due or feed.pending_bytes >= _FRAME_BYTES:
                self._flush(followed)
            elif followed.window is None:
                followed.window = loop.call_at(due, self._flush, followed)
        if feed.has_hole and followed.patience is None and not followed.catching_up:
            followed.patience = loop.call_later(_PATIENCE, self._lose_patience, followed)

    def _flush(self, followed: _Followed) -> None:
        if followed.window is not None:
            followed.window.cancel()
            followed.window = None
        followed.feed.flush()
        # After the work, not before it: a fan-out that takes longer than the window must not leave no room between two.
        followed.flushed_at = asyncio.get_running_loop().time()

    # Holes

    def resync(self, topics: Sequence[Topic]) -> list[asyncio.Task[None]]:
        """Follow these topics anew and catch up on what was missed."""
        begun = [self._catch_up(followed) for topic in topics if (followed := self._followed.get(topic)) is not None]
        return [task for task in begun if task is not None]

    def _lose_patience(self, followed: _Followed) -> None:
        followed.patience = None
        if followed.feed.has_hole:
            self._catch_up(followed)

    def _catch_up(self, followed: _Followed) -> asyncio.Task[None] | None:
        if followed.catching_up:
            followed.once_more = True  # what is under way may have asked a host that is gone
            return None
        followed.catching_up = True
        return self._tasks.start(self._caught_up(followed), f"catch up {followed.feed.topic}")

    async def _caught_up(self, followed: _Followed) -> None:
        feed = followed.feed
        try:
            for attempt in itertools.count():
                while feed.topic in self._quitting:
                    await asyncio.wait((self._quitting[feed.topic],))
                if self._followed.get(feed.topic) is not followed:
                    return
                followed.once_more = False
                since = feed.where()
                self.catch_ups += 1
                answer = await self._ask(feed.topic, GATEWAY, None, since)
                if self._followed.get(feed.topic) is not followed:
                    return  # let go meanwhile; the topic may be followed anew
                if isinstance(answer, Entered) and self._continue(feed, answer, since):
                    self._look_after(followed)
                    if not feed.has_hole and not followed.once_more:
                        return
                elif isinstance(answer, Entered) or not answer.refusal.retry:
                    self._give_up(followed)
                    return
                await asyncio.sleep(_BACKOFF[min(attempt, len(_BACKOFF) - 1)])
        finally:
            followed.catching_up = False

    def _continue(self, feed: Feed, entered: Entered, since: Position | None) -> bool:
        if since is None:
            return True  # nobody had entered yet: whoever does brings the position along
        if entered.recovered and entered.offset == since.offset + len(entered.events):
            feed.deliver(Batch(feed.topic, entered.epoch, since.offset + 1, entered.events))
            return True
        return entered.offset == since.offset

    def _give_up(self, followed: _Followed) -> None:
        _log.warning("topic.lost", topic=followed.feed.topic, subscribers=followed.feed.subscribers)
        self._drop(followed)
        self._lost(followed.feed.everybody())

    def stop(self) -> None:
        """Forget all timers; nothing is delivered any more."""
        for followed in self._followed.values():
            followed.cancel()
        self._followed.clear()
