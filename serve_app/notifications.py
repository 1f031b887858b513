"""Routes of what people are told: reading it, announcing it, and the log of its delivery."""

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field, StringConstraints

from classroom.callers import Caller, Role
from classroom.ids import UserId
from classroom.notifications import body_for
from classroom.refusals import Forbidden, NotFound
from persistence.audit import Act
from persistence.deliveries import DeliveryEntry
from persistence.notifications import Audience, Notice, NotificationRow
from serve_app.composition import Parts
from serve_app.once import OnceRoute
from serve_app.problems import RefusedRequest
from serve_app.teaching import owned_course
from serve_app.visits import Admin, CurrentVisit, Me, Teacher, Use, uuid_or_404
from serve_app.wire import Cursor, IdInPath, Limit, Line, PageOf, Prose, Time, Uuid, Wire, new_router, problems

router = new_router("/api/notifications", "notifications", OnceRoute)

UNREAD_AT_MOST = 100

Unread = Annotated[bool, Query(description="Only what has not been read.")]


class NotificationView(Wire):
    """A notice as its reader sees it; times in `body` are by the reader's clock."""

    id: str
    kind: str
    title: str
    body: str
    data: dict[str, Any]
    course_id: str | None
    created_at: Time
    read_at: Time | None


class NotificationPage(PageOf[NotificationView]):
    """A page, and how many are unread in all, counted up to 100."""

    unread_count: int


class ReadCount(Wire):
    """How many were unread until now."""

    read: int


class AnnouncementBody(Wire):
    """What to say to whom: everybody, narrowed to the students of a course, to some people, to a role. Instructors name a
    course of their own."""

    title: Line
    body: Annotated[Prose, StringConstraints(min_length=1, max_length=10_000)]
    course_id: Uuid | None = None
    user_ids: Annotated[list[Uuid], Field(min_length=1, max_length=100)] | None = None
    role: Role | None = None


class Announcement(Wire):
    """What was said. `recipients` counts who has it; null while it is being spread to everybody or a role."""

    id: str
    kind: str
    title: str
    body: str
    course_id: str | None
    recipients: int | None
    created_at: Time


class DeliveryView(Wire):
    """How a notice fared on one way. `userId` null: one event to all who follow the course."""

    id: str
    notification_id: str
    kind: str
    title: str
    user_id: str | None
    channel: Literal["inApp", "mail"]
    status: Literal["queued", "sent", "failed", "skipped"]
    reason: str | None
    at: Time


@router.get("", responses=problems(400, 401))
async def list_notifications(
    me: Me, parts: Use, unread: Unread = False, limit: Limit = 20, cursor: Cursor = None
) -> NotificationPage:
    """What the caller was told, the latest first."""
    page = await parts.stores.notifications.list_of(me.user_id, unread, limit, cursor)
    count = await parts.stores.notifications.count_unread(me.user_id, UNREAD_AT_MOST)
    items = [notification_of(row) for row in page.items]
    return NotificationPage(items=items, next_cursor=page.next_cursor, unread_count=count)


@router.post("/read/{id}", responses=problems(401, 404))
async def read_notification(notification_id: IdInPath, me: Me, parts: Use) -> NotificationView:
    """Note that the caller has read this. Again it answers the same."""
    ident = uuid_or_404(notification_id, "notification")
    row = await parts.stores.notifications.read(me.user_id, ident, parts.clock())
    if row is None:
        raise RefusedRequest(NotFound("notification", ident))
    return notification_of(row)


@router.post("/read-all", responses=problems(401))
async def read_all_notifications(me: Me, parts: Use) -> ReadCount:
    """Note that the caller has read everything."""
    return ReadCount(read=await parts.stores.notifications.read_all(me.user_id, parts.clock()))


@router.post("", status_code=201, responses=problems(400, 401, 403, 404, 413, 415))
async def announce(body: AnnouncementBody, me: Teacher, parts: Use, visit: CurrentVisit) -> Announcement:
    """Tell the students of an own course something; admins also tell others, and everybody."""
    audience = await _audience(body, me, parts)
    notice_id, now = visit.entity_id or parts.new_id(), parts.clock()
    notice = Notice("announcement", body.title, body.body, {"from": {"id": me.user_id, "name": me.name}})
    act = None
    if me.role is Role.ADMIN:
        said = body.model_dump(mode="json", exclude={"body"}, exclude_none=True)
        act = Act(me.user_id, "announcement.send", "notification", notice_id, said)
    announced = await parts.stores.notifications.announce(notice_id, audience, notice, now, act)
    return Announcement(
        id=notice_id,
        kind=notice.kind,
        title=body.title,
        body=body.body,
        course_id=audience.course_id,
        recipients=announced.people,
        created_at=now,
    )


@router.get("/log", responses=problems(400, 401, 403))
async def list_deliveries(
    _me: Admin,
    parts: Use,
    status: Literal["queued", "sent", "failed", "skipped"] | None = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PageOf[DeliveryView]:
    """What became of every notice on its ways, the latest first."""
    page = await parts.stores.deliveries.list_log(status, limit, cursor)
    return PageOf[DeliveryView](items=[_delivery_of(row) for row in page.items], next_cursor=page.next_cursor)


def notification_of(row: NotificationRow) -> NotificationView:
    """The notice as its reader sees it."""
    return NotificationView(
        id=row.id,
        kind=row.kind,
        title=row.title,
        body=body_for(row.notice, row.timezone),
        data=dict(row.data),
        course_id=row.course_id,
        created_at=row.created_at,
        read_at=row.read_at,
    )


async def _audience(body: AnnouncementBody, me: Caller, parts: Parts) -> Audience:
    course_id = None
    if body.course_id is not None:
        course_id = (await owned_course(body.course_id, me, parts)).id
    elif me.role is not Role.ADMIN:
        raise RefusedRequest(Forbidden("announce to others than the students of an own course"))
    user_ids = None if body.user_ids is None else tuple(UserId(each) for each in body.user_ids)
    return Audience(course_id, user_ids, body.role)


def _delivery_of(row: DeliveryEntry) -> DeliveryView:
    return DeliveryView.model_validate(
        {
            "id": row.id,
            "notification_id": row.notice_id,
            "kind": row.kind,
            "title": row.title,
            "user_id": row.user_id,
            "channel": row.channel,
            "status": row.status,
            "reason": row.reason,
            "at": row.at,
        }
    )
