"""Routes of moderation: what people report, and what admins decide."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Literal

from pydantic import StringConstraints

from classroom.callers import Caller
from classroom.moderation import Action, TargetType, refusal_of
from classroom.refusals import NotFound
from persistence.reports import Decision, NewReport, ReportRow
from serve_app.composition import Parts
from serve_app.once import OnceRoute
from serve_app.problems import RefusedRequest
from serve_app.reasons import AlreadyReported, AlreadyResolved
from serve_app.syllabus import delete_lesson
from serve_app.teaching import delete_course, unpublish_course
from serve_app.visits import Admin, CurrentVisit, Me, Use, uuid_or_404
from serve_app.wire import Cursor, IdInPath, Limit, PageOf, Person, Prose, Time, Uuid, Wire, new_router, problems

router = new_router("/api", "moderation", OnceRoute)
admin_router = new_router("/api/admin", "admin", OnceRoute)


class ReportBody(Wire):
    """What should be looked at, and why."""

    target_type: TargetType
    target_id: Uuid
    reason: Annotated[Prose, StringConstraints(min_length=1, max_length=2_000)]


class ReportReceipt(Wire):
    """A report as who made it sees it."""

    id: str
    target_type: TargetType
    target_id: str
    reason: str
    created_at: Time


class Report(ReportReceipt):
    """A report as admins see it. `excerpt` is what the target says now; null when it has gone."""

    reporter: Person
    excerpt: str | None
    status: Literal["open", "resolved"]
    action: Action | None
    note: str
    resolved_at: Time | None
    resolved_by: str | None


class Resolution(Wire):
    """What is done about it. To hide a course is to unpublish it."""

    action: Action
    note: Annotated[Prose, StringConstraints(max_length=2_000)] = ""


@router.post("/reports", status_code=201, responses=problems(400, 401, 404, 409, 413, 415))
async def report(body: ReportBody, me: Me, parts: Use, visit: CurrentVisit) -> ReportReceipt:
    """Say that something should be looked at. One report a person and thing is open at a time."""
    new = NewReport(visit.entity_id or parts.new_id(), me.user_id, body.target_type, body.target_id, body.reason)
    row = await parts.stores.reports.add(new, parts.clock())
    if row is None:
        raise RefusedRequest(NotFound(body.target_type, body.target_id))
    if row.id != new.id:
        raise RefusedRequest(AlreadyReported(row.id))
    return ReportReceipt(
        id=row.id, target_type=row.target_type, target_id=row.target_id, reason=row.reason, created_at=row.created_at
    )


@admin_router.get("/reports", responses=problems(400, 401, 403))
async def list_reports(
    _me: Admin, parts: Use, status: Literal["open", "resolved"] | None = None, limit: Limit = 20, cursor: Cursor = None
) -> PageOf[Report]:
    """What was reported, the latest first."""
    page = await parts.stores.reports.list_(None if status is None else status == "open", limit, cursor)
    return PageOf[Report](items=[_report_of(row) for row in page.items], next_cursor=page.next_cursor)


@admin_router.patch("/reports/{id}/resolve", responses=problems(400, 401, 403, 404, 409, 413, 415))
async def resolve_report(report_id: IdInPath, body: Resolution, me: Admin, parts: Use) -> Report:
    """Decide about a report. Hiding or deleting closes every open report about the same thing."""
    row = await _report(report_id, parts)
    if row.action is not None:
        raise RefusedRequest(AlreadyResolved(row.action))
    refusal = refusal_of(row.target_type, body.action)
    if refusal is not None:
        raise RefusedRequest(refusal)
    outside = _OUTSIDE.get((row.target_type, body.action))
    decision = Decision(me.user_id, body.action, body.note)
    doing = partial(_do, outside, row.target_id, me, parts) if outside is not None else None
    closed = await parts.stores.reports.resolve(row, decision, parts.clock(), doing)
    resolved = await _report(row.id, parts)
    if not closed:
        raise RefusedRequest(AlreadyResolved(resolved.action or "dismiss"))
    return _report_of(resolved)


_Outside = Callable[[str, Caller, Parts], Awaitable[object]]

_OUTSIDE: dict[tuple[TargetType, Action], _Outside] = {
    ("course", "hide"): unpublish_course,
    ("course", "delete"): delete_course,
    ("lesson", "delete"): delete_lesson,
}
"""What has rules of its own is done as if the admin had asked for it there."""


async def _do(outside: _Outside, target_id: str, me: Caller, parts: Parts) -> None:
    try:
        await outside(target_id, me, parts)
    except RefusedRequest as refused:
        if not isinstance(refused.refusal, NotFound):  # it has gone already, which is as good
            raise


async def _report(report_id: str, parts: Parts) -> ReportRow:
    row = await parts.stores.reports.find(uuid_or_404(report_id, "report"))
    if row is None:
        raise RefusedRequest(NotFound("report", report_id))
    return row


def _report_of(row: ReportRow) -> Report:
    return Report(
        id=row.id,
        target_type=row.target_type,
        target_id=row.target_id,
        reason=row.reason,
        created_at=row.created_at,
        reporter=Person(id=row.reporter_id, name=row.reporter_name),
        excerpt=row.excerpt,
        status="open" if row.action is None else "resolved",
        action=row.action,
        note=row.note,
        resolved_at=row.resolved_at,
        resolved_by=row.resolved_by,
    )
