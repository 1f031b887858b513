"""Files that people uploaded, and who looked at them (0007)."""

from datetime import date

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from classroom.times import Moment
from persistence.models import ID, Base, MomentType


class MediaFile(Base):
    """A file. It is `pending` until its bytes have come, `checking` while a job reads them back, then `ready` for good or
    `rejected`. Only what is ready has been found to be what was announced, and only that may be linked to.

    `object_key` is where its bytes lie; of one that is pending, those that came last. `sha256` is what was found,
    `announced_sha256` what was said. `renditions` are the heights that a video is also there in.
    """

    __tablename__ = "media"
    __table_args__ = (
        CheckConstraint("purpose IN ('lesson', 'submission', 'thumbnail', 'avatar')", name="purpose"),
        CheckConstraint("status IN ('pending', 'checking', 'ready', 'rejected')", name="status"),
        CheckConstraint("size_bytes > 0", name="size"),
        CheckConstraint("purpose = 'avatar' OR course_id IS NOT NULL", name="course"),
        CheckConstraint("status <> 'ready' OR (object_key IS NOT NULL AND sha256 IS NOT NULL)", name="ready"),
        UniqueConstraint("id", "course_id"),
        Index(None, "owner_id", "purpose"),
        Index(None, "course_id"),
        Index(None, "expires_at", postgresql_where=text("status IN ('pending', 'rejected')")),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    purpose: Mapped[str] = mapped_column(Text)
    course_id: Mapped[str | None] = mapped_column(ID, ForeignKey("courses.id"))
    owner_id: Mapped[str] = mapped_column(ID, ForeignKey("users.id"))
    filename: Mapped[str] = mapped_column(Text)
    content_type: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    announced_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(Text, server_default="pending")
    rejection: Mapped[str | None] = mapped_column(Text)
    object_key: Mapped[str | None] = mapped_column(Text)
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[Moment] = mapped_column(MomentType)
    expires_at: Mapped[Moment] = mapped_column(MomentType)
    ready_at: Mapped[Moment | None] = mapped_column(MomentType)
    duration_seconds: Mapped[int | None] = mapped_column(Integer)
    renditions: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger), server_default=text("'{}'::smallint[]"))
    has_poster: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))


class MediaView(Base):
    """That somebody opened a lesson's file: one row a person, lesson and day (UTC), with how often."""

    __tablename__ = "media_views"
    __table_args__ = (Index(None, "lesson_id", "day", "user_id"),)

    user_id: Mapped[str] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    lesson_id: Mapped[str] = mapped_column(ID, ForeignKey("lessons.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    views: Mapped[int] = mapped_column(Integer)
    first_at: Mapped[Moment] = mapped_column(MomentType)
    last_at: Mapped[Moment] = mapped_column(MomentType)
