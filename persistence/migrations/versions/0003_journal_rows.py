"""The rows a commit of the journal is given: one array of rows a part costs both sides less than one array a column."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Used by `persistence/journal_sql.py`, field by field in this order.
_TYPES = (
    "journal_owner AS (shard_id smallint, epoch bigint)",
    "journal_live_head AS (id uuid, first bigint)",
    "journal_inbox_head AS (id uuid, first bigint)",
    """
    journal_live_event AS (
        id uuid, n bigint, live_offset bigint, staff_offset bigint, queue_offset bigint,
        at bigint, type text, command_id text, payload bytea
    )
    """,
    "journal_inbox_event AS (id uuid, n bigint, at bigint, type text, command_id text, payload bytea)",
    """
    journal_session AS (
        id uuid, course_id uuid, lesson_id uuid, title text, starts_at bigint, duration_minutes integer, ends_at bigint,
        max_students integer, current_students integer, waitlisted integer, status text, doors_open_minutes integer,
        waitlist_enabled boolean, locked boolean, instructor_id uuid, instructor_name text,
        started_at bigint, ended_at bigint
    )
    """,
    "journal_interval AS (session_id uuid, user_id uuid, ordinal integer, joined_at bigint, left_at bigint, reason text)",
    "journal_due AS (kind text, grain_id uuid, shard_id smallint, due_at bigint)",
    "journal_not_due AS (kind text, grain_id uuid)",
)


def upgrade() -> None:
    for definition in _TYPES:
        op.execute(f"CREATE TYPE {definition}")
