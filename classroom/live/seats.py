"""The seats of a class: who sits where, and which numbers are free."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from classroom.ids import UserId
from classroom.times import Moment


@dataclass(frozen=True)
class Seat:
    """A seat somebody has, since when."""

    user_id: UserId
    name: str
    number: int
    since: Moment


class Seats:
    """Taken seats by student. Taking and releasing cost O(log n); numbers given back are given out first, lowest first,
    so that with fewer than `n` taken the next number is never above `n`. Owned and changed by one grain."""

    def __init__(self, seats: Iterable[Seat] = ()) -> None:
        self._by_user: dict[UserId, Seat] = {seat.user_id: seat for seat in seats}
        taken = {seat.number for seat in self._by_user.values()}
        self._next = max(taken, default=0) + 1
        self._free = [number for number in range(1, self._next) if number not in taken]

    def __len__(self) -> int:
        return len(self._by_user)

    def __iter__(self) -> Iterator[Seat]:
        """In the order in which they were taken."""
        return iter(self._by_user.values())

    def __contains__(self, user_id: object) -> bool:
        return user_id in self._by_user

    def find(self, user_id: UserId) -> Seat | None:
        """The seat of this student, if there is one."""
        return self._by_user.get(user_id)

    def next_numbers(self, count: int, released: Sequence[int] = ()) -> list[int]:
        """The numbers that the next `count` students would get, were `released` given back first."""
        if count == 1:
            lowest = self._free[0] if self._free else self._next
            return [min(lowest, *released)] if released else [lowest]
        numbers = heapq.nsmallest(count, [*self._free, *released])
        fresh = count - len(numbers)
        return [*numbers, *range(self._next, self._next + fresh)]

    def take(self, seat: Seat) -> None:
        """The student sits down. Raises ValueError for a number that is not free."""
        if seat.number == self._next:
            self._next += 1
        elif self._free and seat.number == self._free[0]:
            heapq.heappop(self._free)
        elif 0 < seat.number < self._next and seat.number in self._free:
            self._free.remove(seat.number)
            heapq.heapify(self._free)
        else:
            raise ValueError(f"seat {seat.number} is not free")
        self._by_user[seat.user_id] = seat

    def release(self, user_id: UserId) -> Seat:
        """The student gets up. Raises KeyError for one without a seat."""
        seat = self._by_user.pop(user_id)
        heapq.heappush(self._free, seat.number)
        return seat

    def clear(self) -> None:
        """Everybody gets up."""
        self._by_user.clear()
        self._free = []
        self._next = 1
