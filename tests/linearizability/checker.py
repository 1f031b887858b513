"""Wing and Gong's search with Lowe's memory: is there one order of all operations that explains every answer?

J. Wing, C. Gong: Testing and Verifying Concurrent Objects (1993); G. Lowe: Testing for Linearizability (2017).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tests.linearizability.histories import Operation

STATES_AT_MOST = 2_000_000
NEVER = 1 << 60


class Model(Protocol):
    """A sequential object. States are values."""

    def apply(self, state: Any, operation: Operation) -> tuple[Any, Hashable]:
        """The state afterwards, and the answer."""
        ...

    def repeat(self, state: Any, operation: Operation) -> Hashable:
        """The answer when the same command comes again after it was done: it changes nothing."""
        ...

    def is_done(self, answer: Hashable) -> bool:
        """Whether the command is remembered as done with this answer; a refusal is not."""
        ...


@dataclass(frozen=True)
class Verdict:
    """Whether there is an order, and how many states were looked at. `stuck` are the operations that nothing explains at
    the deepest point that was reached."""

    linearizable: bool
    states: int
    stuck: tuple[Operation, ...] = ()


class TooLarge(Exception):
    """The history has more orders than can be tried."""


def check(operations: Sequence[Operation], model: Model, initial: Any, at_most: int = STATES_AT_MOST) -> Verdict:
    """Look for an order that respects real time. The effect of a command that was `repeated` may lie before the moment that
    its answer describes: it was done, its answer was lost, and the same command was answered when it came again.

    Raises TooLarge after `at_most` states.
    """
    ops = sorted(operations, key=lambda each: each.invoked)
    known = sum(1 << number for number, each in enumerate(ops) if each.returned is not None)
    seen: set[tuple[int, int, Any]] = set()
    stack: list[tuple[int, int, Any]] = [((1 << len(ops)) - 1, 0, initial)]
    deepest: tuple[int, int] = (len(ops) + 1, 0)
    while stack:
        key = stack.pop()
        left, done, state = key
        if not left & known:
            return Verdict(linearizable=True, states=len(seen))
        if key in seen:
            continue
        seen.add(key)
        if len(seen) > at_most:
            raise TooLarge(f"{len(ops)} operations")
        if (left & known).bit_count() < deepest[0]:
            deepest = ((left & known).bit_count(), left)
        stack.extend(_steps(ops, left, done, state, model))
    stuck = tuple(each for number, each in enumerate(ops) if deepest[1] >> number & 1)
    return Verdict(linearizable=False, states=len(seen), stuck=stuck)


def _steps(ops: Sequence[Operation], left: int, done: int, state: Any, model: Model) -> list[tuple[int, int, Any]]:
    """What may come next; the likeliest last, since the search takes it first."""
    open_ops = [(1 << number, each) for number, each in enumerate(ops) if left >> number & 1]
    first_return = min((each.returned for _, each in open_ops if each.returned is not None), default=NEVER)
    early: list[tuple[int, int, Any]] = []
    answered: list[tuple[int, int, Any]] = []
    for bit, each in open_ops:
        if each.invoked > first_return:
            break  # somebody was answered before this was asked
        if done & bit:
            if model.repeat(state, each) == each.answer:
                answered.append((left & ~bit, done & ~bit, state))
            continue
        after, answer = model.apply(state, each)
        if each.returned is None:
            if after != state:  # what changed nothing need not have happened
                early.append((left & ~bit, done, after))
            continue
        if answer == each.answer:
            answered.append((left & ~bit, done, after))
        if each.repeated and model.is_done(answer):
            early.append((left, done | bit, after))
    return early + answered[::-1]
