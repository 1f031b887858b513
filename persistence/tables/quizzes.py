"""Quizzes with their versions and attempts, assignments with what was sent in (0009)."""

from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from classroom.times import Moment
from persistence.models import ID, Base, MomentType


class QuizRecord(Base):
    """A quiz and the version of it that new attempts get. Its name and place are its lesson's."""

    __tablename__ = "quizzes"
    __table_args__ = (UniqueConstraint("lesson_id"), Index(None, "course_id"))

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    lesson_id: Mapped[str] = mapped_column(ID, ForeignKey("lessons.id", ondelete="CASCADE"))
    course_id: Mapped[str] = mapped_column(ID, ForeignKey("courses.id", ondelete="CASCADE"))
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[Moment] = mapped_column(MomentType)
    updated_at: Mapped[Moment] = mapped_column(MomentType)


class QuizVersion(Base):
    """What a quiz asked at a time. A version that somebody has begun is never changed."""

    __tablename__ = "quiz_versions"
    __table_args__ = (
        CheckConstraint("pass_percent BETWEEN 0 AND 100", name="pass_percent"),
        CheckConstraint("attempts > 0", name="attempts"),
        CheckConstraint("minutes > 0", name="minutes"),
    )

    quiz_id: Mapped[str] = mapped_column(ID, ForeignKey("quizzes.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    questions: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    pass_percent: Mapped[int] = mapped_column(Integer)
    attempts: Mapped[int | None] = mapped_column(Integer)
    minutes: Mapped[int | None] = mapped_column(Integer)
    shuffled: Mapped[bool] = mapped_column(Boolean)
    reviewed: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[Moment] = mapped_column(MomentType)


class QuizAttempt(Base):
    """One learner's go at a version of a quiz, `number` from 1. At most one of a learner's is open. `revision` counts
    how often its grade was written."""

    __tablename__ = "quiz_attempts"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'submitted', 'expired')", name="state"),
        CheckConstraint(
            "(state = 'submitted') = (points IS NOT NULL AND passed IS NOT NULL AND submitted_at IS NOT NULL)", name="graded"
        ),
        CheckConstraint("points BETWEEN 0 AND possible", name="points"),
        UniqueConstraint("quiz_id", "user_id", "number"),
        Index("uq_quiz_attempts_open", "quiz_id", "user_id", unique=True, postgresql_where=text("state = 'open'")),
        Index(None, "quiz_id", "begun_at", "id"),
        Index(None, "user_id"),
        ForeignKeyConstraint(["quiz_id", "version"], ["quiz_versions.quiz_id", "quiz_versions.version"], ondelete="CASCADE"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    quiz_id: Mapped[str] = mapped_column(ID)
    version: Mapped[int] = mapped_column(Integer)
    user_id: Mapped[str] = mapped_column(ID, ForeignKey("users.id"))
    number: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(Text)
    begun_at: Mapped[Moment] = mapped_column(MomentType)
    submitted_at: Mapped[Moment | None] = mapped_column(MomentType)
    given: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    points: Mapped[int | None] = mapped_column(Integer)
    possible: Mapped[int] = mapped_column(Integer)
    passed: Mapped[bool | None] = mapped_column(Boolean)
    revision: Mapped[int] = mapped_column(Integer, server_default="0")
    feedback: Mapped[str] = mapped_column(Text, server_default="")
    reviewed_at: Mapped[Moment | None] = mapped_column(MomentType)
    reviewed_by: Mapped[str | None] = mapped_column(ID, ForeignKey("users.id"))


class Assignment(Base):
    """Work that a learner hands in. Its name and place are its lesson's."""

    __tablename__ = "assignments"
    __table_args__ = (
        CheckConstraint("max_points > 0", name="max_points"),
        CheckConstraint("pass_points BETWEEN 0 AND max_points", name="pass_points"),
        UniqueConstraint("lesson_id"),
        Index(None, "course_id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    lesson_id: Mapped[str] = mapped_column(ID, ForeignKey("lessons.id", ondelete="CASCADE"))
    course_id: Mapped[str] = mapped_column(ID, ForeignKey("courses.id", ondelete="CASCADE"))
    instructions: Mapped[str] = mapped_column(Text)
    due_at: Mapped[Moment | None] = mapped_column(MomentType)
    max_points: Mapped[int] = mapped_column(Integer)
    pass_points: Mapped[int] = mapped_column(Integer)
    allowed_types: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    created_at: Mapped[Moment] = mapped_column(MomentType)
    updated_at: Mapped[Moment] = mapped_column(MomentType)


class Submission(Base):
    """What a learner has handed in, one a learner and assignment. `revision` counts how often it was replaced, `grading` how
    often its grade was written; `possible` is what could be had then."""

    __tablename__ = "submissions"
    __table_args__ = (
        CheckConstraint("points BETWEEN 0 AND possible", name="points"),
        CheckConstraint("(points IS NULL) = (graded_at IS NULL)", name="graded"),
        UniqueConstraint("assignment_id", "user_id"),
        Index(None, "assignment_id", "created_at", "id"),
        Index(None, "user_id"),
        Index(None, "media_ids", postgresql_using="gin"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    assignment_id: Mapped[str] = mapped_column(ID, ForeignKey("assignments.id", ondelete="CASCADE"))
    user_id: Mapped[str] = mapped_column(ID, ForeignKey("users.id"))
    text: Mapped[str] = mapped_column(Text, server_default="")
    media_ids: Mapped[list[str]] = mapped_column(ARRAY(ID))
    late: Mapped[bool] = mapped_column(Boolean)
    revision: Mapped[int] = mapped_column(Integer, server_default="1")
    grading: Mapped[int] = mapped_column(Integer, server_default="0")
    points: Mapped[int | None] = mapped_column(Integer)
    possible: Mapped[int] = mapped_column(Integer)
    passed: Mapped[bool | None] = mapped_column(Boolean)
    feedback: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[Moment] = mapped_column(MomentType)
    submitted_at: Mapped[Moment] = mapped_column(MomentType)
    graded_at: Mapped[Moment | None] = mapped_column(MomentType)
    graded_by: Mapped[str | None] = mapped_column(ID, ForeignKey("users.id"))
