"""The class that `lyceum loadtest prepare` made: what every load run starts from."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Student:
    """Who asks for a seat, with an access token."""

    id: str
    token: str


@dataclass(frozen=True)
class PreparedClass:
    """A started class and its enrolled students."""

    session_id: str
    course_id: str
    instructor_token: str
    students: tuple[Student, ...]
    more: "tuple[PreparedClass, ...]" = ()
    """Further classes, each of another instructor and with students of its own."""

    @property
    def classes(self) -> "tuple[PreparedClass, ...]":
        """This class and the further ones."""
        return (self, *self.more)


def read_prepared(text: str) -> PreparedClass:
    """The class that `text` describes. Raises ValueError with a sentence when it is not what `prepare` prints."""
    try:
        prepared = _class_of(json.loads(text))
    except (json.JSONDecodeError, KeyError, TypeError) as fault:
        raise ValueError(f"This is not the JSON that `lyceum loadtest prepare` prints ({fault!r}).") from fault
    if not all(each.students for each in prepared.classes):
        raise ValueError("The prepared class has no students.")
    return prepared


def _class_of(body: Any) -> PreparedClass:
    return PreparedClass(
        str(body["sessionId"]),
        str(body["courseId"]),
        str(body["instructorToken"]),
        tuple(Student(str(each["id"]), str(each["token"])) for each in body["students"]),
        tuple(_class_of(each) for each in body.get("more", ())),
    )
