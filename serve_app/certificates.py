"""Routes of certificates: earned by students, read by their owners, checked by anybody."""

from typing import Annotated

from fastapi import Path, Request, Response
from pydantic import Field

from actors.certificate_pdf import address_of, draw, key_of
from classroom.callers import Caller, Role
from classroom.certificates import is_given, missing, read_number
from classroom.ids import CourseId
from classroom.refusals import Forbidden, NotEnrolled, NotFound
from classroom.times import rfc3339
from persistence.certificates import CertificateRow, Claim
from persistence.object_store import ObjectMissing, ObjectStoreAway
from serve_app.certificate_reasons import CertificateRevoked, NoCertificate, NotCompleted
from serve_app.composition import EdgeConfig, Parts
from serve_app.once import OnceRoute
from serve_app.problems import RefusedRequest
from serve_app.visits import Config, CurrentVisit, Me, Use, config_of, uuid_or_404
from serve_app.wire import CourseIdInPath, Cursor, IdInPath, Limit, PageOf, Person, Time, Wire, new_router, problems

router = new_router("/api", "certificates", OnceRoute)

MOST_BYTES = 4 << 20
"""No certificate is as large: they have a few dozen kilobytes."""
NumberInPath = Annotated[str, Path(alias="number", max_length=100, description="As printed; case and hyphens do not count.")]
Status = Annotated[str, Field(json_schema_extra={"enum": ["valid", "revoked"]})]


class CourseName(Wire):
    """A course, as it was called on the day of issue."""

    id: str
    title: str


class CertificateView(Wire):
    """A certificate. Names are those of the day of issue. `downloadUrl` needs the sign-in; `verifyUrl` is for everybody."""

    id: str
    number: str
    status: Status
    user: Person
    course: CourseName
    instructor_name: str
    issued_at: Time
    revoked_at: Time | None
    revoked_reason: str | None
    download_url: str
    verify_url: str


class Verification(Wire):
    """What anybody may know about a certificate whose number they have. `date` is the day of issue, in UTC."""

    number: str
    status: Status
    name: str
    course: CourseName
    instructor_name: str
    date: Annotated[str, Field(json_schema_extra={"format": "date"})]
    issued_at: Time
    revoked_at: Time | None


@router.post(
    "/courses/{courseId}/certificate",
    status_code=201,
    responses={200: {"model": CertificateView, "description": "Was issued before."}, **problems(401, 403, 404, 409)},
)
async def claim_certificate(
    course_id: CourseIdInPath, me: Me, request: Request, response: Response, parts: Use, visit: CurrentVisit
) -> CertificateView:
    """Get the own certificate of a course. Earned are those who have done every required lesson, passed every required quiz,
    and were present as the course asks; 409 `not_completed` says what is left, 409 `no_certificate` that the course gives
    none."""
    found = CourseId(uuid_or_404(course_id, "course"))
    certificates = parts.stores.certificates
    row = await certificates.find_of(found, me.user_id)
    if row is not None:
        response.status_code = 200
        return certificate_of(row, config_of(request))
    _judge(await certificates.read_claim(found, me.user_id), found)
    row, fresh = await certificates.issue(visit.entity_id or parts.new_id(), found, me.user_id, parts.clock())
    if row is None:
        raise RefusedRequest(NotFound("course", course_id))
    response.status_code = 201 if fresh or row.id == visit.entity_id else 200
    return certificate_of(row, config_of(request))


def _judge(claim: Claim | None, course_id: CourseId) -> None:
    if claim is None:
        raise RefusedRequest(NotFound("course", course_id))
    if not claim.enrolled:
        raise RefusedRequest(NotEnrolled(course_id))
    if not claim.given or not is_given(claim.demand):
        raise RefusedRequest(NoCertificate(course_id))
    left = missing(claim.demand, claim.record)
    if left:
        titles = claim.titles.items()
        raise RefusedRequest(
            NotCompleted(
                course_id,
                tuple((id_, title) for id_, title in titles if id_ in left.lessons),
                tuple((id_, title) for id_, title in titles if id_ in left.quizzes),
                claim.demand.attendance_percent if left.attendance else None,
            )
        )


@router.get("/courses/{courseId}/certificate", responses=problems(401, 404))
async def get_own_certificate(course_id: CourseIdInPath, me: Me, parts: Use, config: Config) -> CertificateView:
    """The own certificate of a course; 404 while there is none."""
    row = await parts.stores.certificates.find_of(CourseId(uuid_or_404(course_id, "course")), me.user_id)
    if row is None:
        raise RefusedRequest(NotFound("certificate", course_id))
    return certificate_of(row, config)


@router.get("/users/me/certificates", responses=problems(401))
async def list_own_certificates(
    me: Me, parts: Use, config: Config, limit: Limit = 20, cursor: Cursor = None
) -> PageOf[CertificateView]:
    """The own certificates, the latest first; revoked ones too."""
    page = await parts.stores.certificates.list_of(me.user_id, limit, cursor)
    items = [certificate_of(row, config) for row in page.items]
    return PageOf[CertificateView](items=items, next_cursor=page.next_cursor)


@router.get("/certificates/verify/{number}", responses=problems(404))
async def verify_certificate(number: NumberInPath, parts: Use) -> Verification:
    """Whether there is a certificate with this number, whose it is, and whether it is still valid. No sign-in is needed."""
    known = read_number(number)
    row = await parts.stores.certificates.find_by_number(known) if known is not None else None
    if row is None:
        raise RefusedRequest(NotFound("certificate", number[:64]))
    return Verification(
        number=row.number,
        status=_status(row),
        name=row.user_name,
        course=CourseName(id=row.course_id, title=row.course_title),
        instructor_name=row.instructor_name,
        date=rfc3339(row.issued_at)[:10],
        issued_at=row.issued_at,
        revoked_at=row.revoked_at,
    )


@router.get(
    "/certificates/{id}/download",
    response_class=Response,
    responses={
        200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}},
        **problems(401, 403, 404, 410),
    },
)
async def download_certificate(certificate_id: IdInPath, me: Me, parts: Use, config: Config) -> Response:
    """The certificate as a PDF: for its owner, the course's instructor and admins. One that was revoked is 410."""
    row = await parts.stores.certificates.find(uuid_or_404(certificate_id, "certificate"))
    if row is None:
        raise RefusedRequest(NotFound("certificate", certificate_id))
    if not _may_read(row, me):
        raise RefusedRequest(Forbidden("read this certificate: it is somebody else's"))
    if row.revoked_at is not None:
        raise RefusedRequest(CertificateRevoked(row.id))
    headers = {
        "Content-Disposition": f'attachment; filename="certificate-{row.number}.pdf"',
        "Cache-Control": "private, no-store",
    }
    return Response(await _document(row, parts, config), 200, headers, "application/pdf")


async def _document(row: CertificateRow, parts: Parts, config: EdgeConfig) -> bytes:
    """The PDF as it is kept; the same drawn here while the job that keeps it has not come to it, or its store is away."""
    try:
        return await parts.stores.objects.read_all(key_of(row), MOST_BYTES)
    except (ObjectMissing, ObjectStoreAway):
        return await draw(row, config.http_url)


def _may_read(row: CertificateRow, me: Caller) -> bool:
    return me.role is Role.ADMIN or me.user_id in (row.user_id, row.instructor_id)


def _status(row: CertificateRow) -> str:
    return "valid" if row.revoked_at is None else "revoked"


def certificate_of(row: CertificateRow, config: EdgeConfig) -> CertificateView:
    """The certificate as its owner and admins see it."""
    return CertificateView(
        id=row.id,
        number=row.number,
        status=_status(row),
        user=Person(id=row.user_id, name=row.user_name),
        course=CourseName(id=row.course_id, title=row.course_title),
        instructor_name=row.instructor_name,
        issued_at=row.issued_at,
        revoked_at=row.revoked_at,
        revoked_reason=row.revoked_reason,
        download_url=f"{config.http_url}/api/certificates/{row.id}/download",
        verify_url=address_of(row, config.http_url),
    )
