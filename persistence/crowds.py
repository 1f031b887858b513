"""Many people at once: for load tests and for demo data, where one account after the other would take minutes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, insert, update

from classroom.callers import Role
from classroom.ids import CourseId, UserId
from classroom.times import Moment
from persistence.accounts import normal_email
from persistence.database import Database
from persistence.ids import new_id
from persistence.models import Course, Enrollment, User

_ROWS_A_STATEMENT = 2_000


@dataclass(frozen=True)
class Newcomer:
    """A student to be."""

    id: UserId
    email: str
    name: str


async def add_students(
    database: Database, course_id: CourseId, newcomers: Sequence[Newcomer], password_hash: str, now: Moment
) -> None:
    """Open an account for each and enrol all of them in the course, in one transaction. They share one password.

    Raises `sqlalchemy.exc.IntegrityError` when one of the addresses has an account already.
    """
    async with database.writing() as connection:
        for start in range(0, len(newcomers), _ROWS_A_STATEMENT):
            some = newcomers[start : start + _ROWS_A_STATEMENT]
            await connection.execute(
                insert(User),
                [
                    {
                        "id": one.id,
                        "email": normal_email(one.email),
                        "name": one.name,
                        "role": Role.STUDENT.value,
                        "password_hash": password_hash,
                        "email_verified_at": now,
                        "created_at": now,
                        "updated_at": now,
                    }
                    for one in some
                ],
            )
            await connection.execute(
                insert(Enrollment),
                [{"id": new_id(), "course_id": course_id, "user_id": one.id, "enrolled_at": now} for one in some],
            )
        await connection.execute(
            update(Course).where(Course.id == course_id).values(student_count=Course.student_count + len(newcomers))
        )


async def set_status(database: Database, emails: Sequence[str], status: str) -> int:
    """Make the accounts with these addresses `active` or `banned`; says how many that changed."""
    wanted = [normal_email(email) for email in emails]
    async with database.writing() as connection:
        done = await connection.execute(
            update(User)
            .where(User.email.in_(wanted), User.deleted_at.is_(None), User.status != status)
            .values(status=status, status_changed_at=func.now())
        )
    return int(done.rowcount)
