"""Certificates and what they say (0010)."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from classroom.times import Moment
from persistence.models import ID, Base, MomentType


class Certificate(Base):
    """That a student has completed a course. The words are those of the day on which it was issued: what people and courses
    are called later changes no document. `issued_by` is the admin who issued it by hand."""

    __tablename__ = "certificates"
    __table_args__ = (
        UniqueConstraint("course_id", "user_id"),
        UniqueConstraint("number"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_reason IS NULL)", name="revoked"),
        Index(None, "user_id", "issued_at", "id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    number: Mapped[str] = mapped_column(Text)
    course_id: Mapped[str] = mapped_column(ID, ForeignKey("courses.id"))
    user_id: Mapped[str] = mapped_column(ID, ForeignKey("users.id"))
    user_name: Mapped[str] = mapped_column(Text)
    course_title: Mapped[str] = mapped_column(Text)
    instructor_name: Mapped[str] = mapped_column(Text)
    wording: Mapped[dict[str, str]] = mapped_column(JSONB)
    issued_at: Mapped[Moment] = mapped_column(MomentType)
    issued_by: Mapped[str | None] = mapped_column(ID, ForeignKey("users.id"))
    revoked_at: Mapped[Moment | None] = mapped_column(MomentType)
    revoked_reason: Mapped[str | None] = mapped_column(Text)


class CertificateTemplate(Base):
    """What certificates to come say: those of one course, or with no course all others."""

    __tablename__ = "certificate_templates"
    __table_args__ = (
        UniqueConstraint("course_id"),
        Index(
            "uq_certificate_templates_of_all",
            text("(course_id IS NULL)"),
            unique=True,
            postgresql_where=text("course_id IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    course_id: Mapped[str | None] = mapped_column(ID, ForeignKey("courses.id", ondelete="CASCADE"))
    wording: Mapped[dict[str, str]] = mapped_column(JSONB)
    updated_at: Mapped[Moment] = mapped_column(MomentType)
    updated_by: Mapped[str] = mapped_column(ID, ForeignKey("users.id"))
