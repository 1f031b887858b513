"""Jobs around certificates: issue what has been earned, draw what has been issued, and say so."""

from collections.abc import AsyncIterator
from typing import Any

from actors.certificate_pdf import draw, key_of
from actors.jobs.tools import JobTools
from classroom.certificates import is_given, missing
from classroom.ids import CourseId, UserId
from persistence.certificates import Certificates
from persistence.earning import Earning


async def check_certificate(tools: JobTools, payload: dict[str, Any]) -> None:
    """Job `certificate.check` {courseId, userId}: issue the certificate if everything that the course asks for is done."""
    certificates = Certificates(tools.database)
    course_id, user_id = CourseId(payload["courseId"]), UserId(payload["userId"])
    claim = await certificates.read_claim(course_id, user_id)
    if claim is None or not claim.enrolled or not claim.given or not is_given(claim.demand):
        return
    if not missing(claim.demand, claim.record):
        await certificates.issue(tools.new_id(), course_id, user_id, tools.clock())


async def sweep_course(tools: JobTools, payload: dict[str, Any]) -> None:
    """Job `certificate.sweep` {courseId, after?}: have everybody looked at who may have earned the course's certificate."""
    await Earning(tools.database).sweep(CourseId(payload["courseId"]), payload.get("after"))


async def render_certificate(tools: JobTools, payload: dict[str, Any]) -> None:
    """Job `certificate.render` {certificateId}: put the PDF into the object store and tell the student's screens."""
    certificate = await Certificates(tools.database).find(payload["certificateId"])
    if certificate is None:
        return
    pdf = await draw(certificate, tools.values.public_url)
    await tools.objects.put(key_of(certificate), _whole(pdf), "application/pdf")
    data = {"certificateId": certificate.id, "number": certificate.number, "courseId": certificate.course_id}
    await tools.deliver(certificate.user_id, "certificate.issued", data, f"certificate:{certificate.id}")


async def _whole(pdf: bytes) -> AsyncIterator[bytes]:
    yield pdf
