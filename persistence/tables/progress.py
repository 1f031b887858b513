"""Learners' progress (0008), for lists and analytics; the journal writes it. The log of a course has no model."""

from sqlalchemy import CheckConstraint, Index, Integer, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import BigInteger, Boolean

from classroom.times import Moment
from persistence.models import ID, Base, MomentType


class LessonProgress(Base):
    """A learner's record of one lesson; see `classroom.progress.learner.LessonRecord`. `watched` are the ends of the
    intervals, one after the other."""

    __tablename__ = "lesson_progress"
    __table_args__ = (
        Index(None, "course_id", "lesson_id", postgresql_where=text("completed_at IS NOT NULL")),
        {"postgresql_with": {"fillfactor": "85"}},
    )

    user_id: Mapped[str] = mapped_column(ID, primary_key=True)
    course_id: Mapped[str] = mapped_column(ID, primary_key=True)
    lesson_id: Mapped[str] = mapped_column(ID, primary_key=True)
    completed_at: Mapped[Moment | None] = mapped_column(MomentType)
    watched: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    position: Mapped[int] = mapped_column(Integer)
    reported_at: Mapped[Moment | None] = mapped_column(MomentType)
    unspent: Mapped[int] = mapped_column(Integer)
    report_id: Mapped[str | None] = mapped_column(Text)
    quiz_id: Mapped[str | None] = mapped_column(ID)
    points: Mapped[int | None] = mapped_column(Integer)
    possible: Mapped[int | None] = mapped_column(Integer)
    passed: Mapped[bool] = mapped_column(Boolean)
    updated_at: Mapped[Moment] = mapped_column(MomentType)


class CourseProgress(Base):
    """How far a learner is in a course, as it was last counted; `version` is that of the outline it was counted for."""

    __tablename__ = "course_progress"
    __table_args__ = (
        CheckConstraint("thousandths BETWEEN 0 AND 1000", name="thousandths"),
        Index(None, "course_id", "updated_at"),
        Index(None, "user_id", "updated_at"),
        {"postgresql_with": {"fillfactor": "85"}},
    )

    course_id: Mapped[str] = mapped_column(ID, primary_key=True)
    user_id: Mapped[str] = mapped_column(ID, primary_key=True)
    thousandths: Mapped[int] = mapped_column(SmallInteger)
    version: Mapped[int] = mapped_column(BigInteger)
    told: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    completed_at: Mapped[Moment | None] = mapped_column(MomentType)
    last_lesson_id: Mapped[str | None] = mapped_column(ID)
    updated_at: Mapped[Moment] = mapped_column(MomentType)


class CourseAttendance(Base):
    """How long a student was in a class of the course."""

    __tablename__ = "course_attendance"

    user_id: Mapped[str] = mapped_column(ID, primary_key=True)
    course_id: Mapped[str] = mapped_column(ID, primary_key=True)
    session_id: Mapped[str] = mapped_column(ID, primary_key=True)
    seconds: Mapped[int] = mapped_column(Integer)
    of_seconds: Mapped[int] = mapped_column(Integer)
    updated_at: Mapped[Moment] = mapped_column(MomentType)
