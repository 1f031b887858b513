"""The queue against a plain list, its costs, and its bounds."""

import sys
import time

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from classroom.ids import UserId
from classroom.live.waitlist import Waiter, Waitlist
from classroom.times import Moment
from tests.classroom.live.lines import Lines


def waiter(number: int) -> Waiter:
    return Waiter(UserId(f"s{number}"), f"S{number}", number, Moment(number))


def queue(count: int) -> Waitlist:
    return Waitlist(map(waiter, range(1, count + 1)), count + 1)


def size_of(waitlist: Waitlist) -> int:
    """In bytes, without the waiters themselves."""
    return sum(sys.getsizeof(part) for part in vars(waitlist).values())


class QueueAsList(RuleBasedStateMachine):
    """A list knows the place of everybody by looking."""

    waiting = Bundle("waiting")

    def __init__(self) -> None:
        super().__init__()
        self.real = Waitlist()
        self.list: list[Waiter] = []
        self.ticket = 1

    @rule(target=waiting)
    def join(self) -> UserId:
        new = waiter(self.ticket)
        self.ticket += 1
        self.real.join(new)
        self.list.append(new)
        return new.user_id

    @rule(user_id=consumes(waiting))
    def leave(self, user_id: UserId) -> None:
        if user_id not in self.real:
            return
        gone = self.real.leave(user_id)
        assert gone == next(one for one in self.list if one.user_id == user_id)
        self.list.remove(gone)

    @rule(count=st.integers(1, 40))
    def join_many(self, count: int) -> None:
        for _ in range(count):
            self.join()

    @rule(count=st.integers(1, 40))
    def promote(self, count: int) -> None:
        for head in self.list[:count]:
            assert next(iter(self.real)) == head
            self.real.leave(head.user_id)
        del self.list[:count]

    @rule()
    def clear(self) -> None:
        self.real.clear()
        self.list.clear()

    @rule()
    def restore(self) -> None:
        self.real = Waitlist(list(self.real), self.real.next_ticket)

    @invariant()
    def agrees(self) -> None:
        assert list(self.real) == self.list
        assert len(self.real) == len(self.list)
        assert self.real.next_ticket == self.ticket
        assert [self.real.place(one.user_id) for one in self.list] == list(range(1, len(self.list) + 1))


TestQueueAsList = QueueAsList.TestCase


def test_tickets_are_given_in_order_only() -> None:
    waitlist = queue(2)
    for ticket in (1, 2, 4):
        with pytest.raises(ValueError, match="is not the next one, 3"):
            waitlist.join(Waiter(UserId("new"), "New", ticket, Moment(0)))
    assert len(waitlist) == 2


def test_who_does_not_wait_has_no_place() -> None:
    waitlist = queue(2)
    assert waitlist.find(UserId("s9")) is None
    for ask in (waitlist.place, waitlist.leave):
        with pytest.raises(KeyError):
            ask(UserId("s9"))


def test_tickets_go_on_growing_after_the_queue_was_empty() -> None:
    waitlist = queue(2)
    waitlist.clear()
    assert waitlist.next_ticket == 3
    waitlist.join(waiter(3))
    assert waitlist.place(UserId("s3")) == 1


def test_joining_leaving_and_placing_cost_the_logarithm() -> None:
    def work(count: int) -> int:
        waitlist = queue(count)
        with Lines() as lines:
            for number in range(count + 1, count + 33):
                waitlist.join(waiter(number))
                waitlist.place(UserId(f"s{number - count}"))
                waitlist.leave(UserId(f"s{number - count}"))
        return lines.count

    small, large = work(1_000), work(16_000)
    assert large < 1.7 * small


def test_promoting_everybody_costs_each_the_same() -> None:
    """Deleting the front of a plain dict again and again is quadratic, which is several seconds here."""
    count = 100_000
    waitlist = queue(count)
    begun = time.process_time()
    for _ in range(count):
        waitlist.leave(next(iter(waitlist)).user_id)
    assert time.process_time() - begun < 2
    assert len(waitlist) == 0


def test_one_who_waits_for_ever_does_not_make_the_queue_remember_all_who_passed() -> None:
    waitlist = queue(1)
    for number in range(2, 5_000):
        waitlist.join(waiter(number))
        assert waitlist.place(UserId(f"s{number}")) == 2
        waitlist.leave(UserId(f"s{number}"))
    assert size_of(waitlist) < 4 * size_of(queue(1))
