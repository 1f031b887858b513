"""Reviews, reports, questions with their answers, and bookmarks (0014)."""

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Integer, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from classroom.times import Moment
from persistence.models import ID, Base, MomentType

_SHOWN = sql("hidden_at IS NULL")


class Review(Base):
    """What a student says of a course, once. A hidden one counts in no average and still is the student's only one."""

    __tablename__ = "reviews"
    __table_args__ = (
        CheckConstraint("rating BETWEEN 1 AND 5", name="rating"),
        UniqueConstraint("course_id", "user_id"),
        Index(None, "course_id", "id", postgresql_where=_SHOWN),
        Index(None, "user_id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    course_id: Mapped[str] = mapped_column(ID, ForeignKey("courses.id", ondelete="CASCADE"))
    user_id: Mapped[str] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"))
    rating: Mapped[int] = mapped_column(Integer)
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Moment] = mapped_column(MomentType)
    updated_at: Mapped[Moment] = mapped_column(MomentType)
    hidden_at: Mapped[Moment | None] = mapped_column(MomentType)


class Report(Base):
    """Somebody says that something should be looked at. `target_id` names a row of the table that `target_type` says, which
    may be gone by now."""

    __tablename__ = "reports"
    __table_args__ = (
        CheckConstraint(
            "target_type IN ('course', 'lesson', 'review', 'question', 'answer', 'user')", name="target_type"
        ),
        CheckConstraint("action IN ('dismiss', 'hide', 'delete')", name="action"),
        CheckConstraint("(resolved_at IS NULL) = (action IS NULL)", name="resolved"),
        Index(
            "uq_reports_open", "reporter_id", "target_type", "target_id", unique=True,
            postgresql_where=sql("resolved_at IS NULL"),
        ),
        Index("ix_reports_open_target", "target_type", "target_id", postgresql_where=sql("resolved_at IS NULL")),
        Index("ix_reports_open", "id", postgresql_where=sql("resolved_at IS NULL")),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    reporter_id: Mapped[str] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"))
    target_type: Mapped[str] = mapped_column(Text)
    target_id: Mapped[str] = mapped_column(ID)
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Moment] = mapped_column(MomentType)
    resolved_at: Mapped[Moment | None] = mapped_column(MomentType)
    resolved_by: Mapped[str | None] = mapped_column(ID, ForeignKey("users.id"))
    action: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text, server_default="")


class Question(Base):
    """What somebody asks about a lesson."""

    __tablename__ = "questions"
    __table_args__ = (Index(None, "lesson_id", "id", postgresql_where=_SHOWN), Index(None, "user_id"))

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    lesson_id: Mapped[str] = mapped_column(ID, ForeignKey("lessons.id", ondelete="CASCADE"))
    user_id: Mapped[str] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Moment] = mapped_column(MomentType)
    hidden_at: Mapped[Moment | None] = mapped_column(MomentType)


class Answer(Base):
    """What somebody answers. At most one of a question is accepted."""

    __tablename__ = "answers"
    __table_args__ = (
        Index(None, "question_id", "id", postgresql_where=_SHOWN),
        Index("uq_answers_accepted", "question_id", unique=True, postgresql_where=sql("accepted")),
        Index(None, "user_id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    question_id: Mapped[str] = mapped_column(ID, ForeignKey("questions.id", ondelete="CASCADE"))
    user_id: Mapped[str] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(Text)
    accepted: Mapped[bool] = mapped_column(Boolean, server_default=sql("false"))
    created_at: Mapped[Moment] = mapped_column(MomentType)
    hidden_at: Mapped[Moment | None] = mapped_column(MomentType)


class Bookmark(Base):
    """A place in a lesson that somebody wants to find again; one a person and lesson."""

    __tablename__ = "bookmarks"
    __table_args__ = (
        CheckConstraint("position_seconds >= 0", name="position"),
        Index(None, "user_id", "created_at", "lesson_id"),
        Index(None, "lesson_id"),
    )

    user_id: Mapped[str] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    lesson_id: Mapped[str] = mapped_column(ID, ForeignKey("lessons.id", ondelete="CASCADE"), primary_key=True)
    position_seconds: Mapped[int | None] = mapped_column(Integer)
    note: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[Moment] = mapped_column(MomentType)
