"""The route by which admins read what admins did."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import AwareDatetime

from classroom.ids import is_uuid
from classroom.times import Moment, from_datetime
from persistence.audit import AuditFilter, AuditRow
from serve_app.visits import Admin, Use
from serve_app.wire import Cursor, Limit, PageOf, Person, Time, Wire, new_router, problems

router = new_router("/api/admin", "admin")

_LAST_MOMENT = from_datetime(datetime.max.replace(tzinfo=UTC))
Word = Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$")]


class AuditEntryView(Wire):
    """An administrative act: `actor` did `action` to the target. `targetId` is null where there is but one."""

    id: str
    at: Time
    actor: Person
    action: str
    target_type: str
    target_id: str | None
    details: dict[str, Any]


@router.get("/audit-log", responses=problems(401, 403))
async def list_audit_log(
    _me: Admin,
    parts: Use,
    actor: Annotated[str | None, Query(max_length=36, description="The id of who acted.")] = None,
    target_type: Annotated[Word, Query(alias="targetType", description="Such as `user` or `course`.")] = None,
    target: Annotated[Word, Query(description="The id of what it was done to.")] = None,
    since: Annotated[AwareDatetime | None, Query(alias="from", description="From this moment on.")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to", description="Before this moment.")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PageOf[AuditEntryView]:
    """What admins did, the latest first. Nothing in it is ever changed."""
    if actor is not None and not is_uuid(actor.lower()):
        return PageOf[AuditEntryView](items=[], next_cursor=None)  # nobody has this id
    narrowed = AuditFilter(
        actor_id=actor.lower() if actor is not None else None,
        target_type=target_type,
        target_id=target.lower() if target is not None and is_uuid(target.lower()) else target,
        since=_moment(since),
        until=_moment(until),
    )
    page = await parts.stores.audit.list_(narrowed, limit, cursor)
    return PageOf[AuditEntryView](items=[entry_of(row) for row in page.items], next_cursor=page.next_cursor)


def _moment(said: datetime | None) -> Moment | None:
    """The moment; one that no act can have happened at is brought to the nearest that could."""
    return None if said is None else Moment(min(max(0, from_datetime(said)), _LAST_MOMENT))


def entry_of(row: AuditRow) -> AuditEntryView:
    """The act as admins see it."""
    return AuditEntryView(
        id=row.id,
        at=row.at,
        actor=Person(id=row.actor_id, name=row.actor_name),
        action=row.name,
        target_type=row.target_type,
        target_id=row.target_id,
        details=row.details,
    )
