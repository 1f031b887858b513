"""Instructor requests, the audit log, preferences."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("locale", sa.Text(), server_default="en", nullable=False))
    op.add_column(
        "users", sa.Column("preferences", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False)
    )
    op.add_column("users", sa.Column("status_changed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("ban_reason", sa.Text(), nullable=True))
    op.create_index(
        "ix_users_words",
        "users",
        [sa.text("to_tsvector('simple'::regconfig, translate((name || ' '::text) || email, '@._+-'::text, '     '::text))")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_users_status_changed_at",
        "users",
        ["status_changed_at"],
        unique=False,
        postgresql_where=sa.text("status_changed_at IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_users_role_id"), "users", ["role", "id"], unique=False, postgresql_where=sa.text("deleted_at IS NULL")
    )
    op.create_index(
        "ix_users_banned",
        "users",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status = 'banned' AND deleted_at IS NULL"),
    )
    op.create_index(
        "ix_users_active_admins",
        "users",
        ["id"],
        unique=False,
        postgresql_where=sa.text("role = 'admin' AND status = 'active' AND deleted_at IS NULL"),
    )
    op.create_index(
        op.f("ix_refresh_families_revoked_at"),
        "refresh_families",
        ["revoked_at"],
        unique=False,
        postgresql_where=sa.text("revoked_at IS NOT NULL"),
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("actor_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target_type", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_audit_log_actor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_at_id"), "audit_log", ["at", "id"], unique=False)
    op.create_index(op.f("ix_audit_log_actor_id_at_id"), "audit_log", ["actor_id", "at", "id"], unique=False)
    op.create_index(op.f("ix_audit_log_target_id_at_id"), "audit_log", ["target_id", "at", "id"], unique=False)
    op.create_table(
        "instructor_requests",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("qualifications", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("status IN ('pending', 'approved', 'rejected')", name=op.f("ck_instructor_requests_status")),
        sa.CheckConstraint("(status = 'pending') = (decided_at IS NULL)", name=op.f("ck_instructor_requests_decided")),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_instructor_requests_decided_by")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_instructor_requests_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instructor_requests")),
    )
    op.create_index(
        "uq_instructor_requests_pending",
        "instructor_requests",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(op.f("ix_instructor_requests_user_id_id"), "instructor_requests", ["user_id", "id"], unique=False)
    op.create_index(op.f("ix_instructor_requests_status_id"), "instructor_requests", ["status", "id"], unique=False)
