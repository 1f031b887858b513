"""Who is asking: a person whose token was checked at the edge."""

from dataclasses import dataclass
from enum import StrEnum

from classroom.ids import UserId


class Role(StrEnum):
    """What a person may do on the platform (contract section 2)."""

    STUDENT = "student"
    INSTRUCTOR = "instructor"
    ADMIN = "admin"


@dataclass(frozen=True)
class Caller:
    """A checked identity. `name` is what others in the class may see."""

    user_id: UserId
    name: str
    role: Role
