"""The live class: shards, logs, snapshots, session rows, attendance, deadlines."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# The journal writes these rows by the thousand: no foreign keys and no second index where one is not read.
# Rows that are updated often keep free room on their page, so that an update touches no index (HOT).
# Payloads are `json`, not `jsonb`: kept byte for byte as they were encoded, U+0000 included, and cheaper to write.
_STATEMENTS = (
    # Moments are whole microseconds since 1970; STABLE lets the planner put the body in place of the call.
    """
    CREATE FUNCTION from_moment(bigint) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    RETURN timestamptz 'epoch' + $1 * interval '1 microsecond'
    """,
    """
    CREATE FUNCTION to_moment(timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (extract(epoch FROM $1) * 1000000)::bigint
    """,
    """
    CREATE TABLE actor_shards (
        shard_id smallint PRIMARY KEY,
        host text NOT NULL,
        epoch bigint NOT NULL
    ) WITH (fillfactor = 50)
    """,
    """
    CREATE TABLE live_events (
        session_id uuid NOT NULL,
        "offset" bigint NOT NULL,
        live_offset bigint NOT NULL,
        staff_offset bigint NOT NULL,
        queue_offset bigint NOT NULL,
        at timestamptz NOT NULL,
        type text NOT NULL,
        command_id text,
        payload json NOT NULL,
        PRIMARY KEY (session_id, "offset")
    )
    """,
    """
    CREATE TABLE live_snapshots (
        session_id uuid PRIMARY KEY,
        "offset" bigint NOT NULL,
        state bytea NOT NULL
    )
    """,
    """
    CREATE TABLE live_sessions (
        id uuid PRIMARY KEY,
        course_id uuid NOT NULL REFERENCES courses (id),
        lesson_id uuid,
        title text NOT NULL,
        starts_at timestamptz NOT NULL,
        duration_minutes integer NOT NULL,
        ends_at timestamptz NOT NULL,
        max_students integer NOT NULL,
        current_students integer NOT NULL,
        waitlisted integer NOT NULL,
        status text NOT NULL CHECK (status IN ('scheduled', 'live', 'ended', 'cancelled')),
        doors_open_minutes integer NOT NULL,
        waitlist_enabled boolean NOT NULL,
        locked boolean NOT NULL,
        instructor_id uuid NOT NULL REFERENCES users (id),
        instructor_name text NOT NULL,
        started_at timestamptz,
        ended_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now()
    ) WITH (fillfactor = 50)
    """,
    "CREATE INDEX ix_live_sessions_starts_at_id ON live_sessions (starts_at, id)",
    "CREATE INDEX ix_live_sessions_course_id_starts_at_id ON live_sessions (course_id, starts_at, id)",
    """
    CREATE TABLE attendance_intervals (
        session_id uuid NOT NULL,
        user_id uuid NOT NULL,
        ordinal integer NOT NULL,
        joined_at timestamptz NOT NULL,
        left_at timestamptz,
        reason text CHECK (reason IN ('left', 'lost', 'removed', 'ended')),
        PRIMARY KEY (session_id, user_id, ordinal)
    ) WITH (fillfactor = 80)
    """,
    """
    CREATE TABLE inbox_events (
        user_id uuid NOT NULL,
        "offset" bigint NOT NULL,
        at timestamptz NOT NULL,
        type text NOT NULL,
        command_id text,
        payload json NOT NULL,
        PRIMARY KEY (user_id, "offset")
    )
    """,
    """
    CREATE TABLE deadlines (
        shard_id smallint NOT NULL,
        due_at timestamptz NOT NULL,
        grain_id uuid NOT NULL,
        kind text NOT NULL,
        PRIMARY KEY (kind, grain_id)
    ) WITH (fillfactor = 50)
    """,
    "CREATE INDEX ix_deadlines_shard_id ON deadlines (shard_id)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
