"""Why there is no certificate, or not any more."""

from dataclasses import dataclass
from typing import Any, ClassVar

from classroom.refusals import Refusal


@dataclass(frozen=True)
class NotCompleted(Refusal):
    """Something that the course asks for is not done. `lessons` and `quizzes` are ids and titles of lessons;
    `attendance_percent` is what is asked for where it was not reached."""

    code: ClassVar[str] = "not_completed"
    course_id: str
    lessons: tuple[tuple[str, str], ...]
    quizzes: tuple[tuple[str, str], ...]
    attendance_percent: int | None

    def message(self) -> str:
        left = [
            _count(len(self.lessons), "lesson"),
            _count(len(self.quizzes), "quiz", "quizzes"),
            "attendance" if self.attendance_percent is not None else "",
        ]
        return f"The course is not completed yet. Left to do: {', '.join(each for each in left if each)}."

    def details(self) -> dict[str, Any]:
        return {
            "courseId": self.course_id,
            "missing": {
                "lessons": [{"id": id_, "title": title} for id_, title in self.lessons],
                "quizzes": [{"lessonId": id_, "title": title} for id_, title in self.quizzes],
                "attendancePercent": self.attendance_percent,
            },
        }


def _count(number: int, one: str, many: str | None = None) -> str:
    return "" if number == 0 else f"{number} {one if number == 1 else many or f'{one}s'}"


@dataclass(frozen=True)
class NoCertificate(Refusal):
    """The course gives no certificates, or asks for nothing that could earn one."""

    code: ClassVar[str] = "no_certificate"
    course_id: str

    def message(self) -> str:
        return "This course gives no certificates."

    def details(self) -> dict[str, Any]:
        return {"courseId": self.course_id}


@dataclass(frozen=True)
class CertificateRevoked(Refusal):
    """The certificate was revoked."""

    code: ClassVar[str] = "certificate_revoked"
    certificate_id: str

    def message(self) -> str:
        return "This certificate was revoked."

    def details(self) -> dict[str, Any]:
        return {"certificateId": self.certificate_id}
