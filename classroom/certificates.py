"""Who has earned the certificate of a course."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Demand:
    """What a course asks for. `attendance_percent` of its classes' time; 0 asks for none."""

    lessons: frozenset[str]
    quizzes: frozenset[str]
    attendance_percent: int = 0


@dataclass(frozen=True)
class Record:
    """What somebody has done. `present_seconds` of the `class_seconds` of the classes that were held."""

    lessons: frozenset[str]
    quizzes: frozenset[str]
    present_seconds: int = 0
    class_seconds: int = 0


@dataclass(frozen=True)
class Missing:
    """What is left to do; nothing of anything means that the certificate is earned."""

    lessons: frozenset[str]
    quizzes: frozenset[str]
    attendance: bool

    def __bool__(self) -> bool:
        return bool(self.lessons or self.quizzes or self.attendance)


def missing(demand: Demand, record: Record) -> Missing:
    """What the record lacks. Where no class was held, attendance that is asked for is lacking."""
    asks = demand.attendance_percent > 0
    present = record.class_seconds > 0 and record.present_seconds * 100 >= record.class_seconds * demand.attendance_percent
    return Missing(demand.lessons - record.lessons, demand.quizzes - record.quizzes, asks and not present)


def is_given(demand: Demand) -> bool:
    """Whether the course gives a certificate at all: it asks for something."""
    return bool(demand.lessons or demand.quizzes or demand.attendance_percent)


SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Of a certificate's number: without those that are read for others (Crockford's base 32)."""
_MEANT = str.maketrans({"O": "0", "I": "1", "L": "1"})


def number_of(chosen: int) -> str:
    """The certificate number that stands for `chosen`, of which 60 bits are used: `LY-3F7K-92QX-0B5T`."""
    signs = "".join(SIGNS[chosen >> shift & 31] for shift in range(55, -5, -5))
    return f"LY-{signs[:4]}-{signs[4:8]}-{signs[8:]}"


def read_number(text: str) -> str | None:
    """A number as somebody typed it (any case, spaces or no hyphens, O for 0) in its one form; None when it is none."""
    signs = "".join(sign for sign in text.upper() if sign not in " -")
    body = signs.removeprefix("LY").translate(_MEANT)
    if len(text) > 64 or not signs.startswith("LY") or len(body) != 12 or any(sign not in SIGNS for sign in body):
        return None
    return f"LY-{body[:4]}-{body[4:8]}-{body[8:]}"
