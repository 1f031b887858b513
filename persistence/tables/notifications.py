"""Notices, who has them, how they were delivered, and what was reminded of (0011)."""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from classroom.times import Moment
from persistence.models import ID, Base, MomentType


class NoticeRow(Base):
    """What was said, once, however many people it was said to. `course_id` is set for an announcement to a course."""

    __tablename__ = "notices"
    __table_args__ = (Index(None, "created_at"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text, server_default="")
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    course_id: Mapped[str | None] = mapped_column(ID, ForeignKey("courses.id", ondelete="CASCADE"))
    created_at: Mapped[Moment] = mapped_column(MomentType)


class NotificationRow(Base):
    """One person has one notice. `key` names the cause: nobody is told of the same one twice."""

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("user_id", "key"),
        Index(None, "notice_id", "user_id"),
        Index("ix_notifications_unread", "user_id", "notice_id", postgresql_where=text("read_at IS NULL")),
    )

    user_id: Mapped[str] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    notice_id: Mapped[str] = mapped_column(ID, ForeignKey("notices.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(Text)
    read_at: Mapped[Moment | None] = mapped_column(MomentType)


class DeliveryRow(Base):
    """A notice was brought, or not brought, to a person over a channel. `user_id` null: to everybody who follows the
    course's topic, by one event. `queued` is on its way; `failed` may still be tried again."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint("channel IN ('inApp', 'mail')", name="channel"),
        CheckConstraint("status IN ('queued', 'sent', 'failed', 'skipped')", name="status"),
        UniqueConstraint("notice_id", "user_id", "channel"),
        Index("uq_deliveries_topic", "notice_id", "channel", unique=True, postgresql_where=text("user_id IS NULL")),
        Index(None, "status", "id"),
        Index(None, "user_id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    notice_id: Mapped[str] = mapped_column(ID, ForeignKey("notices.id", ondelete="CASCADE"))
    user_id: Mapped[str | None] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"))
    channel: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    at: Mapped[Moment] = mapped_column(MomentType)


class ReminderSweep(Base):
    """When the students of a class that begins at `starts_at` were last looked through for this reminder."""

    __tablename__ = "reminder_sweeps"
    __table_args__ = (Index(None, "starts_at"),)

    session_id: Mapped[str] = mapped_column(ID, primary_key=True)
    starts_at: Mapped[Moment] = mapped_column(MomentType, primary_key=True)
    lead: Mapped[str] = mapped_column(Text, primary_key=True)
    swept_at: Mapped[Moment] = mapped_column(MomentType)
