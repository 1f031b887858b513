"""The order of sections in a course and of lessons in a section."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from classroom.refusals import Refusal

Id = TypeVar("Id", bound=str)


@dataclass(frozen=True)
class OrderIncomplete(Refusal):
    """A new order must name everything that there is, once: otherwise somebody has changed it meanwhile."""

    code: ClassVar[str] = "order_incomplete"
    missing: tuple[str, ...]
    foreign: tuple[str, ...]
    repeated: tuple[str, ...]

    def message(self) -> str:
        return "The new order does not name everything that is there once. Please load it again."

    def details(self) -> dict[str, Any]:
        return {"missing": list(self.missing), "foreign": list(self.foreign), "repeated": list(self.repeated)}


def rearrange(current: Sequence[Id], wanted: Sequence[Id]) -> tuple[Id, ...] | OrderIncomplete:
    """`wanted`, if it is an order of `current`."""
    if len(set(wanted)) == len(wanted) and set(wanted) == set(current):
        return tuple(wanted)
    return OrderIncomplete(
        missing=tuple(each for each in current if each not in set(wanted)),
        foreign=tuple(dict.fromkeys(each for each in wanted if each not in set(current))),
        repeated=tuple(dict.fromkeys(each for each in wanted if wanted.count(each) > 1)),
    )


def insert(current: Sequence[Id], new: Id, at: int | None) -> tuple[Id, ...]:
    """With one more: at a place from 0, or, without one or beyond the last, at the end. Who is there already stays."""
    if new in current:
        return tuple(current)
    place = len(current) if at is None else max(0, min(at, len(current)))
    return (*current[:place], new, *current[place:])
