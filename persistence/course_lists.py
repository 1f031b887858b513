"""Lists of courses: narrowed, searched, in one of several orders, by pages that stay where they are while rows change."""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from functools import reduce
from hashlib import blake2b
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    SQLColumnExpression,
    Subquery,
    Text,
    cast,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from classroom.catalogue.spelling import is_slip, words_of
from classroom.ids import UserId
from persistence.course_rows import CourseRow, course_of_row, select_courses
from persistence.models import ID, Category, Course, MomentType
from persistence.pages import BadCursor, Page, read_cursor, write_cursor
from persistence.tables.catalogue import CatalogueWord

Sort = Literal["newest", "oldest", "title", "popular", "rating", "relevance", "featured"]

_RANKED = 500
"""Of what is found by words, so many of the most popular are put into the order of relevance; every other order has all."""
_SHORTEST_WITH_A_SLIP = 4
_MEANT = 4
"""At most so many words are tried in place of one with a slip."""


@dataclass(frozen=True)
class CourseFilter:
    """What a list is narrowed to; None narrows nothing. `language` is a code such as `en`, of whichever country;
    `words` must all be in the course, of the last the beginning. `relevance` needs words."""

    words: str | None = None
    category: str | None = None
    difficulty: str | None = None
    free: bool | None = None
    status: str | None = None
    instructor_id: UserId | None = None
    language: str | None = None
    least_rating: int | None = None
    """In hundredths of a star."""
    featured: bool | None = None
    deleted: bool = False
    sort: Sort = "newest"


@dataclass(frozen=True)
class _Order:
    """The sort key, which with the id makes the order, and how it stands in a cursor."""

    key: SQLColumnExpression[Any]
    kind: Literal["moment", "number", "text", "id"]
    type: TypeEngine[Any]
    ascending: bool = False


async def list_courses(
    connection: AsyncConnection, narrowed: CourseFilter, limit: int, cursor: str | None
) -> Page[CourseRow]:
    """A page of courses. When nothing has the words, those that have words like them. Raises BadCursor."""
    words = words_of(narrowed.words) if narrowed.words is not None else ()
    if narrowed.words is not None and narrowed.words.strip() and not words:
        return Page([], None)  # signs only: no course has them
    order = _order_of(narrowed, words)
    mark = _mark_of(narrowed)
    last = read_cursor(cursor, "text", order.kind, "id")
    if last is not None and last[0] not in (mark, mark + "~"):
        raise BadCursor
    if last is None or last[0] == mark:
        found = await _found(connection, narrowed, [[word] for word in words], order, limit, last)
        if found or last is not None or not words:
            return _page(found, limit, mark)
    meant = await _meant(connection, words)
    if meant is None:
        return Page([], None)
    return _page(await _found(connection, narrowed, meant, order, limit, last), limit, mark + "~")


async def _found(
    connection: AsyncConnection,
    narrowed: CourseFilter,
    words: Sequence[Sequence[str]],
    order: _Order,
    limit: int,
    last: tuple[str | int, ...] | None,
) -> list[tuple[CourseRow, Any]]:
    """Up to `limit + 1` courses, each with its sort key."""
    query = _query(words) if words else None
    key: SQLColumnExpression[Any] = order.key
    if query is not None and narrowed.sort == "relevance":
        ranked = _ranked(narrowed, query)
        key = ranked.c.rank
        statement = select_courses().join(ranked, ranked.c.id == Course.id)
    else:
        statement = _narrow(select_courses(), narrowed, query)
    statement = statement.add_columns(key.label("sort_key"))
    if last is not None:
        here = tuple_(literal(last[1], order.type), literal(last[2], ID))
        place = tuple_(key, Course.id)
        statement = statement.where(place > here if order.ascending else place < here)
    keys = (key, Course.id)
    statement = statement.order_by(*(keys if order.ascending else (each.desc() for each in keys))).limit(limit + 1)
    return [(course_of_row(row), row.sort_key) for row in (await connection.execute(statement)).all()]


def _page(found: Sequence[tuple[CourseRow, Any]], limit: int, mark: str) -> Page[CourseRow]:
    rows = [row for row, _ in found[:limit]]
    return Page(rows, write_cursor(mark, found[limit - 1][1], rows[-1].id) if len(found) > limit else None)


def _order_of(narrowed: CourseFilter, words: Sequence[str]) -> _Order:
    if narrowed.sort == "relevance" and not words:
        raise ValueError("the order of relevance needs words")
    if narrowed.sort in ("newest", "oldest") and narrowed.status != "published":
        # UUIDv7: the order of the ids is the order in which the courses were made.
        return _Order(Course.id, "id", ID, narrowed.sort == "oldest")
    return {
        "newest": _Order(Course.published_at, "moment", MomentType()),
        "oldest": _Order(Course.published_at, "moment", MomentType(), ascending=True),
        "title": _Order(func.lower(Course.title), "text", Text(), ascending=True),
        "popular": _Order(Course.popularity, "number", Integer()),
        "rating": _Order(Course.rating_hundredths, "number", Integer()),
        "relevance": _Order(literal(0), "number", Integer()),  # its key is the rank
        "featured": _Order(Course.featured_at, "moment", MomentType()),
    }[narrowed.sort]


def _mark_of(narrowed: CourseFilter) -> str:
    """What a cursor of this list begins with, so that it is no cursor of another one."""
    return blake2b(repr(astuple(narrowed)).encode(errors="surrogatepass"), digest_size=6).hexdigest()


def _ranked(narrowed: CourseFilter, query: ColumnElement[Any]) -> Subquery:
    popular = _narrow(select(*_columns(Course.id)), narrowed, query)
    popular = popular.order_by(Course.popularity.desc(), Course.id.desc()).limit(_RANKED)
    some = popular.subquery("most_popular")
    rank = cast(func.ts_rank(Course.search, query) * 1_000_000, Integer).label("rank")
    return select(*_columns(Course.id, rank)).join(some, some.c.id == Course.id).subquery("ranked")


def _columns(*columns: Any) -> tuple[Any, ...]:
    return columns


# Written out, so that a prepared statement knows without its values that the indexes of 0013 have what it asks for.
_PUBLISHED: ColumnElement[str] = literal_column("'published'")
_LANGUAGE: ColumnElement[str] = literal_column("split_part(courses.language, '-', 1)")

_CONDITIONS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "category": lambda slug: Course.category_id == select(Category.id).where(Category.slug == slug).scalar_subquery(),
    "difficulty": lambda difficulty: Course.difficulty == difficulty,
    "status": lambda status: Course.status == (_PUBLISHED if status == "published" else status),
    "instructor_id": lambda instructor_id: Course.instructor_id == instructor_id,
    "language": lambda code: literal(code, Text()) == _LANGUAGE,
    "least_rating": lambda hundredths: Course.rating_hundredths >= hundredths,
    "free": (Course.price_minor == literal_column("0")).is_,
    "featured": lambda featured: Course.featured_at.is_not(None) if featured else Course.featured_at.is_(None),
    "deleted": lambda deleted: Course.deleted_at.is_not(None) if deleted else Course.deleted_at.is_(None),
}


def _narrow(statement: Select[Any], narrowed: CourseFilter, query: ColumnElement[Any] | None) -> Select[Any]:
    wanted = {name: getattr(narrowed, name) for name in _CONDITIONS}
    statement = statement.where(*(_CONDITIONS[name](value) for name, value in wanted.items() if value is not None))
    return statement.where(Course.search.op("@@")(query)) if query is not None else statement


def _query(words: Sequence[Sequence[str]]) -> ColumnElement[Any]:
    """What finds courses with one of each of `words`."""
    if all(len(choices) == 1 for choices in words):
        return _course_query([choices[0] for choices in words])
    each = [reduce(lambda one, other: one.op("||")(other), (_course_query([word]) for word in choices)) for choices in words]
    return reduce(lambda one, other: one.op("&&")(other), each)


def _course_query(words: list[str]) -> ColumnElement[Any]:
    # As a question of its own it is answered once, and not for each course.
    return select(func.course_query(literal(words, ARRAY(Text)), type_=TSQUERY())).scalar_subquery()


async def _meant(connection: AsyncConnection, words: Sequence[str]) -> list[list[str]] | None:
    """For each word itself and those of the catalogue that it may have been meant for; None when it was meant as it is."""
    meant = []
    for word in words:
        choices = [word]
        if len(word) >= _SHORTEST_WITH_A_SLIP:
            plain = func.plain_letters(literal(word, Text()))
            like = select(CatalogueWord.word, plain).where(CatalogueWord.variants.op("&&")(func.word_variants(plain)))
            found = (await connection.execute(like.limit(200))).all()
            close = [known for known, typed in found if known != typed and is_slip(typed, known)]
            choices += sorted(close, key=lambda known: (known[0] != word[0], known))[:_MEANT]
        meant.append(choices)
    return meant if any(len(choices) > 1 for choices in meant) else None
