"""Instructor requests and the audit log (0012)."""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from classroom.times import Moment
from persistence.models import ID, Base, MomentType


class AuditEntry(Base):
    """One administrative act: who did what to what, and when. Rows are never changed."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index(None, "at", "id"),
        Index(None, "actor_id", "at", "id"),
        Index(None, "target_id", "at", "id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    actor_id: Mapped[str] = mapped_column(ID, ForeignKey("users.id"))
    action: Mapped[str] = mapped_column(Text)
    target_type: Mapped[str] = mapped_column(Text)
    target_id: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    at: Mapped[Moment] = mapped_column(MomentType)


class InstructorRequest(Base):
    """A student asks to become an instructor. Of one student at most one waits for an answer."""

    __tablename__ = "instructor_requests"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'approved', 'rejected')", name="status"),
        CheckConstraint("(status = 'pending') = (decided_at IS NULL)", name="decided"),
        Index("uq_instructor_requests_pending", "user_id", unique=True, postgresql_where=text("status = 'pending'")),
        Index(None, "user_id", "id"),
        Index(None, "status", "id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    user_id: Mapped[str] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"))
    reason: Mapped[str] = mapped_column(Text)
    qualifications: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="pending")
    created_at: Mapped[Moment] = mapped_column(MomentType)
    decided_at: Mapped[Moment | None] = mapped_column(MomentType)
    decided_by: Mapped[str | None] = mapped_column(ID, ForeignKey("users.id"))
    decision_reason: Mapped[str | None] = mapped_column(Text)
