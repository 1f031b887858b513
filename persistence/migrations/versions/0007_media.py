"""Media, and who looked at it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "media",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("course_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("announced_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("rejection", sa.Text(), nullable=True),
        sa.Column("object_key", sa.Text(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("ready_at", moment, nullable=True),
        sa.Column("duration_seconds", sa.Integer(), nullable=True),
        sa.Column(
            "renditions",
            postgresql.ARRAY(sa.SmallInteger()),
            server_default=sa.text("'{}'::smallint[]"),
            nullable=False,
        ),
        sa.Column("has_poster", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("purpose IN ('lesson', 'submission', 'thumbnail', 'avatar')", name=op.f("ck_media_purpose")),
        sa.CheckConstraint("status IN ('pending', 'checking', 'ready', 'rejected')", name=op.f("ck_media_status")),
        sa.CheckConstraint("size_bytes > 0", name=op.f("ck_media_size")),
        sa.CheckConstraint("purpose = 'avatar' OR course_id IS NOT NULL", name=op.f("ck_media_course")),
        sa.CheckConstraint(
            "status <> 'ready' OR (object_key IS NOT NULL AND sha256 IS NOT NULL)", name=op.f("ck_media_ready")
        ),
        sa.ForeignKeyConstraint(["course_id"], ["courses.id"], name=op.f("fk_media_course_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_media_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.UniqueConstraint("id", "course_id", name=op.f("uq_media_id_course_id")),
    )
    op.create_index(op.f("ix_media_owner_id_purpose"), "media", ["owner_id", "purpose"], unique=False)
    op.create_index(op.f("ix_media_course_id"), "media", ["course_id"], unique=False)
    op.create_index(
        op.f("ix_media_expires_at"),
        "media",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('pending', 'rejected')"),
    )
    # What a lesson shows is a file of its own course.
    op.create_foreign_key(op.f("fk_lessons_media_id"), "lessons", "media", ["media_id", "course_id"], ["id", "course_id"])
    op.create_table(
        "media_views",
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("lesson_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("views", sa.Integer(), nullable=False),
        sa.Column("first_at", moment, nullable=False),
        sa.Column("last_at", moment, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_media_views_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["lesson_id"], ["lessons.id"], name=op.f("fk_media_views_lesson_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "lesson_id", "day", name=op.f("pk_media_views")),
    )
    op.create_index(
        op.f("ix_media_views_lesson_id_day_user_id"), "media_views", ["lesson_id", "day", "user_id"], unique=False
    )
