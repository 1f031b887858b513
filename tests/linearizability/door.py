"""The door of one class as a sequential object: seats, a line, a number of seats. Written without the product's rules."""

from collections.abc import Hashable
from typing import Any, NamedTuple

from tests.linearizability.histories import Operation

Answer = tuple[Hashable, ...]


class Door(NamedTuple):
    """Who sits on which number, who waits in which order, and how many seats there are."""

    capacity: int
    seats: tuple[tuple[str, int], ...] = ()
    line: tuple[str, ...] = ()


class DoorModel:
    """`("join", may_wait)`, `("leave",)`, `("capacity", seats)`, `("status",)`; and `("lost",)`, which nobody asks for: the
    seat or place of somebody who did not come back in time is given away."""

    def apply(self, door: Door, operation: Operation) -> tuple[Door, Answer]:
        """See `Model.apply`."""
        kind, person = operation.ask[0], operation.person
        if kind == "join":
            return _join(door, person, bool(operation.ask[1]))
        if kind in ("leave", "lost"):
            return _leave(door, person), ("done",)
        if kind == "capacity":
            seats = operation.ask[1]
            assert isinstance(seats, int)
            after = _move_up(door._replace(capacity=seats))
            return after, ("done", *counts(after))
        return door, ("status", *counts(door), standing(door, person))

    def repeat(self, door: Door, operation: Operation) -> Answer:
        """See `Model.repeat`: how things stand now; a join that is over by now says so."""
        kind, where = operation.ask[0], standing(door, operation.person)
        if kind == "join":
            return ("refused", "not_seated") if where is None else ("inside", where, *counts(door))
        if kind == "status":
            return self.apply(door, operation)[1]
        return ("done",) if kind == "leave" else ("done", *counts(door))

    def is_done(self, answer: Hashable) -> bool:
        """See `Model.is_done`."""
        return isinstance(answer, tuple) and answer[0] != "refused"


def heard(ask: tuple[Hashable, ...], body: Any) -> Answer:
    """What the wire says to an accepted command, in the words of this model."""
    if ask[0] == "join":
        return "inside", _told_standing(body), *_told_counts(body["session"])
    if ask[0] == "status":
        return "status", *_told_counts(body), _told_standing(body["you"])
    return ("done", *_told_counts(body)) if ask[0] == "capacity" else ("done",)


def _told_counts(session: Any) -> tuple[int, int, int]:
    return session["maxStudents"], session["currentStudents"], session["waitlisted"]


def _told_standing(you: Any) -> tuple[str, int] | None:
    if you["outcome"] == "seated":
        return "seated", you["seat"]["number"]
    return ("waitlisted", you["position"]) if you["outcome"] == "waitlisted" else None


def counts(door: Door) -> tuple[int, int, int]:
    """What everybody is told: seats, taken, waiting."""
    return door.capacity, len(door.seats), len(door.line)


def standing(door: Door, person: str) -> tuple[str, int] | None:
    """Where somebody stands."""
    number = dict(door.seats).get(person)
    if number is not None:
        return "seated", number
    return ("waitlisted", door.line.index(person) + 1) if person in door.line else None


def _join(door: Door, person: str, may_wait: bool) -> tuple[Door, Answer]:
    if standing(door, person) is None:
        if len(door.seats) < door.capacity and not door.line:
            door = _sit(door, person)
        elif may_wait:
            door = door._replace(line=(*door.line, person))
        else:
            return door, ("refused", "class_full")
    return door, ("inside", standing(door, person), *counts(door))


def _leave(door: Door, person: str) -> Door:
    seats = tuple(each for each in door.seats if each[0] != person)
    line = tuple(each for each in door.line if each != person)
    return _move_up(door._replace(seats=seats, line=line))


def _move_up(door: Door) -> Door:
    while door.line and len(door.seats) < door.capacity:
        door = _sit(door._replace(line=door.line[1:]), door.line[0])
    return door


def _sit(door: Door, person: str) -> Door:
    """On the lowest number that is free."""
    taken = {number for _, number in door.seats}
    number = next(each for each in range(1, len(taken) + 2) if each not in taken)
    return door._replace(seats=tuple(sorted((*door.seats, (person, number)))))
