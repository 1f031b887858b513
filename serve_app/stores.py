"""The stores around the class: one field a store, opened on one database in one place for replicas and for tests."""

from dataclasses import dataclass

from persistence.account_administration import AccountAdministration
from persistence.account_tokens import AccountTokens
from persistence.assignments import Assignments
from persistence.audit import AuditLog
from persistence.bookmarks import Bookmarks
from persistence.categories import Categories
from persistence.certificate_templates import CertificateTemplates
from persistence.certificates import Certificates
from persistence.database import Database
from persistence.deliveries import Deliveries
from persistence.instructor_requests import InstructorRequests
from persistence.instructors import Instructors
from persistence.lesson_talk import LessonTalk
from persistence.media import Media
from persistence.notifications import Notifications
from persistence.object_store import ObjectStore
from persistence.platform_settings import PlatformSettingsStore
from persistence.progress import Progress
from persistence.quiz_attempts import QuizAttempts
from persistence.quizzes import Quizzes
from persistence.recommendations import Recommendations
from persistence.reports import Reports
from persistence.reviews import Reviews
from persistence.statistics import Statistics
from persistence.syllabus import Syllabus


@dataclass(frozen=True)
class Stores:
    """Every store of the platform around the class; handlers use them as `parts.stores.<name>`."""

    database: Database
    objects: ObjectStore
    media: Media
    categories: Categories
    certificates: Certificates
    certificate_templates: CertificateTemplates
    account_administration: AccountAdministration
    account_tokens: AccountTokens
    instructor_requests: InstructorRequests
    instructors: Instructors
    audit: AuditLog
    syllabus: Syllabus
    quizzes: Quizzes
    quiz_attempts: QuizAttempts
    assignments: Assignments
    statistics: Statistics
    platform_settings: PlatformSettingsStore
    notifications: Notifications
    deliveries: Deliveries
    reviews: Reviews
    reports: Reports
    lesson_talk: LessonTalk
    bookmarks: Bookmarks
    recommendations: Recommendations
    progress: Progress


def open_stores(database: Database, objects: ObjectStore) -> Stores:
    """The stores on this database, and files in this store. Nothing is asked of either yet."""
    return Stores(
        database=database,
        objects=objects,
        media=Media(database),
        categories=Categories(database),
        certificates=Certificates(database),
        certificate_templates=CertificateTemplates(database),
        account_administration=AccountAdministration(database),
        account_tokens=AccountTokens(database),
        instructor_requests=InstructorRequests(database),
        instructors=Instructors(database),
        audit=AuditLog(database),
        syllabus=Syllabus(database),
        quizzes=Quizzes(database),
        quiz_attempts=QuizAttempts(database),
        assignments=Assignments(database),
        statistics=Statistics(database),
        platform_settings=PlatformSettingsStore(database),
        notifications=Notifications(database),
        deliveries=Deliveries(database),
        reviews=Reviews(database),
        reports=Reports(database),
        lesson_talk=LessonTalk(database),
        bookmarks=Bookmarks(database),
        recommendations=Recommendations(database),
        progress=Progress(database),
    )
