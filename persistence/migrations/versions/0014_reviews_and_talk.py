"""Reviews, reports, questions and bookmarks."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reviews",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("course_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_reviews_rating")),
        sa.ForeignKeyConstraint(["course_id"], ["courses.id"], name=op.f("fk_reviews_course_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_reviews_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("course_id", "user_id", name=op.f("uq_reviews_course_id_user_id")),
    )
    op.create_index(
        op.f("ix_reviews_course_id_id"),
        "reviews",
        ["course_id", "id"],
        unique=False,
        postgresql_where=sa.text("hidden_at IS NULL"),
    )
    op.create_index(op.f("ix_reviews_user_id"), "reviews", ["user_id"], unique=False)
    op.create_table(
        "reports",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("reporter_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("target_type", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("action", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("action IN ('dismiss', 'hide', 'delete')", name=op.f("ck_reports_action")),
        sa.CheckConstraint(
            "target_type IN ('course', 'lesson', 'review', 'question', 'answer', 'user')",
            name=op.f("ck_reports_target_type"),
        ),
        sa.CheckConstraint("(resolved_at IS NULL) = (action IS NULL)", name=op.f("ck_reports_resolved")),
        sa.ForeignKeyConstraint(["reporter_id"], ["users.id"], name=op.f("fk_reports_reporter_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["resolved_by"], ["users.id"], name=op.f("fk_reports_resolved_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
    )
    op.create_index("ix_reports_open", "reports", ["id"], unique=False, postgresql_where=sa.text("resolved_at IS NULL"))
    op.create_index(
        "ix_reports_open_target",
        "reports",
        ["target_type", "target_id"],
        unique=False,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index(
        "uq_reports_open",
        "reports",
        ["reporter_id", "target_type", "target_id"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_table(
        "questions",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("lesson_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["lesson_id"], ["lessons.id"], name=op.f("fk_questions_lesson_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_questions_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questions")),
    )
    op.create_index(
        op.f("ix_questions_lesson_id_id"),
        "questions",
        ["lesson_id", "id"],
        unique=False,
        postgresql_where=sa.text("hidden_at IS NULL"),
    )
    op.create_index(op.f("ix_questions_user_id"), "questions", ["user_id"], unique=False)
    op.create_table(
        "answers",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("question_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("accepted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["question_id"], ["questions.id"], name=op.f("fk_answers_question_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_answers_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answers")),
    )
    op.create_index(
        op.f("ix_answers_question_id_id"),
        "answers",
        ["question_id", "id"],
        unique=False,
        postgresql_where=sa.text("hidden_at IS NULL"),
    )
    op.create_index(op.f("ix_answers_user_id"), "answers", ["user_id"], unique=False)
    op.create_index("uq_answers_accepted", "answers", ["question_id"], unique=True, postgresql_where=sa.text("accepted"))
    op.create_table(
        "bookmarks",
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("lesson_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("position_seconds", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("position_seconds >= 0", name=op.f("ck_bookmarks_position")),
        sa.ForeignKeyConstraint(["lesson_id"], ["lessons.id"], name=op.f("fk_bookmarks_lesson_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_bookmarks_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "lesson_id", name=op.f("pk_bookmarks")),
    )
    op.create_index(op.f("ix_bookmarks_lesson_id"), "bookmarks", ["lesson_id"], unique=False)
    op.create_index(
        op.f("ix_bookmarks_user_id_created_at_lesson_id"), "bookmarks", ["user_id", "created_at", "lesson_id"], unique=False
    )
