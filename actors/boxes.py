"""A grain's place in a host: its mailbox, what is under way for it, and when it wants to be woken."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from actors.envelopes import COURSE, LIVE, Envelope, Reply
from actors.inbox_grain import InboxGrain
from actors.live_grain import LiveGrain
from actors.progress_grain import CourseGrain
from actors.turns import Item, Turn
from classroom.ids import CourseId, SessionId, Topic, UserId
from classroom.times import SECOND, Moment
from classroom.topics import CourseTopic, LiveTopic, UserTopic, topic_of

SOONEST_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 60.0

Grain = LiveGrain | InboxGrain | CourseGrain


@dataclass(eq=False)
class Box:
    """Stays while anything waits, flies or has a timer; the grain in it comes and goes."""

    kind: str
    id: str
    shard_id: int
    grain: Grain | None = None
    mailbox: deque[Item] = field(default_factory=deque)
    busy: bool = False
    """Something is being read for it."""
    flying: deque[Turn] = field(default_factory=deque)
    """Turns whose commit is under way, in order; also those of a grain that was forgotten since."""
    one_by_one: int = 0
    """How many of the first items are decided in turns of their own, because one of them may be faulty."""
    clock: Callable[[], Moment] | None = None
    """The time of a grain whose log is ahead of the host's clock."""
    timer: asyncio.TimerHandle | None = None
    wake_at: Moment | None = None
    woken_for: Moment | None = None
    owes_wake: bool = False
    """The store may hold a deadline of a grain that is not loaded."""
    failures: int = 0
    """How often it was forgotten or could not be read since its last good commit."""
    used_at: float = 0.0
    notifying: int = 0
    """Notices on their way to inboxes."""

    @property
    def resting(self) -> bool:
        """Whether nothing is under way for it."""
        return not (self.busy or self.flying or self.mailbox or self.notifying)

    @property
    def waiting(self) -> list[Envelope]:
        """What is in the mailbox."""
        return [item.envelope for item in self.mailbox]

    def may_unload(self) -> bool:
        """Whether there is a grain that nobody follows, no socket is present in and nothing is under way for."""
        grain = self.grain
        if grain is None or not self.resting or any(grain.followers.values()):
            return False
        return not (isinstance(grain, LiveGrain) and grain.state.connections)

    @property
    def tells_somebody(self) -> bool:
        """Whether a notice is due, waits for a commit or is on its way: no snapshot must hide its event yet."""
        due = isinstance(self.grain, LiveGrain) and self.grain.has_moves_to_tell
        return due or self.notifying > 0 or any(turn.notices for turn in self.flying)

    def topic(self, view: str) -> Topic:
        """The topic of a view of its grain."""
        if self.kind == LIVE:
            return topic_of(LiveTopic(SessionId(self.id), view))
        return topic_of(CourseTopic(CourseId(self.id), view) if self.kind == COURSE else UserTopic(UserId(self.id)))

    def let_followers_go(self, gateway: str) -> None:
        """That gateway has forgotten, or is forgotten."""
        for gateways in self.grain.followers.values() if self.grain is not None else ():
            gateways.discard(gateway)

    def arm(self, wake_at: Moment | None, now: Moment, wake: "Callable[[Box], None]") -> None:
        """Be woken at that moment, and at no other; None for never."""
        if wake_at is not None and wake_at == self.wake_at:
            return
        self.stop_timer()
        self.wake_at = wake_at
        if wake_at is not None:
            delay = max(0.0, (wake_at - now) / SECOND)
            if wake_at == self.woken_for:
                # It was woken for this, which is still due: let it try again, but not at once, for ever.
                delay = max(delay, min(max((now - wake_at) / SECOND, SOONEST_SECONDS), LONGEST_PAUSE_SECONDS))
            self.timer = asyncio.get_running_loop().call_later(delay, wake, self)

    def arm_anew(self, now: Moment, wake: "Callable[[Box], None]") -> None:
        """Be woken at the same moment, which comes sooner or later than it did."""
        wake_at = self.wake_at
        if wake_at is not None:
            self.stop_timer()
            self.arm(wake_at, now, wake)

    def arm_later(self, wake: "Callable[[Box], None]") -> None:
        """Be woken in a second to look what the store holds; ever later while that fails."""
        self.stop_timer()
        pause = min(2.0**self.failures, LONGEST_PAUSE_SECONDS)
        self.failures += 1
        self.timer = asyncio.get_running_loop().call_later(pause, wake, self)

    def woken(self) -> None:
        """The timer has come."""
        self.woken_for, self.timer, self.wake_at = self.wake_at, None, None

    def stop_timer(self) -> None:
        """Be woken no more."""
        if self.timer is not None:
            self.timer.cancel()
        self.timer = self.wake_at = None

    def answer_waiting(self, reply: Reply) -> None:
        """The same to everybody in the mailbox."""
        while self.mailbox:
            self.mailbox.popleft().answer(reply)
        self.one_by_one = 0
