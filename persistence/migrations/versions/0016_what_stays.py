"""What stays and what goes: an index for the sweep of old notices; accounts that were deleted are students of nothing; who
renames an instructor takes the courses in the order in which everybody does.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_RENAME = """
    CREATE OR REPLACE FUNCTION rename_course_instructor() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        {lock}
        UPDATE courses SET instructor_name = NEW.name WHERE instructor_id = NEW.id;
        RETURN NULL;
    END
    $$
"""
_LOCK = "PERFORM FROM courses WHERE instructor_id = NEW.id ORDER BY id FOR NO KEY UPDATE;"
_LEAVE = """
    WITH gone AS (
        UPDATE enrollments SET left_at = greatest(users.deleted_at, enrollments.enrolled_at) FROM users
        WHERE users.id = enrollments.user_id AND users.deleted_at IS NOT NULL AND enrollments.left_at IS NULL
        RETURNING enrollments.course_id
    ), fewer AS (SELECT course_id, count(*)::int AS students FROM gone GROUP BY course_id)
    UPDATE courses SET student_count = student_count - fewer.students FROM fewer WHERE courses.id = fewer.course_id
"""


def upgrade() -> None:
    op.create_index(op.f("ix_notices_created_at"), "notices", ["created_at"], unique=False)
    op.execute(sa.text(_RENAME.format(lock=_LOCK)))
    op.execute(sa.text(_LEAVE))


def downgrade() -> None:
    op.execute(sa.text(_RENAME.format(lock="")))
    op.drop_index(op.f("ix_notices_created_at"), table_name="notices")
