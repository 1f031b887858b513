"""Progress: lessons and figures of learners, classes attended, the log of each course."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Written by the journal, as the live tables are: no foreign keys, and no index that nobody reads. A course is where its
# learners are looked for, a learner where lessons are: the keys begin with what a query knows.
_STATEMENTS = (
    """
    CREATE TABLE lesson_progress (
        user_id uuid NOT NULL,
        course_id uuid NOT NULL,
        lesson_id uuid NOT NULL,
        completed_at timestamptz,
        watched integer[] NOT NULL,
        position integer NOT NULL,
        reported_at timestamptz,
        unspent integer NOT NULL,
        report_id text,
        quiz_id uuid,
        points integer,
        possible integer,
        passed boolean NOT NULL,
        updated_at timestamptz NOT NULL,
        CONSTRAINT pk_lesson_progress PRIMARY KEY (user_id, course_id, lesson_id)
    ) WITH (fillfactor = 85)
    """,
    # For the drop-off by lesson. What a player reports moves no column of it.
    """
    CREATE INDEX ix_lesson_progress_course_id_lesson_id ON lesson_progress (course_id, lesson_id)
    WHERE completed_at IS NOT NULL
    """,
    """
    CREATE TABLE course_progress (
        course_id uuid NOT NULL,
        user_id uuid NOT NULL,
        thousandths smallint NOT NULL,
        version bigint NOT NULL,
        told smallint[] NOT NULL,
        completed_at timestamptz,
        last_lesson_id uuid,
        updated_at timestamptz NOT NULL,
        CONSTRAINT pk_course_progress PRIMARY KEY (course_id, user_id),
        CONSTRAINT ck_course_progress_thousandths CHECK (thousandths BETWEEN 0 AND 1000)
    ) WITH (fillfactor = 85)
    """,
    "CREATE INDEX ix_course_progress_course_id_updated_at ON course_progress (course_id, updated_at)",
    "CREATE INDEX ix_course_progress_user_id_updated_at ON course_progress (user_id, updated_at)",
    """
    CREATE TABLE course_attendance (
        user_id uuid NOT NULL,
        course_id uuid NOT NULL,
        session_id uuid NOT NULL,
        seconds integer NOT NULL,
        of_seconds integer NOT NULL,
        updated_at timestamptz NOT NULL,
        CONSTRAINT pk_course_attendance PRIMARY KEY (user_id, course_id, session_id)
    )
    """,
    """
    CREATE TABLE course_events (
        course_id uuid NOT NULL,
        "offset" bigint NOT NULL,
        course_offset bigint NOT NULL,
        progress_offset bigint NOT NULL,
        at timestamptz NOT NULL,
        type text NOT NULL,
        command_id text,
        payload json NOT NULL,
        CONSTRAINT pk_course_events PRIMARY KEY (course_id, "offset")
    )
    """,
    """
    CREATE INDEX ix_course_events_announcements ON course_events (course_id, "offset") WHERE type = 'announcement'
    """,
    """
    CREATE INDEX ix_course_events_milestones ON course_events (course_id, "offset") WHERE type = 'milestone.reached'
    """,
    "CREATE TABLE course_marks (course_id uuid CONSTRAINT pk_course_marks PRIMARY KEY, told bigint NOT NULL)",
    # What a commit is given, as in 0003.
    "CREATE TYPE journal_course_head AS (id uuid, first bigint)",
    """
    CREATE TYPE journal_course_event AS (
        id uuid, n bigint, course_offset bigint, progress_offset bigint, at bigint, type text, command_id text, payload bytea
    )
    """,
    """
    CREATE TYPE journal_lesson AS (
        user_id uuid, course_id uuid, lesson_id uuid, completed_at bigint, watched integer[], position integer,
        reported_at bigint, unspent integer, report_id text, quiz_id uuid, points integer, possible integer,
        passed boolean, updated_at bigint
    )
    """,
    """
    CREATE TYPE journal_learner AS (
        course_id uuid, user_id uuid, thousandths smallint, version bigint, told smallint[], completed_at bigint,
        last_lesson_id uuid, updated_at bigint
    )
    """,
    """
    CREATE TYPE journal_attended AS (
        user_id uuid, course_id uuid, session_id uuid, seconds integer, of_seconds integer, updated_at bigint
    )
    """,
    "CREATE TYPE journal_job AS (kind text, payload bytea, key text)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
