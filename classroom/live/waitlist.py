"""The queue of a class: first come, first promoted; anybody's place in O(log n)."""

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

    Places come from a Fenwick tree over tickets (Fenwick 1994): the number of waiters with a ticket up to a given one.
    Owned and changed by one grain.
    """

    def __init__(self, waiters: Iterable[Waiter] = (), next_ticket: int = 1) -> None:
        self._waiters: dict[UserId, Waiter] = {}
        self._next_ticket = next_ticket
        self._base = next_ticket - 1
        self._tree: list[int] = [0, 0]
        ordered = list(waiters)
        if ordered:
            self._base = ordered[0].ticket - 1
        for waiter in ordered:
            self._insert(waiter)
        self._next_ticket = max(next_ticket, self._next_ticket)

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
        index = self._waiters[user_id].ticket - self._base
        total = 0
        while index > 0:
            total += self._tree[index]
            index -= index & -index
        return total

    def join(self, waiter: Waiter) -> None:
        """To the end. The ticket must be `next_ticket`."""
        if waiter.ticket != self._next_ticket:
            raise ValueError(f"ticket {waiter.ticket} is not the next one, {self._next_ticket}")
        self._insert(waiter)

    def leave(self, user_id: UserId) -> Waiter:
        """Out of the queue. Raises KeyError when not waiting."""
        waiter = self._waiters.pop(user_id)
        if self._waiters:
            self._add(waiter.ticket - self._base, -1)
        else:
            self._base = self._next_ticket - 1
            self._tree = [0, 0]
        return waiter

    def clear(self) -> None:
        """Nobody waits any more; tickets go on growing."""
        self._waiters.clear()
        self._base = self._next_ticket - 1
        self._tree = [0, 0]

    def _insert(self, waiter: Waiter) -> None:
        self._waiters[waiter.user_id] = waiter
        self._next_ticket = waiter.ticket + 1
        index = waiter.ticket - self._base
        if index >= len(self._tree):
            self._rebuild()
        else:
            self._add(index, 1)

    def _add(self, index: int, amount: int) -> None:
        tree = self._tree
        size = len(tree)
        while index < size:
            tree[index] += amount
            index += index & -index

    def _rebuild(self) -> None:
        """Make room for twice the span of tickets that still wait; each ticket pays for O(1) of it."""
        self._base = next(iter(self._waiters.values())).ticket - 1
        span = self._next_ticket - self._base
        size = 2
        while size <= 2 * span:
            size *= 2
        self._tree = [0] * size
        for waiter in self._waiters.values():
            self._add(waiter.ticket - self._base, 1)
