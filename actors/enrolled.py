"""Who is a student of a class's course, as far as its grain knows for the moment."""

from collections.abc import Sequence

from classroom.ids import UserId
from classroom.times import SECOND, Moment

GOOD_FOR = 10 * SECOND
KNOWN_AT_MOST = 100_000


class Enrolled:
    """Remembers who is enrolled for ten seconds, and who is not for one turn."""

    def __init__(self) -> None:
        self._good_until: dict[UserId, Moment] = {}
        self._strangers: set[UserId] = set()

    def learn(self, asked: Sequence[UserId], found: Sequence[UserId], now: Moment) -> None:
        """Of those `asked` about, who were `found`; the others are strangers until `forget_strangers`."""
        if len(self._good_until) > KNOWN_AT_MOST:
            self._good_until.clear()
        good_until = Moment(now + GOOD_FOR)
        for user_id in asked:
            self._good_until.pop(user_id, None)
        for user_id in found:
            self._good_until[user_id] = good_until
        self._strangers = {user_id for user_id in asked if user_id not in self._good_until}

    def has(self, user_id: UserId, now: Moment) -> bool:
        """Whether the student is enrolled, as far as is known."""
        # Both ends: a clock that was set back must not keep old knowledge alive.
        return now <= self._good_until.get(user_id, 0) <= now + GOOD_FOR

    def knows(self, user_id: UserId, now: Moment) -> bool:
        """Whether it is known that the student is, or is not, enrolled."""
        return self.has(user_id, now) or user_id in self._strangers

    def forget(self, user_id: UserId) -> None:
        """Ask about them again when they come back."""
        self._good_until.pop(user_id, None)

    def forget_strangers(self) -> None:
        """Who was none may be one by now."""
        self._strangers.clear()
