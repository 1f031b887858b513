"""The stores around the class: one field a store, opened on one database in one place for replicas and for tests."""

from dataclasses import dataclass

from persistence.account_administration import AccountAdministration
from persistence.assignments import Assignments
from persistence.audit import AuditLog
from persistence.categories import Categories
from persistence.database import Database
from persistence.deliveries import Deliveries
from persistence.instructor_requests import InstructorRequests
from persistence.notifications import Notifications
from persistence.progress import Progress
from persistence.quiz_attempts import QuizAttempts
from persistence.quizzes import Quizzes
from persistence.syllabus import Syllabus


@dataclass(frozen=True)
class Stores:
    """Every store of the platform around the class; handlers use them as `parts.stores.<name>`."""

    database: Database
    categories: Categories
    account_administration: AccountAdministration
    instructor_requests: InstructorRequests
    audit: AuditLog
    syllabus: Syllabus
    quizzes: Quizzes
    quiz_attempts: QuizAttempts
    assignments: Assignments
    notifications: Notifications
    deliveries: Deliveries
    progress: Progress


def open_stores(database: Database) -> Stores:
    """The stores on this database. Nothing is asked of it yet."""
    return Stores(
        database=database,
        categories=Categories(database),
        account_administration=AccountAdministration(database),
        instructor_requests=InstructorRequests(database),
        audit=AuditLog(database),
        syllabus=Syllabus(database),
        quizzes=Quizzes(database),
        quiz_attempts=QuizAttempts(database),
        assignments=Assignments(database),
        notifications=Notifications(database),
        deliveries=Deliveries(database),
        progress=Progress(database),
    )
