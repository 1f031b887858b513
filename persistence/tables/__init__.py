"""The tables around the class, a module an area; importing this makes all of them known to `Base.metadata`."""

from persistence.tables import (
    account_records,
    catalogue,
    certificates,
    events,
    jobs,
    media,
    notifications,
    progress,
    quizzes,
    syllabus,
    talk,
)

__all__ = [
    "account_records",
    "catalogue",
    "certificates",
    "events",
    "jobs",
    "media",
    "notifications",
    "progress",
    "quizzes",
    "syllabus",
    "talk",
]
