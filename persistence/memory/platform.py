"""Accounts, courses and enrolment as dictionaries, shared by the twins of their stores."""

from dataclasses import dataclass, field, replace

from classroom.ids import CourseId, UserId
from classroom.times import Moment
from persistence.accounts import Account
from persistence.courses import CategoryRow, CourseRow
from persistence.enrollments import EnrollmentRow
from persistence.memory.live_tables import LiveTables


@dataclass
class PlatformTables:
    """One database; `live` are the tables of the classes in it, which also say whether it is away."""

    live: LiveTables = field(default_factory=LiveTables)
    accounts: dict[UserId, tuple[Account, str]] = field(default_factory=dict)
    categories: dict[str, CategoryRow] = field(default_factory=dict)
    courses: dict[CourseId, CourseRow] = field(default_factory=dict)
    enrollments: dict[tuple[CourseId, UserId], EnrollmentRow] = field(default_factory=dict)

    def reach(self) -> None:
        """Raises StoreAway while the store is away."""
        self.live.reach()

    def course(self, course_id: CourseId) -> CourseRow | None:
        """The course with the names and the count of now."""
        row = self.courses.get(course_id)
        if row is None:
            return None
        category = next((held for held in self.categories.values() if held.id == row.category_id), None)
        return replace(
            row,
            instructor_name=self.accounts[row.instructor_id][0].name,
            category_name=category.name if category is not None else None,
            students=sum(held.course_id == course_id and held.left_at is None for held in self.enrollments.values()),
        )

    def note_students(self, course_id: CourseId, user_id: UserId, left_at: Moment | None) -> None:
        """Tell the classes' tables who is a student of the course now."""
        account, _ = self.accounts[user_id]
        active = left_at is None and account.status == "active"
        self.live.enroll(course_id, user_id, account.name, account.email, active=active)
