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
