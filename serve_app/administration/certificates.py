"""Routes by which admins issue and revoke certificates by hand, and say what certificates to come say."""

from typing import Annotated

from fastapi import Path, Response
from pydantic import StringConstraints

from classroom.ids import CourseId, UserId
from classroom.refusals import NotFound
from persistence.certificate_templates import TemplateRow, Wording
from serve_app.certificates import CertificateView, certificate_of
from serve_app.once import OnceRoute
from serve_app.problems import RefusedRequest
from serve_app.visits import Admin, Config, CurrentVisit, Use, uuid_or_404
from serve_app.wire import Cursor, IdInPath, Limit, Line, PageOf, Prose, Time, Wire, new_router, problems

router = new_router("/api/admin", "admin", OnceRoute)

Id = Annotated[str, StringConstraints(max_length=36)]
ScopeInPath = Annotated[str, Path(alias="scope", max_length=36, description="`all`, or the id of a course.")]


class ManualIssue(Wire):
    """Whose certificate of which course."""

    user_id: Id
    course_id: Id


class Revocation(Wire):
    """Why the certificate is not valid any more; its owner reads it."""

    reason: Annotated[Prose, StringConstraints(min_length=1, max_length=2_000)]


class WordingBody(Wire):
    """The words around the names. An empty `signatory` stands for the course's instructor."""

    heading: Annotated[Line, StringConstraints(max_length=60)] = Wording.heading
    statement: Annotated[Line, StringConstraints(max_length=120)] = Wording.statement
    signatory: Annotated[str, StringConstraints(strip_whitespace=True, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")] = (
        Wording.signatory
    )
    accent: Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")] = Wording.accent


class TemplateView(WordingBody):
    """What certificates to come say: those of this course, or of all courses that have no template of their own.
    `updatedAt` is null for the words that nobody has changed."""

    scope: str
    updated_at: Time | None


@router.post(
    "/certificates/issue",
    status_code=201,
    responses={
        200: {"model": CertificateView, "description": "Was issued before; one that was revoked is valid again."},
        **problems(400, 401, 403, 404, 413, 415),
    },
)
async def issue_certificate(
    body: ManualIssue, me: Admin, response: Response, parts: Use, config: Config, visit: CurrentVisit
) -> CertificateView:
    """Issue a certificate whatever has been done of the course."""
    course_id, user_id = CourseId(uuid_or_404(body.course_id, "course")), UserId(uuid_or_404(body.user_id, "user"))
    certificate_id = visit.entity_id or parts.new_id()
    row, fresh = await parts.stores.certificates.issue(certificate_id, course_id, user_id, parts.clock(), me.user_id)
    if row is None:
        gone = await parts.accounts.find(user_id) is None
        raise RefusedRequest(NotFound("user", body.user_id) if gone else NotFound("course", body.course_id))
    response.status_code = 201 if fresh or row.id == visit.entity_id else 200
    return certificate_of(row, config)


@router.post("/certificates/{id}/revoke", responses=problems(400, 401, 403, 404, 413, 415))
async def revoke_certificate(
    certificate_id: IdInPath, body: Revocation, me: Admin, parts: Use, config: Config
) -> CertificateView:
    """Take a certificate's validity. One that is revoked stays as it is, with its first reason."""
    found = uuid_or_404(certificate_id, "certificate")
    row = await parts.stores.certificates.revoke(found, body.reason, me.user_id, parts.clock())
    if row is None:
        raise RefusedRequest(NotFound("certificate", certificate_id))
    return certificate_of(row, config)


@router.get("/certificate-templates", responses=problems(401, 403))
async def list_certificate_templates(
    _me: Admin, parts: Use, limit: Limit = 20, cursor: Cursor = None
) -> PageOf[TemplateView]:
    """The templates there are; that of all courses first, by course then."""
    page = await parts.stores.certificate_templates.list_(limit, cursor)
    return PageOf[TemplateView](items=[_template(row) for row in page.items], next_cursor=page.next_cursor)


@router.get("/certificate-templates/{scope}", responses=problems(401, 403, 404))
async def get_certificate_template(scope: ScopeInPath, _me: Admin, parts: Use) -> TemplateView:
    """What certificates of a course, or of all, say; the usual words when nobody has changed them."""
    course_id = _course(scope)
    templates = parts.stores.certificate_templates
    found = await templates.find(course_id)
    if found is None and course_id is not None:
        if await parts.courses.find(course_id) is None:
            raise RefusedRequest(NotFound("course", scope))
        found = await templates.find(None)
    view = _template(found) if found is not None else TemplateView(scope="all", updated_at=None)
    return view.model_copy(update={"scope": course_id or "all"})


@router.put("/certificate-templates/{scope}", responses=problems(400, 401, 403, 404, 413, 415))
async def put_certificate_template(scope: ScopeInPath, body: WordingBody, me: Admin, parts: Use) -> TemplateView:
    """Have certificates to come say this. Those that were issued stay as they are."""
    wording = Wording(body.heading, body.statement, body.signatory, body.accent.lower())
    row = await parts.stores.certificate_templates.set(_course(scope), wording, me.user_id, parts.clock())
    if row is None:
        raise RefusedRequest(NotFound("course", scope))
    return _template(row)


@router.delete("/certificate-templates/{scope}", status_code=204, responses=problems(401, 403, 404))
async def delete_certificate_template(scope: ScopeInPath, me: Admin, parts: Use) -> None:
    """Have certificates to come say what all say, or the usual words again. Also 204 when there is no template."""
    await parts.stores.certificate_templates.drop(_course(scope), me.user_id, parts.clock())


def _course(scope: str) -> CourseId | None:
    return None if scope == "all" else CourseId(uuid_or_404(scope, "course"))


def _template(row: TemplateRow) -> TemplateView:
    return TemplateView(scope=row.course_id or "all", updated_at=row.updated_at, **row.wording.__dict__)
