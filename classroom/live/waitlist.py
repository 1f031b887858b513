"""The queue of a class: first come, first promoted; anybody's place in O(log n)."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from classroom.ids import UserId
from classroom.times import Moment


@dataclass(frozen=True)
class Waiter:
    """Somebody in the queue, since when, with which ticket."""

    user_id: UserId
    name: str
    ticket: int
    since: Moment


class Waitlist:
    """Waiters in the order of their tickets. Joining, leaving and reading a place cost O(log n); the head O(1).

    Places come from a Fenwick tree (Fenwick 1994) over slots: everybody who joins takes the next slot, and a place is the
    number of slots still held up to one's own. Slots are dealt anew when they run out, so the tree stays as small as the
    queue, however many have passed. Owned and changed by one grain.
    """

    def __init__(self, waiters: Iterable[Waiter] = (), next_ticket: int = 1) -> None:
        # Ordered by links: a plain dict walks over all who left before it finds its first.
        self._waiters: OrderedDict[UserId, Waiter] = OrderedDict((waiter.user_id, waiter) for waiter in waiters)
        self._next_ticket = next_ticket
        self._deal_slots()

    def __len__(self) -> int:
        return len(self._waiters)

    def __iter__(self) -> Iterator[Waiter]:
        """In order of promotion."""
        return iter(self._waiters.values())

    def __contains__(self, user_id: object) -> bool:
        return user_id in self._waiters

    @property
    def next_ticket(self) -> int:
        """The ticket that the next one to join gets."""
        return self._next_ticket

    def find(self, user_id: UserId) -> Waiter | None:
        """The waiter with this id, if there is one."""
        return self._waiters.get(user_id)

    def place(self, user_id: UserId) -> int:
        """The place of a waiter, from 1. Raises KeyError when not waiting."""
        slot = self._slots[user_id]
        total = 0
        while slot > 0:
            total += self._tree[slot]
            slot -= slot & -slot
        return total

    def join(self, waiter: Waiter) -> None:
        """To the end. Raises ValueError unless the ticket is `next_ticket`."""
        if waiter.ticket != self._next_ticket:
            raise ValueError(f"ticket {waiter.ticket} is not the next one, {self._next_ticket}")
        self._next_ticket += 1
        self._waiters[waiter.user_id] = waiter
        slot = self._next_slot
        if slot == len(self._tree):
            self._deal_slots()
            return
        self._next_slot += 1
        self._slots[waiter.user_id] = slot
        self._add(slot, 1)

    def leave(self, user_id: UserId) -> Waiter:
        """Out of the queue. Raises KeyError when not waiting."""
        waiter = self._waiters.pop(user_id)
        self._add(self._slots.pop(user_id), -1)
        return waiter

    def clear(self) -> None:
        """Nobody waits any more; tickets go on growing."""
        self._waiters.clear()
        self._deal_slots()

    def _add(self, slot: int, amount: int) -> None:
        tree = self._tree
        size = len(tree)
        while slot < size:
            tree[slot] += amount
            slot += slot & -slot

    def _deal_slots(self) -> None:
        """Slots 1, 2, 3, … for who waits, and as many again for who comes: each of those pays for O(1) of this."""
        count = len(self._waiters)
        self._slots: dict[UserId, int] = {user_id: slot for slot, user_id in enumerate(self._waiters, start=1)}
        self._next_slot = count + 1
        size = 2 * count + 2
        tree = [0] + [1] * count + [0] * (size - count - 1)
        for slot in range(1, size):
            above = slot + (slot & -slot)
            if above < size:
                tree[above] += tree[slot]
        self._tree = tree
