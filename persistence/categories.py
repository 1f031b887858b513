"""Categories: the shelves that published courses stand on."""

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.times import Moment
from persistence.audit import Act, write_act
from persistence.database import Database
from persistence.errors import StoreAway
from persistence.models import Category, Course

_TRIES = 20


class UnknownCategory(Exception):
    """No category has this id."""


class SlugTaken(Exception):
    """Another category has this slug."""


@dataclass(frozen=True)
class CategoryRow:
    """A shelf of the catalogue and how many published courses stand on it."""

    id: str
    slug: str
    name: str
    description: str
    position: int
    course_count: int


class Categories:
    """The categories. Each call raises StoreAway when Postgres is away. An `act` is recorded in the same transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_(self) -> list[CategoryRow]:
        """Every category in its order."""
        statement = select(*_columns()).order_by(Category.position, Category.name)
        async with self._database.reading() as connection:
            return [CategoryRow(*tuple(row)) for row in (await connection.execute(statement)).all()]

    async def find(self, category_id: str) -> CategoryRow | None:
        """The category, or None."""
        async with self._database.reading() as connection:
            row = (await connection.execute(select(*_columns()).where(Category.id == category_id))).one_or_none()
        return CategoryRow(*tuple(row)) if row is not None else None

    async def add(self, new: CategoryRow, now: Moment, act: Act | None = None) -> CategoryRow:
        """Make a category without courses; the same id again is answered with what it made. Raises SlugTaken."""
        values = {"id": new.id, "slug": new.slug, "name": new.name, "description": new.description, "position": new.position}
        statement = pg_insert(Category).values(**values).on_conflict_do_nothing(index_elements=[Category.id])
        try:
            async with self._database.writing() as connection:
                made = await connection.execute(statement)
                if made.rowcount > 0 and act is not None:
                    await write_act(connection, act, now)
                row = (await connection.execute(select(*_columns()).where(Category.id == new.id))).one()
        except IntegrityError as error:
            raise SlugTaken from error
        return CategoryRow(*tuple(row))

    async def revise(self, category_id: str, changes: dict[str, Any], now: Moment, act: Act) -> CategoryRow | None:
        """Set some of `slug`, `name`, `description`, `position`; None when there is no such category. Raises SlugTaken."""
        values = {name: changes[name] for name in changes if name in ("slug", "name", "description", "position")}
        statement = update(Category).where(Category.id == category_id).returning(*_columns())
        statement = statement.values(**values) if values else statement.values(name=Category.name)
        try:
            async with self._database.writing() as connection:
                row = (await connection.execute(statement)).one_or_none()
                if row is not None:
                    await write_act(connection, act, now)
        except IntegrityError as error:
            raise SlugTaken from error
        return CategoryRow(*tuple(row)) if row is not None else None

    async def delete(self, category_id: str, move_to: str | None, now: Moment, act: Act) -> int | None:
        """Take the category away: 0. How many courses stand in the way when there are some and `move_to` names no other
        category for them; None when there is no such category. Raises UnknownCategory when `move_to` is none."""
        inside = Course.category_id == category_id
        try:
            async with self._database.writing() as connection:
                await _hold(connection, inside)
                if (await connection.execute(select(Category.id).where(Category.id == category_id))).one_or_none() is None:
                    return None
                leaving = update(Course).where(inside if move_to is not None else inside & Course.deleted_at.is_not(None))
                await connection.execute(leaving.values(category_id=move_to))
                left = (await connection.execute(select(func.count()).select_from(Course).where(inside))).scalar_one()
                if left > 0:
                    await connection.rollback()
                    return int(left)
                await connection.execute(delete(Category).where(Category.id == category_id))
                await write_act(connection, act, now)
        except IntegrityError as error:
            raise UnknownCategory from error
        return 0


async def _hold(connection: AsyncConnection, inside: ColumnElement[bool]) -> None:
    """Hold these courses and every category to the end of the transaction, in the order in which whoever changes a course
    takes them: the course, then categories. Raises StoreAway when courses come in faster than they can be held."""
    held = select(Course.id).where(inside).order_by(Course.id).with_for_update(key_share=True)
    for _ in range(_TRIES):
        attempt = await connection.begin_nested()
        known = set((await connection.execute(held)).scalars())
        # Who has changed a course and looks at a category on the way is let finish; nobody begins to.
        await connection.execute(text("LOCK TABLE categories IN EXCLUSIVE MODE"))
        if known >= set((await connection.execute(select(Course.id).where(inside))).scalars()):
            await attempt.commit()
            return
        await attempt.rollback()  # one came in between: waiting for it while holding categories could be for ever
    raise StoreAway("courses kept moving into the category that is being deleted")


def _columns() -> list[Any]:
    return [Category.__table__.columns[each.name] for each in fields(CategoryRow)]
