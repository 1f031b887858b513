"""What the catalogue searches, features and counts."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_STEMMERS = {
    "da": "danish",
    "de": "german",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}
"""By language; every Postgres has these."""
_LETTERS = "àáâãäåçèéêëìíîïñòóôõöøùúûüýÿāăąćĉċčďđēĕėęěĝğġģĥĩīĭįıĵķĺļľłńņňōŏőŕŗřśŝşšţťũūŭůűųŵŷźżžșț"
_PLAIN_LETTERS = "aaaaaaceeeeiiiinoooooouuuuyyaaaccccddeeeeegggghiiiiijkllllnnnooorrrssssttuuuuuuwyzzzst"
_PUBLISHED = "status = 'published' AND deleted_at IS NULL"

# Bodies that are parsed here and now (BEGIN ATOMIC): they mean the same under every search path, in a restore too.
_FUNCTIONS = (
    f"""
    CREATE FUNCTION plain_letters(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC SELECT translate(lower(words), '{_LETTERS}', '{_PLAIN_LETTERS}'); END
    """,
    f"""
    CREATE FUNCTION course_stemmer(language text) RETURNS regconfig LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC SELECT CASE split_part(language, '-', 1)
        {" ".join(f"WHEN '{language}' THEN '{name}'::regconfig" for language, name in _STEMMERS.items())}
        ELSE 'simple'::regconfig END;
    END
    """,
    # Each word as it stands and by its stem: whoever searches need not say in which language.
    """
    CREATE FUNCTION course_search(language text, title text, summary text, description text, instructor_name text)
    RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC SELECT
        setweight(to_tsvector('simple', plain_letters(title)) || to_tsvector(course_stemmer(language), title), 'A')
        || setweight(to_tsvector('simple', plain_letters(summary)) || to_tsvector(course_stemmer(language), summary), 'B')
        || setweight(
            to_tsvector('simple', plain_letters(description)) || to_tsvector(course_stemmer(language), description), 'C'
        )
        || setweight(to_tsvector('simple', plain_letters(instructor_name)), 'D');
    END
    """,
    # Every word must be there, as it stands or by its stem in some language; of the last one the beginning is enough.
    f"""
    CREATE FUNCTION course_query(words text[]) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    SET client_min_messages = error  -- a word that is a stop word in some language is nothing to talk about
    AS $$
    DECLARE
        whole tsquery := ''::tsquery;
        one tsquery;
        stemmer regconfig;
    BEGIN
        FOR place IN 1 .. cardinality(words) LOOP
            one := to_tsquery(
                'simple',
                quote_literal(plain_letters(words[place]))
                -- Nobody means all words with the same first letter.
                || CASE WHEN place = cardinality(words) AND words[place] !~ '^[a-z0-9]$' THEN ':*' ELSE '' END
            );
            FOREACH stemmer IN ARRAY ARRAY[{", ".join(f"'{name}'" for name in _STEMMERS.values())}]::regconfig[] LOOP
                one := one || plainto_tsquery(stemmer, words[place]);
            END LOOP;
            whole := whole && one;
        END LOOP;
        RETURN whole;
    END
    $$
    """,
    # Two words of which one has a slip (a letter too many, too few, wrong, or two changed about) share one of these.
    """
    CREATE FUNCTION word_variants(word text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT array_agg(DISTINCT variant) FROM (
            SELECT word AS variant
            UNION ALL SELECT left(word, place - 1) || substr(word, place + 1) FROM generate_series(1, length(word)) AS place
        ) AS variants;
    END
    """,
    """
    CREATE FUNCTION course_popularity(student_count integer) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC SELECT round(20 * ln(1 + student_count))::integer; END
    """,
    """
    CREATE FUNCTION course_rating(rating_sum integer, rating_count integer) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC SELECT CASE WHEN rating_count = 0 THEN 0 ELSE round(100.0 * rating_sum / rating_count)::integer END; END
    """,
)

_TRIGGERS = (
    """
    CREATE FUNCTION name_course_instructor() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- FOR SHARE waits for whoever is just changing the name.
        NEW.instructor_name := coalesce((SELECT name FROM users WHERE id = NEW.instructor_id FOR SHARE), '');
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER name_course_instructor BEFORE INSERT ON courses
    FOR EACH ROW EXECUTE FUNCTION name_course_instructor()
    """,
    """
    CREATE FUNCTION rename_course_instructor() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE courses SET instructor_name = NEW.name WHERE instructor_id = NEW.id;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER rename_course_instructor AFTER UPDATE OF name ON users
    FOR EACH ROW WHEN (OLD.name <> NEW.name AND NEW.role <> 'student') EXECUTE FUNCTION rename_course_instructor()
    """,
    """
    CREATE FUNCTION count_new_courses() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE categories SET course_count = course_count + more.courses
        FROM (
            SELECT category_id, count(*) AS courses FROM added
            WHERE status = 'published' AND deleted_at IS NULL GROUP BY category_id
        ) AS more
        WHERE categories.id = more.category_id;
        INSERT INTO catalogue_words (word) SELECT DISTINCT word FROM added, course_words(title, instructor_name) AS word
        ORDER BY word ON CONFLICT DO NOTHING;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER count_new_courses AFTER INSERT ON courses REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_new_courses()
    """,
    """
    CREATE FUNCTION count_moved_course() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        counted_in uuid := CASE WHEN OLD.status = 'published' AND OLD.deleted_at IS NULL THEN OLD.category_id END;
        counts_in uuid := CASE WHEN NEW.status = 'published' AND NEW.deleted_at IS NULL THEN NEW.category_id END;
    BEGIN
        IF counted_in IS DISTINCT FROM counts_in THEN
            PERFORM FROM categories WHERE id IN (counted_in, counts_in) ORDER BY id FOR NO KEY UPDATE;
            UPDATE categories SET course_count = course_count + CASE WHEN id = counts_in THEN 1 ELSE -1 END
            WHERE id IN (counted_in, counts_in);
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER count_moved_course AFTER UPDATE OF status, category_id, deleted_at ON courses
    FOR EACH ROW EXECUTE FUNCTION count_moved_course()
    """,
    """
    CREATE FUNCTION note_course_words() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO catalogue_words (word) SELECT word FROM course_words(NEW.title, NEW.instructor_name) AS word
        ORDER BY word ON CONFLICT DO NOTHING;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER note_course_words AFTER UPDATE OF title, instructor_name ON courses
    FOR EACH ROW EXECUTE FUNCTION note_course_words()
    """,
)


def upgrade() -> None:
    for definition in _FUNCTIONS:
        op.execute(definition)
    _words()
    _columns()
    _indexes()
    for definition in _TRIGGERS:
        op.execute(definition)


def _words() -> None:
    """The words that courses are named by, for who makes a slip."""
    op.execute(
        """
        CREATE FUNCTION course_words(title text, instructor_name text) RETURNS SETOF text
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        BEGIN ATOMIC
            SELECT DISTINCT word
            FROM regexp_split_to_table(plain_letters(title || ' ' || instructor_name), '[^[:alnum:]]+') AS word
            WHERE length(word) BETWEEN 4 AND 30;
        END
        """
    )
    op.create_table(
        "catalogue_words",
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column(
            "variants", postgresql.ARRAY(sa.Text()), sa.Computed("word_variants(word)", persisted=True), nullable=False
        ),
        sa.PrimaryKeyConstraint("word", name=op.f("pk_catalogue_words")),
    )
    op.create_index("ix_catalogue_words_variants", "catalogue_words", ["variants"], postgresql_using="gin")


def _columns() -> None:
    def number(name: str) -> sa.Column[int]:
        return sa.Column(name, sa.Integer(), server_default="0", nullable=False)

    for name in ("student_count", "lesson_count", "duration_seconds", "rating_sum", "rating_count"):
        op.add_column("courses", number(name))
    op.add_column("courses", number("certificate_attendance_percent"))
    op.add_column("courses", sa.Column("max_students", sa.Integer(), nullable=True))
    op.add_column("courses", sa.Column("featured_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("courses", sa.Column("instructor_name", sa.Text(), server_default="", nullable=False))
    for name, default in (("changed_since_review", "false"), ("gives_certificate", "true")):
        op.add_column("courses", sa.Column(name, sa.Boolean(), server_default=sa.text(default), nullable=False))
    op.add_column("categories", number("course_count"))
    op.execute(
        """
        UPDATE courses SET
            instructor_name = (SELECT name FROM users WHERE users.id = instructor_id),
            student_count = (SELECT count(*) FROM enrollments WHERE course_id = courses.id AND left_at IS NULL),
            (lesson_count, duration_seconds) = (
                SELECT count(*), coalesce(sum(lessons.duration_seconds), 0)
                FROM lessons WHERE course_id = courses.id AND deleted_at IS NULL
            )
        """
    )
    op.execute(
        f"""
        UPDATE categories SET course_count = (
            SELECT count(*) FROM courses WHERE category_id = categories.id AND {_PUBLISHED}
        )
        """  # noqa: S608 - text of this module
    )
    op.execute(
        "INSERT INTO catalogue_words (word) SELECT DISTINCT word FROM courses, course_words(title, instructor_name) AS word"
    )
    for name, kind, made in (
        ("popularity", sa.Integer(), "course_popularity(student_count)"),
        ("rating_hundredths", sa.Integer(), "course_rating(rating_sum, rating_count)"),
        ("search", postgresql.TSVECTOR(), "course_search(language, title, summary, description, instructor_name)"),
    ):
        op.add_column("courses", sa.Column(name, kind, sa.Computed(made, persisted=True), nullable=False))
    op.drop_constraint(op.f("ck_courses_status"), "courses")
    for name, condition in (
        ("status", "status IN ('draft', 'pending', 'published', 'rejected', 'unpublished')"),
        ("max_students", "max_students > 0"),
        ("attendance_percent", "certificate_attendance_percent BETWEEN 0 AND 100"),
        ("counts", "student_count >= 0 AND lesson_count >= 0 AND duration_seconds >= 0"),
        ("ratings", "rating_count >= 0 AND rating_sum BETWEEN rating_count AND 5 * rating_count"),
    ):
        op.create_check_constraint(op.f(f"ck_courses_{name}"), "courses", condition)
    op.execute("ALTER TABLE courses SET (fillfactor = 80)")


def _indexes() -> None:
    op.drop_index(op.f("ix_courses_instructor_id"), "courses")
    op.drop_index(op.f("ix_courses_category_id"), "courses")
    op.create_index(op.f("ix_courses_instructor_id_id"), "courses", ["instructor_id", "id"])
    op.create_index(op.f("ix_courses_category_id_published_at_id"), "courses", ["category_id", "published_at", "id"])
    op.create_index(
        op.f("ix_courses_status_id"), "courses", ["status", "id"], postgresql_where=sa.text("deleted_at IS NULL")
    )
    op.create_index("ix_courses_deleted", "courses", ["id"], postgresql_where=sa.text("deleted_at IS NOT NULL"))
    op.create_index("ix_courses_search", "courses", ["search"], postgresql_using="gin")
    op.drop_index("ix_courses_catalogue", "courses")
    for name, key in (
        ("catalogue", "published_at"),
        ("by_title", sa.text("lower(title)")),
        ("popular", "popularity"),
        ("rated", "rating_hundredths"),
    ):
        narrowing = (sa.text("split_part(language, '-'::text, 1)"), sa.text("(price_minor = 0)"))
        keys: list[Any] = [key, "id", "category_id", "difficulty", *narrowing]
        op.create_index(f"ix_courses_{name}", "courses", keys, postgresql_where=sa.text(_PUBLISHED))
    op.create_index(
        "ix_courses_featured",
        "courses",
        ["featured_at", "id"],
        postgresql_where=sa.text(f"{_PUBLISHED} AND featured_at IS NOT NULL"),
    )
    op.drop_index(op.f("ix_enrollments_user_id"), "enrollments")
    for owner in ("user_id", "course_id"):
        op.create_index(
            op.f(f"ix_enrollments_{owner}_enrolled_at_id"),
            "enrollments",
            [owner, "enrolled_at", "id"],
            postgresql_where=sa.text("left_at IS NULL"),
        )
