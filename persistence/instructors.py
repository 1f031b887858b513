"""What anybody may know about who teaches: the account and figures of the published courses."""

from dataclasses import dataclass

from sqlalchemy import func, select

from classroom.ids import UserId
from persistence.accounts import Account, account_of, accounts
from persistence.database import Database
from persistence.models import Course, User


@dataclass(frozen=True)
class InstructorRow:
    """An instructor. The figures are of published courses: how many, who is enrolled in them (counted in each), and the sum
    and number of their ratings."""

    account: Account
    courses: int
    students: int
    rating_sum: int
    rating_count: int


class Instructors:
    """The instructors. Every call raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, user_id: UserId) -> InstructorRow | None:
        """Somebody who teaches or did: an active account that is an instructor's or an admin's, or has published courses."""
        figures = select(
            func.count(Course.id),
            func.coalesce(func.sum(Course.student_count), 0),
            func.coalesce(func.sum(Course.rating_sum), 0),
            func.coalesce(func.sum(Course.rating_count), 0),
        ).where(Course.instructor_id == user_id, Course.status == "published", Course.deleted_at.is_(None))
        async with self._database.reading() as connection:
            found = accounts().where(User.id == user_id, User.status == "active")
            row = (await connection.execute(found)).one_or_none()
            if row is None:
                return None
            courses, students, rating_sum, rating_count = (await connection.execute(figures)).one()
        if row.role == "student" and courses == 0:
            return None
        return InstructorRow(account_of(row), courses, students, rating_sum, rating_count)
