"""What must hold of the answers of a class that nobody left: promises 1 and 3 of the contract, as an outsider sees them."""

from collections.abc import Iterable
from dataclasses import dataclass

from loadtests.answers import SEATED, WAITLISTED, DoorAnswer


class BrokenPromise(AssertionError):
    """The door gave an answer that it must never give."""


@dataclass(frozen=True, slots=True)
class Asked:
    """When one question left (not when it was due) and when its answer had been read: seconds since 1970."""

    sent: float
    answered: float


class Tally:
    """Counts answers as they come and raises BrokenPromise at the first that breaks a promise.

    `clocks_apart` is by how many seconds the clocks that the moments come from may differ.
    """

    def __init__(self, capacity: int, clocks_apart: float = 0.0) -> None:
        self.capacity = capacity
        self._clocks_apart = clocks_apart
        self._asked: dict[str, Asked] = {}
        self._answers: dict[str, DoorAnswer] = {}
        self._seats: dict[int, str] = {}
        self._places: dict[int, str] = {}

    @property
    def seated(self) -> int:
        """Students with a seat."""
        return len(self._seats)

    @property
    def waiting(self) -> int:
        """Students with a place in the waitlist."""
        return len(self._places)

    def note(self, student_id: str, answer: DoorAnswer, asked: Asked | None = None) -> None:
        """Take one answer down; the same student told the same again is nothing new."""
        if asked is not None:  # decided after the first question was sent, and before the first answer was read
            known = self._asked.get(student_id, asked)
            self._asked[student_id] = Asked(min(asked.sent, known.sent), min(asked.answered, known.answered))
        before = self._answers.get(student_id)
        if before is not None:
            if before != answer:
                raise BrokenPromise(f"{student_id} was told {before}, then {answer}.")
            return
        self._answers[student_id] = answer
        if answer.outcome == SEATED:
            self._take(self._seats, answer.number, student_id, "Seat")
            if answer.number > self.capacity:
                raise BrokenPromise(f"Seat {answer.number} was given, but there are {self.capacity}.")
            if len(self._seats) > self.capacity:
                raise BrokenPromise(f"{len(self._seats)} students were seated, but there are {self.capacity} seats.")
        elif answer.outcome == WAITLISTED:
            self._take(self._places, answer.number, student_id, "Place")

    @staticmethod
    def _take(taken: dict[int, str], number: int, student_id: str, what: str) -> None:
        if number < 1:
            raise BrokenPromise(f"{what} {number} was given; they count from 1.")
        if number in taken:
            raise BrokenPromise(f"{what} {number} was given to {taken[number]} and to {student_id}.")
        taken[number] = student_id

    def close(self, students: int) -> None:
        """Everybody has been answered: all seats are taken and the places have no hole, or BrokenPromise is raised."""
        refused = {each.reason for each in self._answers.values() if each.outcome not in (SEATED, WAITLISTED)}
        if refused:
            raise BrokenPromise(f"Students were refused: {', '.join(sorted(refused))}.")
        if len(self._answers) != students:
            raise BrokenPromise(f"{students - len(self._answers)} of {students} students have no answer.")
        expected = min(students, self.capacity)
        if self.seated != expected:
            raise BrokenPromise(f"{self.seated} students are seated; it must be {expected}.")
        holes = sorted(set(range(1, students - expected + 1)) - self._places.keys())
        if holes:
            raise BrokenPromise(f"Nobody has place {holes[0]} of 1..{students - expected} ({len(holes)} holes).")
        self._check_order()

    def _check_order(self) -> None:
        """Nobody stands behind somebody who asked only after they themselves had been answered."""
        order = [student for taken in (self._seats, self._places) for _, student in sorted(taken.items())]
        latest: str | None = None
        for student in order:
            asked = self._asked.get(student)
            if asked is None:
                continue
            if latest is not None and self._asked[latest].sent > asked.answered + self._clocks_apart:
                raise BrokenPromise(
                    f"{latest} asked {self._asked[latest].sent - asked.answered:.3f} s after {student} had been answered "
                    f"and stands before them: {self._stands(latest)} before {self._stands(student)}."
                )
            if latest is None or asked.sent > self._asked[latest].sent:
                latest = student

    def _stands(self, student: str) -> str:
        answer = self._answers[student]
        return f"{'seat' if answer.outcome == SEATED else 'place'} {answer.number}"


def check_answers(answers: Iterable[tuple[str, DoorAnswer]], students: int, capacity: int) -> Tally:
    """The tally of a finished stampede. Raises BrokenPromise."""
    tally = Tally(capacity)
    for student_id, answer in answers:
        tally.note(student_id, answer)
    tally.close(students)
    return tally
