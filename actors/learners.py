"""The learners of a course as its grain knows them: those in use, and who of the people asked about may come in."""

from collections import Counter
from collections.abc import Iterable, Mapping

from classroom.ids import UserId
from classroom.progress.learner import Learner
from classroom.times import SECOND, Moment
from persistence.learning import Person

GOOD_FOR = 10 * SECOND
KEPT = 5_000
RECORDS_KEPT = 100_000


class Learners:
    """At most 5,000 learners with 100,000 lessons stay, those used last. Whose rows are on their way to the store stays in
    any case: what the store holds of them is not yet what is true. That somebody is enrolled is known for ten seconds; that
    somebody is not, and whoever wants to follow, is known for one turn only."""

    def __init__(self) -> None:
        self._learners: dict[UserId, Learner] = {}
        self._records = 0
        self._flying: Counter[UserId] = Counter()
        self._good_until: dict[UserId, Moment] = {}
        self._fresh: dict[UserId, Person] = {}

    def __len__(self) -> int:
        return len(self._learners)

    def learn(self, people: Mapping[UserId, Person], now: Moment) -> None:
        """What the store says of people."""
        self._fresh = dict(people)
        for user_id, person in people.items():
            if user_id not in self._learners:
                self.put(person.learner)
            if person.active and person.enrolled:
                self._good_until[user_id] = Moment(now + GOOD_FOR)
            else:
                self._good_until.pop(user_id, None)

    def knows(self, user_id: UserId, now: Moment) -> bool:
        """Whether something can be decided about this learner."""
        return user_id in self._learners and (self._is_good(user_id, now) or user_id in self._fresh)

    def is_enrolled(self, user_id: UserId, now: Moment) -> bool:
        """Whether this is a learner of the course, as far as is known."""
        return self._is_good(user_id, now)

    def fresh(self, user_id: UserId) -> Person | None:
        """What was read of somebody for this turn."""
        return self._fresh.get(user_id)

    def get(self, user_id: UserId) -> Learner:
        """A learner who is known; used now. Raises KeyError."""
        learner = self._learners[user_id] = self._learners.pop(user_id)
        return learner

    def put(self, learner: Learner) -> None:
        """This is how the learner is now."""
        before = self._learners.pop(learner.user_id, None)
        self._records += len(learner.lessons) - (len(before.lessons) if before is not None else 0)
        self._learners[learner.user_id] = learner

    def depart(self, user_ids: Iterable[UserId]) -> None:
        """Rows of these are on their way to the store."""
        self._flying.update(user_ids)

    def arrive(self, user_ids: Iterable[UserId]) -> None:
        """They have come there."""
        for user_id in user_ids:
            self._flying[user_id] -= 1
            if self._flying[user_id] <= 0:
                del self._flying[user_id]

    def end_turn(self) -> None:
        """Who was none may be a learner by now; and of those not in use only so many stay."""
        self._fresh = {}
        if len(self._good_until) > 2 * KEPT:
            self._good_until.clear()
        excess = len(self._learners) - KEPT
        if excess <= 0 and self._records <= RECORDS_KEPT:
            return
        for user_id in [each for each in self._learners if each not in self._flying]:
            if len(self._learners) <= KEPT and self._records <= RECORDS_KEPT:
                return
            self._records -= len(self._learners.pop(user_id).lessons)

    def _is_good(self, user_id: UserId, now: Moment) -> bool:
        # Both ends: a clock that was set back must not keep old knowledge alive.
        return now <= self._good_until.get(user_id, 0) <= now + GOOD_FOR
