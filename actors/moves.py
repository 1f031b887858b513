"""Who waits is told a new place: not at each step of the line, but soon."""

from collections.abc import Iterator

import msgspec

from actors.turns import Notice
from classroom.ids import UserId
from classroom.live.state import LiveClass
from classroom.live.views import estimated_wait_seconds
from classroom.times import SECOND, Moment

EVERY = SECOND // 2
EVERY_WAITER = SECOND // 500
"""A long queue is told its places less often: it is a notice a person."""

_encode = msgspec.json.Encoder().encode


class Moves:
    """Which places were told to whom, and when the next are due."""

    def __init__(self) -> None:
        self.due: Moment | None = None
        self._told: dict[UserId, int] = {}

    def begin(self, now: Moment, waiting: int) -> None:
        """The line has moved: tell so in a moment, unless that is due already."""
        if self.due is None:
            self.due = Moment(now + max(EVERY, waiting * EVERY_WAITER))

    def tell(self, state: LiveClass, now: Moment) -> Iterator[Notice]:
        """What is to be told now, to those who wait with a socket and stand elsewhere than they were told."""
        if self.due is None or now < self.due:
            return
        self.due = None
        places: dict[UserId, int] = {}
        for place, waiter in enumerate(state.waitlist, start=1):
            if waiter.user_id not in state.connections:
                continue
            places[waiter.user_id] = place
            if self._told.get(waiter.user_id) != place:
                seconds = estimated_wait_seconds(state, place)
                data = {"sessionId": state.session_id, "position": place, "estimatedWaitSeconds": seconds}
                key = f"moved:{state.session_id}:{state.offsets.log}"
                yield Notice(waiter.user_id, "waitlist.moved", _encode(data), key)
        self._told = places
