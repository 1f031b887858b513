"""Events by month, figures that are counted as they change, settings of the platform.

What is counted is written by triggers, in the statement that moves it: as an event, and as a change of a figure. Changes are
rows of their own, which nobody waits for; a job adds them up. Figure plus changes is exact at any time.
"""

# ruff: noqa: S608 - made of the names and expressions in this file
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TABLES = (
    # No foreign keys: an event outlives what it is about. `subject_id` is a lesson, a quiz or a class.
    """
    CREATE TABLE events (
        at timestamptz NOT NULL,
        kind text NOT NULL,
        course_id uuid,
        user_id uuid,
        subject_id uuid,
        value integer
    ) PARTITION BY RANGE (at)
    """,
    "CREATE INDEX ix_events_course_id_at ON events (course_id, at)",
    "CREATE INDEX ix_events_kind_at ON events (kind, at)",
    # For what comes before its month's table has been made; the job that makes it moves them.
    "CREATE TABLE events_unsorted PARTITION OF events DEFAULT",
    # `scope` is a course, or the platform (all zeros). Totals have the first day of 1970.
    """
    CREATE TABLE statistics (
        scope uuid NOT NULL,
        name text COLLATE "C" NOT NULL,
        day date NOT NULL,
        value bigint NOT NULL,
        CONSTRAINT pk_statistics PRIMARY KEY (scope, name, day)
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE statistic_changes (
        scope uuid NOT NULL,
        name text COLLATE "C" NOT NULL,
        day date NOT NULL,
        change bigint NOT NULL
    )
    """,
    "CREATE INDEX ix_statistic_changes_scope_name ON statistic_changes (scope, name)",
)

_PLATFORM = "'00000000-0000-0000-0000-000000000000'::uuid"
_TOTAL = "'1970-01-01'::date"
_TODAY = "(now() AT TIME ZONE 'UTC')::date"

# What a set of rows of a table comes to, as rows (scope, name, day, n): added when they come, taken away when they go.
_FIGURES = {
    "users": f"""
        SELECT {_PLATFORM}, 'users.' || role || CASE status WHEN 'banned' THEN '.banned' ELSE '' END, {_TOTAL}, n
        FROM (SELECT role, status, count(*) AS n FROM {{rows}} WHERE deleted_at IS NULL GROUP BY role, status) AS people
    """,
    "courses": f"""
        SELECT {_PLATFORM}, 'courses.' || status, {_TOTAL}, count(*) FROM {{rows}} WHERE deleted_at IS NULL GROUP BY status
    """,
    "enrollments": f"""
        SELECT scope, name, {_TOTAL}, n FROM (
            SELECT course_id, count(*) AS learners, count(*) FILTER (WHERE left_at IS NULL) AS students
            FROM {{rows}} GROUP BY course_id
        ) AS people, LATERAL (VALUES
            (course_id, 'learners', learners), (course_id, 'students', students), ({_PLATFORM}, 'enrollments', students)
        ) AS counted (scope, name, n) WHERE n > 0
    """,
    "lesson_progress": f"""
        SELECT course_id, 'lesson:' || lesson_id, {_TOTAL}, n FROM (
            SELECT course_id, lesson_id, count(*) AS n FROM {{rows}} WHERE completed_at IS NOT NULL
            GROUP BY course_id, lesson_id
        ) AS done
    """,
    "course_progress": f"""
        SELECT course_id, name, {_TOTAL}, n FROM (
            SELECT course_id, sum(thousandths) AS so_far, count(*) FILTER (WHERE thousandths > 0) AS begun,
                count(*) FILTER (WHERE thousandths >= 250) AS a, count(*) FILTER (WHERE thousandths >= 500) AS b,
                count(*) FILTER (WHERE thousandths >= 750) AS c, count(*) FILTER (WHERE thousandths >= 1000) AS d
            FROM {{rows}} GROUP BY course_id
        ) AS learners, LATERAL (VALUES
            ('progress.sum', so_far), ('progress.begun', begun), ('progress.25', a), ('progress.50', b), ('progress.75', c),
            ('progress.100', d)
        ) AS reached (name, n) WHERE n > 0
    """,
    "media": f"""
        SELECT {_PLATFORM}, name, {_TOTAL}, n FROM (
            SELECT count(*) AS files, sum(size_bytes) AS bytes FROM {{rows}} WHERE status = 'ready'
        ) AS stored, LATERAL (VALUES ('storage.files', files), ('storage.bytes', bytes)) AS counted (name, n) WHERE n > 0
    """,
    "certificates": f"""
        SELECT {_PLATFORM}, 'certificates', {_TOTAL}, n FROM (
            SELECT count(*) AS n FROM {{rows}} WHERE revoked_at IS NULL
        ) AS standing WHERE n > 0
    """,
    "course_attendance": f"""
        SELECT course_id, name || session_id, {_TOTAL}, n FROM (
            SELECT course_id, session_id, count(*) AS people, sum(seconds) AS seconds FROM {{rows}} WHERE seconds > 0
            GROUP BY course_id, session_id
        ) AS present, LATERAL (VALUES
            ('attended:', people), ('attended.seconds:', seconds)
        ) AS attended (name, n)
    """,
}

# Rows of `events` for what has come: of `after`, compared with what the same row was in `before` (empty at an INSERT).
_EVENTS = {
    ("users", "INSERT"): "SELECT now(), 'registered', NULL::uuid, id, NULL::uuid, NULL::integer FROM after",
    ("enrollments", "INSERT"): """
        SELECT now(), 'enrolled', course_id, user_id, NULL::uuid, NULL::integer FROM after WHERE left_at IS NULL
    """,
    ("enrollments", "UPDATE"): """
        SELECT now(), CASE WHEN after.left_at IS NULL THEN 'enrolled' ELSE 'left' END,
            after.course_id, after.user_id, NULL::uuid, NULL::integer
        FROM after JOIN before USING (id) WHERE (after.left_at IS NULL) <> (before.left_at IS NULL)
    """,
    ("lesson_progress", "INSERT"): """
        SELECT now(), 'lesson_completed', course_id, user_id, lesson_id, NULL::integer FROM after
        WHERE completed_at IS NOT NULL
    """,
    ("lesson_progress", "UPDATE"): """
        SELECT now(), 'lesson_completed', after.course_id, after.user_id, after.lesson_id, NULL::integer
        FROM after JOIN before USING (user_id, course_id, lesson_id)
        WHERE after.completed_at IS NOT NULL AND before.completed_at IS NULL
    """,
    ("course_progress", "INSERT"): """
        SELECT now(), 'course_completed', course_id, user_id, NULL::uuid, NULL::integer FROM after
        WHERE completed_at IS NOT NULL
    """,
    ("course_progress", "UPDATE"): """
        SELECT now(), 'course_completed', after.course_id, after.user_id, NULL::uuid, NULL::integer
        FROM after JOIN before USING (course_id, user_id)
        WHERE after.completed_at IS NOT NULL AND before.completed_at IS NULL
    """,
    ("course_attendance", "INSERT"): """
        SELECT now(), 'class_joined', course_id, user_id, session_id, seconds FROM after WHERE seconds > 0
    """,
    ("quiz_attempts", "UPDATE"): """
        SELECT now(), 'quiz_graded', quizzes.course_id, after.user_id, after.quiz_id, after.points
        FROM after JOIN before USING (id) JOIN quizzes ON quizzes.id = after.quiz_id
        WHERE after.state = 'submitted' AND before.state <> 'submitted'
    """,
}

# Which of these events are also counted by day, and under which names.
_DAILY = {
    "registered": ("registered", False),
    "enrolled": ("enrolled", True),
    "left": ("left", True),
    "course_completed": ("completed", True),
}


def upgrade() -> None:
    for statement in _TABLES:
        op.execute(statement)
    op.create_table(
        "platform_settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.ForeignKeyConstraint(["updated_by"], ["users.id"], name=op.f("fk_platform_settings_updated_by")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_platform_settings")),
    )
    op.create_index("ix_live_sessions_live", "live_sessions", ["id"], postgresql_where=sa.text("status = 'live'"))
    tables = {table for table, _ in _EVENTS} | set(_FIGURES)
    for table in sorted(tables):
        for operation in ("INSERT", "UPDATE", "DELETE"):
            _trigger(table, operation)
    op.execute(_recount())
    op.execute("SELECT recount_statistics()")  # what was there before counts, too


def _figures(table: str, rows: str) -> str:
    return _FIGURES[table].format(rows=rows)


def _trigger(table: str, operation: str) -> None:
    steps = []
    if (table, operation) in _EVENTS:
        daily = " ".join(f"WHEN '{kind}' THEN '{name}'" for kind, (name, _) in _DAILY.items())
        of_course = ", ".join(f"'{kind}'" for kind, (_, has_course) in _DAILY.items() if has_course)
        counted = ", ".join(f"'{kind}'" for kind in _DAILY)
        steps.append(
            f"""
            WITH happened (at, kind, course_id, user_id, subject_id, value) AS ({_EVENTS[table, operation]}),
            noted AS (INSERT INTO events SELECT * FROM happened)
            INSERT INTO statistic_changes (scope, name, day, change)
            SELECT scope, CASE kind {daily} END, {_TODAY}, count(*) FROM happened,
                LATERAL (SELECT {_PLATFORM} UNION ALL SELECT course_id WHERE kind IN ({of_course})) AS counted (scope)
            WHERE kind IN ({counted}) GROUP BY scope, kind;
            """
        )
    if table in _FIGURES:
        come = f"SELECT * FROM ({_figures(table, 'after')}) AS come (scope, name, day, n)"
        gone = f"SELECT scope, name, day, -n FROM ({_figures(table, 'before')}) AS gone (scope, name, day, n)"
        moved = {"INSERT": come, "UPDATE": f"{come} UNION ALL {gone}", "DELETE": gone}[operation]
        steps.append(
            f"""
            INSERT INTO statistic_changes (scope, name, day, change)
            SELECT scope, name, day, sum(n) FROM ({moved}) AS moved (scope, name, day, n)
            GROUP BY scope, name, day HAVING sum(n) <> 0;
            """
        )
    if not steps:
        return
    name = f"count_{table}_{operation.lower()}"
    op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {''.join(steps)} RETURN NULL; END $$")
    referencing = {
        "INSERT": "NEW TABLE AS after",
        "UPDATE": "OLD TABLE AS before NEW TABLE AS after",
        "DELETE": "OLD TABLE AS before",
    }[operation]
    op.execute(
        f"CREATE TRIGGER {name} AFTER {operation} ON {table} REFERENCING {referencing} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
    )


def _recount() -> str:
    """Counts everything anew: what was there before, or was loaded past the triggers. Nobody writes meanwhile."""
    figures = " UNION ALL ".join(_figures(table, table) for table in _FIGURES)
    by_day = f"""
        SELECT scope, name, day, sum(n) FROM (
            SELECT {_PLATFORM} AS scope, 'registered' AS name, (created_at AT TIME ZONE 'UTC')::date AS day, count(*) AS n
            FROM users GROUP BY 3
            UNION ALL
            SELECT unnest(ARRAY[course_id, {_PLATFORM}]), 'enrolled', (enrolled_at AT TIME ZONE 'UTC')::date, count(*)
            FROM enrollments GROUP BY course_id, 3
            UNION ALL
            SELECT unnest(ARRAY[course_id, {_PLATFORM}]), 'left', (left_at AT TIME ZONE 'UTC')::date, count(*)
            FROM enrollments WHERE left_at IS NOT NULL GROUP BY course_id, 3
            UNION ALL
            SELECT unnest(ARRAY[course_id, {_PLATFORM}]), 'completed', (completed_at AT TIME ZONE 'UTC')::date, count(*)
            FROM course_progress WHERE completed_at IS NOT NULL GROUP BY course_id, 3
        ) AS daily GROUP BY scope, name, day
    """
    return f"""
        CREATE FUNCTION recount_statistics() RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            DELETE FROM statistic_changes;
            DELETE FROM statistics;
            INSERT INTO statistics (scope, name, day, value)
            SELECT scope, name, day, sum(n) FROM ({figures}) AS standing (scope, name, day, n) GROUP BY scope, name, day;
            INSERT INTO statistics (scope, name, day, value) {by_day};
        END
        $$
    """
