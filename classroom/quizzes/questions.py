"""The questions of a quiz, whether an answer to one is right, and whether a question can be asked at all.

`explanation` is what a learner reads once the right answer may be seen."""

import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

Given = str | bool | int | tuple[int, ...]
"""What a learner answers: text (also for numbers), true or false, a whole number or the index of an option, or indexes."""


@dataclass(frozen=True)
class Choice:
    """Options of which some are right; with one right option it is a single choice, with `multiple` any number."""

    id: str
    text: str
    options: tuple[str, ...]
    correct: frozenset[int]
    multiple: bool = False
    points: int = 1
    explanation: str = ""

    def is_right(self, given: Given) -> bool:
        """Exactly the right options, in any order, each once."""
        chosen = _chosen(given)
        return chosen is not None and frozenset(chosen) == self.correct

    def is_shaped(self, given: Given) -> bool:
        """Whether this can be an answer at all."""
        chosen = _chosen(given)
        if chosen is None:
            return False
        return all(0 <= index < len(self.options) for index in chosen) and (self.multiple or len(chosen) <= 1)


@dataclass(frozen=True)
class TrueFalse:
    """A statement."""

    id: str
    text: str
    correct: bool
    points: int = 1
    explanation: str = ""

    def is_right(self, given: Given) -> bool:
        """The same truth."""
        return isinstance(given, bool) and given is self.correct

    def is_shaped(self, given: Given) -> bool:
        """Whether this can be an answer at all."""
        return isinstance(given, bool)


@dataclass(frozen=True)
class ShortText:
    """A word or a few. Case, accents' encoding and the width of spaces do not matter."""

    id: str
    text: str
    accepted: tuple[str, ...]
    points: int = 1
    explanation: str = ""

    def is_right(self, given: Given) -> bool:
        """One of the accepted wordings."""
        return isinstance(given, str) and _plain(given) in {_plain(each) for each in self.accepted}

    def is_shaped(self, given: Given) -> bool:
        """Whether this can be an answer at all."""
        return isinstance(given, str) and len(given) <= 500 and "\x00" not in given


@dataclass(frozen=True)
class Numeric:
    """A number, right within `tolerance` on either side. A comma may stand for the point."""

    id: str
    text: str
    correct: Decimal
    tolerance: Decimal = Decimal(0)
    points: int = 1
    explanation: str = ""

    def is_right(self, given: Given) -> bool:
        """Near enough; the ends of the tolerance included."""
        number = _number(given)
        return number is not None and abs(number - self.correct) <= self.tolerance

    def is_shaped(self, given: Given) -> bool:
        """Whether this can be an answer at all."""
        return _number(given) is not None


_LARGEST = 10**40

Question = Choice | TrueFalse | ShortText | Numeric


def faults(question: Question) -> tuple[tuple[str, str], ...]:
    """What keeps the question from being asked: pairs of part and sentence, none when it is sound."""
    if isinstance(question, Choice):
        return _faults_of_choice(question)
    if isinstance(question, ShortText):
        blank = not question.accepted or any(not _plain(each) for each in question.accepted)
        return (("correct", "needs wordings with something in them"),) if blank else ()
    if isinstance(question, Numeric):
        if not (question.correct.is_finite() and question.tolerance.is_finite()):
            return (("correct", "must be a number"),)
        return (("tolerance", "must not be negative"),) if question.tolerance < 0 else ()
    return ()


def _faults_of_choice(question: Choice) -> tuple[tuple[str, str], ...]:
    found = []
    if len(question.options) < 2:
        found.append(("options", "needs at least two"))
    if len({_plain(option) for option in question.options}) < len(question.options):
        found.append(("options", "says the same twice"))
    if not all(0 <= index < len(question.options) for index in question.correct):
        found.append(("correct", "is not the index of an option, counted from 0"))
    if not question.correct or (not question.multiple and len(question.correct) > 1):
        found.append(("correct", "names at least one option" if question.multiple else "names exactly one option"))
    return tuple(found)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _chosen(given: Given) -> tuple[int, ...] | None:
    """Indexes of options, each once; None when it is something else."""
    if isinstance(given, bool | str):
        return None
    if isinstance(given, int):
        return (given,)
    return given if len(set(given)) == len(given) else None


def _number(given: Given) -> Decimal | None:
    if isinstance(given, bool | tuple):
        return None
    text = str(given) if isinstance(given, int) and abs(given) < _LARGEST else given
    if not isinstance(text, str) or len(text) > 50:
        return None
    try:
        number = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) <= 100 else None
