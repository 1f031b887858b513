"""Sections and lessons (0006)."""

from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Integer, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from classroom.times import Moment
from persistence.models import ID, Base, MomentType


class Section(Base):
    """A part of a course. `position` counts from 0 among the course's sections that are not deleted."""

    __tablename__ = "sections"
    __table_args__ = (Index(None, "course_id", "position"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    course_id: Mapped[str] = mapped_column(ID, ForeignKey("courses.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text, server_default="")
    position: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[Moment] = mapped_column(MomentType, server_default=func.now())
    updated_at: Mapped[Moment] = mapped_column(MomentType, server_default=func.now())
    deleted_at: Mapped[Moment | None] = mapped_column(MomentType)


class Lesson(Base):
    """One thing to do in a section. `course_id` is its section's, kept here so that a course's lessons are one index scan.

    `content` is the Markdown of an article; `media_id` the file of a video or file lesson; `extra` what a type alone has.
    A quiz or an assignment is a row of its own that names its lesson. `duration_seconds` is a video's length, 0 unknown.
    """

    __tablename__ = "lessons"
    __table_args__ = (
        CheckConstraint("type IN ('video', 'file', 'article', 'quiz', 'assignment', 'live')", name="type"),
        CheckConstraint("duration_seconds >= 0", name="duration"),
        ForeignKeyConstraint(["media_id", "course_id"], ["media.id", "media.course_id"]),  # a file of its own course
        Index(None, "section_id", "position"),
        Index(None, "course_id", postgresql_where=text("deleted_at IS NULL")),
        Index(None, "media_id", postgresql_where=text("media_id IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    section_id: Mapped[str] = mapped_column(ID, ForeignKey("sections.id", ondelete="CASCADE"))
    course_id: Mapped[str] = mapped_column(ID, ForeignKey("courses.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text, server_default="")
    content: Mapped[str] = mapped_column(Text, server_default="")
    media_id: Mapped[str | None] = mapped_column(ID)
    duration_seconds: Mapped[int] = mapped_column(Integer, server_default="0")
    is_preview: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    is_required: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    extra: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    position: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[Moment] = mapped_column(MomentType, server_default=func.now())
    updated_at: Mapped[Moment] = mapped_column(MomentType, server_default=func.now())
    deleted_at: Mapped[Moment | None] = mapped_column(MomentType)
