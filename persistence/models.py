"""The tables of accounts, courses, enrolment and idempotency (0001) and of hosts (0004), as SQLAlchemy 2 models."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    TextClause,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from classroom.times import Moment, from_datetime, to_datetime


class MomentType(TypeDecorator[Moment]):
    """A `Moment` outside, `timestamptz` in the table: both know microseconds."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: Moment | None, dialect: Dialect) -> datetime | None:
        return None if value is None else to_datetime(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> Moment | None:
        return None if value is None else from_datetime(value)


class Base(DeclarativeBase):
    """Every model of Lyceum; names of constraints are made the same way everywhere."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


ID = Uuid(as_uuid=False)
"""Ids are text in Python, in their canonical form, and 16 bytes in the table."""


class User(Base):
    """A person. `email` is kept in lower case; a deleted account keeps its row for the record."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role IN ('student', 'instructor', 'admin')", name="role"),
        CheckConstraint("status IN ('active', 'banned')", name="status"),
        Index("uq_users_email", "email", unique=True, postgresql_where=text("deleted_at IS NULL")),
        Index(
            "ix_users_words",
            text("to_tsvector('simple'::regconfig, translate((name || ' '::text) || email, '@._+-'::text, '     '::text))"),
            postgresql_using="gin",
        ),
        Index("ix_users_status_changed_at", "status_changed_at", postgresql_where=text("status_changed_at IS NOT NULL")),
        Index(None, "role", "id", postgresql_where=text("deleted_at IS NULL")),
        Index("ix_users_banned", "id", postgresql_where=text("status = 'banned' AND deleted_at IS NULL")),
        Index(
            "ix_users_active_admins",
            "id",
            postgresql_where=text("role = 'admin' AND status = 'active' AND deleted_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    email: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="active")
    headline: Mapped[str] = mapped_column(Text, server_default="")
    bio: Mapped[str] = mapped_column(Text, server_default="")
    avatar_url: Mapped[str | None] = mapped_column(Text)
    timezone: Mapped[str] = mapped_column(Text, server_default="UTC")
    locale: Mapped[str] = mapped_column(Text, server_default="en")
    preferences: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    status_changed_at: Mapped[Moment | None] = mapped_column(MomentType)
    """When the account was last banned, activated or deleted: what followers of the deny-list read."""
    ban_reason: Mapped[str | None] = mapped_column(Text)
    email_verified_at: Mapped[Moment | None] = mapped_column(MomentType)
    created_at: Mapped[Moment] = mapped_column(MomentType, server_default=func.now())
    updated_at: Mapped[Moment] = mapped_column(MomentType, server_default=func.now())
    deleted_at: Mapped[Moment | None] = mapped_column(MomentType)


class RefreshFamily(Base):
    """One sign-in and every refresh token that came from it."""

    __tablename__ = "refresh_families"
    __table_args__ = (
        Index(None, "user_id"),
        Index(None, "expires_at"),
        Index(None, "revoked_at", postgresql_where=text("revoked_at IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    user_id: Mapped[str] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Mapped[Moment] = mapped_column(MomentType)
    expires_at: Mapped[Moment] = mapped_column(MomentType)
    revoked_at: Mapped[Moment | None] = mapped_column(MomentType)
    revoked_for: Mapped[str | None] = mapped_column(Text)


class RefreshToken(Base):
    """One refresh token, as its SHA-256: the token itself is nowhere."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (Index(None, "family_id"),)

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    family_id: Mapped[str] = mapped_column(ID, ForeignKey("refresh_families.id", ondelete="CASCADE"))
    issued_at: Mapped[Moment] = mapped_column(MomentType)
    used_at: Mapped[Moment | None] = mapped_column(MomentType)


class Category(Base):
    """A shelf of the catalogue. `course_count` counts its published courses; triggers of `courses` keep it so (0013)."""

    __tablename__ = "categories"
    __table_args__ = (UniqueConstraint("slug"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    slug: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default="")
    position: Mapped[int] = mapped_column(Integer, server_default="0")
    course_count: Mapped[int] = mapped_column(Integer, server_default="0")


def _browsed(name: str, *keys: str | TextClause, besides: str = "") -> Index:
    """An index of the published courses."""
    where = "status = 'published' AND deleted_at IS NULL"
    return Index(name, *keys, postgresql_where=text(f"{where} AND {besides}" if besides else where))


def _narrowing() -> tuple[str | TextClause, ...]:
    return "category_id", "difficulty", text("split_part(language, '-'::text, 1)"), text("(price_minor = 0)")


class Course(Base):
    """A course. A price of 0 means free; deleting is soft.

    `instructor_name` is the name of `instructor_id`, kept so by triggers (0013), since a course is found by it. The counters
    move in the transactions of what they count. Lists are ordered by `popularity`, which grows with the logarithm of
    `student_count`, so that an enrolment seldom moves a course and its indexes, and by `rating_hundredths`.
    """

    __tablename__ = "courses"
    __table_args__ = (
        CheckConstraint("status IN ('draft', 'pending', 'published', 'rejected', 'unpublished')", name="status"),
        CheckConstraint("difficulty IN ('beginner', 'intermediate', 'advanced')", name="difficulty"),
        CheckConstraint("price_minor >= 0", name="price"),
        CheckConstraint("max_students > 0", name="max_students"),
        CheckConstraint("certificate_attendance_percent BETWEEN 0 AND 100", name="attendance_percent"),
        CheckConstraint("student_count >= 0 AND lesson_count >= 0 AND duration_seconds >= 0", name="counts"),
        CheckConstraint("rating_count >= 0 AND rating_sum BETWEEN rating_count AND 5 * rating_count", name="ratings"),
        UniqueConstraint("slug"),
        Index(None, "instructor_id", "id"),
        Index(None, "category_id", "published_at", "id"),
        Index(None, "status", "id", postgresql_where=text("deleted_at IS NULL")),
        Index("ix_courses_deleted", "id", postgresql_where=text("deleted_at IS NOT NULL")),
        Index("ix_courses_search", "search", postgresql_using="gin"),
        # One an order in which people browse: the key of its cursor, the id, and what browsing narrows to, so that courses
        # that are not wanted are passed over without being read.
        _browsed("ix_courses_catalogue", "published_at", "id", *_narrowing()),
        _browsed("ix_courses_by_title", text("lower(title)"), "id", *_narrowing()),
        _browsed("ix_courses_popular", "popularity", "id", *_narrowing()),
        _browsed("ix_courses_rated", "rating_hundredths", "id", *_narrowing()),
        _browsed("ix_courses_featured", "featured_at", "id", besides="featured_at IS NOT NULL"),
        {"postgresql_with": {"fillfactor": "80"}},  # room for the counters to move within their page
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    slug: Mapped[str] = mapped_column(Text)
    instructor_id: Mapped[str] = mapped_column(ID, ForeignKey("users.id"))
    category_id: Mapped[str | None] = mapped_column(ID, ForeignKey("categories.id"))
    title: Mapped[str] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text, server_default="")
    description: Mapped[str] = mapped_column(Text, server_default="")
    difficulty: Mapped[str] = mapped_column(Text, server_default="beginner")
    language: Mapped[str] = mapped_column(Text, server_default="en")
    price_minor: Mapped[int] = mapped_column(Integer, server_default="0")
    currency: Mapped[str] = mapped_column(Text, server_default="EUR")
    thumbnail_url: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="draft")
    rejection_reason: Mapped[str | None] = mapped_column(Text)
    changed_since_review: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    featured_at: Mapped[Moment | None] = mapped_column(MomentType)
    max_students: Mapped[int | None] = mapped_column(Integer)
    gives_certificate: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    certificate_attendance_percent: Mapped[int] = mapped_column(Integer, server_default="0")
    instructor_name: Mapped[str] = mapped_column(Text, server_default="")
    student_count: Mapped[int] = mapped_column(Integer, server_default="0")
    lesson_count: Mapped[int] = mapped_column(Integer, server_default="0")
    duration_seconds: Mapped[int] = mapped_column(Integer, server_default="0")
    rating_sum: Mapped[int] = mapped_column(Integer, server_default="0")
    rating_count: Mapped[int] = mapped_column(Integer, server_default="0")
    popularity: Mapped[int] = mapped_column(Integer, Computed("course_popularity(student_count)", persisted=True))
    rating_hundredths: Mapped[int] = mapped_column(
        Integer, Computed("course_rating(rating_sum, rating_count)", persisted=True)
    )
    search: Mapped[str] = mapped_column(
        TSVECTOR, Computed("course_search(language, title, summary, description, instructor_name)", persisted=True)
    )
    created_at: Mapped[Moment] = mapped_column(MomentType, server_default=func.now())
    updated_at: Mapped[Moment] = mapped_column(MomentType, server_default=func.now())
    published_at: Mapped[Moment | None] = mapped_column(MomentType)
    deleted_at: Mapped[Moment | None] = mapped_column(MomentType)


class Enrollment(Base):
    """A student in a course; `left_at` is set while the student is not in it any more. One row a pair, for ever."""

    __tablename__ = "enrollments"
    __table_args__ = (
        UniqueConstraint("course_id", "user_id"),
        Index(None, "user_id", "enrolled_at", "id", postgresql_where=text("left_at IS NULL")),
        Index(None, "course_id", "enrolled_at", "id", postgresql_where=text("left_at IS NULL")),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    course_id: Mapped[str] = mapped_column(ID, ForeignKey("courses.id"))
    user_id: Mapped[str] = mapped_column(ID, ForeignKey("users.id"))
    enrolled_at: Mapped[Moment] = mapped_column(MomentType)
    left_at: Mapped[Moment | None] = mapped_column(MomentType)


class IdempotencyKey(Base):
    """A request that was or is being done. `status` is null until it is answered; `sealed` is the answer.

    `entity_id` is the id that a thing made by this request gets, so that a request that died half-way and is
    repeated makes the same thing and not a second one.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index(None, "expires_at"),)

    scope: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    entity_id: Mapped[str] = mapped_column(ID)
    leased_until: Mapped[Moment] = mapped_column(MomentType)
    expires_at: Mapped[Moment] = mapped_column(MomentType)
    status: Mapped[int | None] = mapped_column(Integer)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)


class GrainHostRow(Base):
    """A host of grains, and when it last noted that it lives, by the clock of Postgres. Empty after a crash of Postgres."""

    __tablename__ = "grain_hosts"
    __table_args__ = ({"prefixes": ["UNLOGGED"], "postgresql_with": {"fillfactor": "50"}},)

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    run: Mapped[str] = mapped_column(Text)
    seen_at: Mapped[Moment] = mapped_column(MomentType)
    has_left: Mapped[bool] = mapped_column(Boolean)
