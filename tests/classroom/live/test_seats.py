"""Seats: numbers are given lowest first, and never above the capacity while there is room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from classroom.ids import UserId
from classroom.live.seats import Seat, Seats
from classroom.times import Moment


def seat(user: str, number: int) -> Seat:
    return Seat(UserId(user), user.capitalize(), number, Moment(number))


class SeatsAsSet(RuleBasedStateMachine):
    """The lowest numbers that nobody has, from a plain dict."""

    def __init__(self) -> None:
        super().__init__()
        self.real = Seats()
        self.taken: dict[UserId, int] = {}
        self.came = 0

    def lowest(self, count: int, released: int | None = None) -> list[int]:
        taken = set(self.taken.values()) - {released}
        return [number for number in range(1, len(taken) + count + 1) if number not in taken][:count]

    @rule(count=st.integers(1, 12))
    def sit(self, count: int) -> None:
        numbers = self.real.next_numbers(count)
        assert numbers == self.lowest(count)
        for number in numbers:
            self.came += 1
            new = seat(f"s{self.came}", number)
            self.real.take(new)
            self.taken[new.user_id] = number

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), count=st.integers(1, 5))
    def swap(self, data: st.DataObject, count: int) -> None:
        user_id = data.draw(st.sampled_from(sorted(self.taken)))
        number = self.taken[user_id]
        promised = self.real.next_numbers(count, (number,))
        assert promised == self.lowest(count, number)
        assert self.real.release(user_id).number == number
        del self.taken[user_id]
        assert self.real.next_numbers(count) == promised

    @rule(data=st.data())
    def sit_where_one_likes(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.lowest(3)))
        self.came += 1
        new = seat(f"s{self.came}", number)
        if number in self.lowest(3) and number <= max(self.taken.values(), default=0) + 1:
            self.real.take(new)
            self.taken[new.user_id] = number

    @rule()
    def restore(self) -> None:
        self.real = Seats(list(self.real))

    @rule()
    def clear(self) -> None:
        self.real.clear()
        self.taken.clear()

    @invariant()
    def agrees(self) -> None:
        assert {one.user_id: one.number for one in self.real} == self.taken
        assert len(self.real) == len(self.taken)
        for count in (1, 4):
            assert self.real.next_numbers(count) == self.lowest(count)


TestSeatsAsSet = SeatsAsSet.TestCase


@given(capacity=st.integers(1, 30), moves=st.lists(st.integers(0, 60), max_size=120))
def test_below_capacity_the_next_number_is_never_above_it(capacity: int, moves: list[int]) -> None:
    seats = Seats()
    for step, move in enumerate(moves):
        sitting = [one.user_id for one in seats]
        if len(sitting) < capacity and (move % 2 or not sitting):
            [number] = seats.next_numbers(1)
            assert number <= capacity
            seats.take(seat(f"s{step}", number))
        elif sitting:
            seats.release(sitting[move % len(sitting)])


@pytest.mark.parametrize("number", [-1, 0, 1, 3])
def test_a_number_that_is_not_free_is_not_taken(number: int) -> None:
    seats = Seats([seat("ada", 1)])
    with pytest.raises(ValueError, match="is not free"):
        seats.take(seat("ben", number))
    assert UserId("ben") not in seats


def test_who_has_no_seat_cannot_release_one() -> None:
    with pytest.raises(KeyError):
        Seats().release(UserId("ada"))
    assert Seats().find(UserId("ada")) is None
