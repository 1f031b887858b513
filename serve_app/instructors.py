"""Routes of instructors: their profiles, and how a student becomes one."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from classroom.callers import Role
from classroom.ids import UserId
from classroom.refusals import NotFound
from persistence.instructor_requests import InstructorRequestRow, NotMade
from persistence.instructors import InstructorRow
from serve_app.composition import Parts
from serve_app.course_wire import rating_average
from serve_app.once import OnceRoute
from serve_app.people import WebAddress
from serve_app.problems import RefusedRequest
from serve_app.reasons import NoStudent, RequestPending, Unauthenticated
from serve_app.visits import Asking, CurrentVisit, Me, Teacher, Use, uuid_or_404
from serve_app.wire import IdInPath, Line, Person, Prose, Time, Wire, new_router, problems

router = new_router("/api", "instructors", OnceRoute)

RequestStatus = Literal["pending", "approved", "rejected"]


class InstructorProfile(Wire):
    """What anybody may know about an instructor. The figures are of published courses; `ratingAverage` is null without a
    rating, and `studentCount` counts a student once in each course."""

    id: str
    name: str
    headline: str
    bio: str
    avatar_url: str | None
    course_count: int
    student_count: int
    rating_average: float | None
    rating_count: int


class InstructorChanges(Wire):
    """What an instructor changes about the own profile; what is left out stays. `avatarUrl` may be null."""

    name: Line | None = None
    headline: Annotated[Prose, StringConstraints(max_length=200)] | None = None
    bio: Annotated[Prose, StringConstraints(max_length=5_000)] | None = None
    avatar_url: WebAddress | None = None


class InstructorRequestBody(Wire):
    """Why somebody wants to teach, and what makes them able to."""

    reason: Annotated[Prose, StringConstraints(min_length=1, max_length=5_000)]
    qualifications: Annotated[Prose, StringConstraints(min_length=1, max_length=5_000)]


class InstructorRequestView(Wire):
    """A request to become an instructor. `decisionReason` says why it was rejected."""

    id: str
    user: Person
    email: str
    reason: str
    qualifications: str
    status: str = Field(json_schema_extra={"enum": ["pending", "approved", "rejected"]})
    created_at: Time
    decided_at: Time | None
    decision_reason: str | None


@router.get("/instructors/me", responses=problems(401, 403))
async def get_my_instructor_profile(me: Teacher, parts: Use) -> InstructorProfile:
    """The own profile as others see it."""
    return await _profile(me.user_id, parts)


@router.patch("/instructors/me", responses=problems(400, 401, 403, 413, 415))
async def revise_my_instructor_profile(body: InstructorChanges, me: Teacher, parts: Use) -> InstructorProfile:
    """Change the own profile."""
    changes = body.model_dump(by_alias=False, exclude_unset=True)
    changes = {name: value for name, value in changes.items() if value is not None or name == "avatar_url"}
    if await parts.accounts.revise(me.user_id, changes, parts.clock()) is None:
        raise RefusedRequest(Unauthenticated())
    return await _profile(me.user_id, parts)


@router.get("/instructors/{id}", responses=problems(404))
async def get_instructor(user_id: IdInPath, parts: Use) -> InstructorProfile:
    """Who teaches, for everybody."""
    return await _profile(UserId(uuid_or_404(user_id, "instructor")), parts)


@router.post("/instructor-requests", status_code=201, responses=problems(400, 401, 403, 409, 413, 415))
async def request_to_teach(
    body: InstructorRequestBody, me: Asking, parts: Use, visit: CurrentVisit
) -> InstructorRequestView:
    """Ask to become an instructor; an admin decides. Students only, one request at a time."""
    if me.role is Role.INSTRUCTOR:
        raise RefusedRequest(NoStudent())
    request_id = visit.entity_id or parts.new_id()
    row = await parts.stores.instructor_requests.make(
        request_id, me.user_id, body.reason, body.qualifications, parts.clock()
    )
    if isinstance(row, NotMade):
        raise RefusedRequest(RequestPending() if row is NotMade.PENDING else NoStudent())
    return request_of(row)


@router.get("/instructor-requests/me", responses=problems(401, 404))
async def get_my_instructor_request(me: Me, parts: Use) -> InstructorRequestView:
    """The caller's last request. 404 when there was none."""
    row = await parts.stores.instructor_requests.find_latest(me.user_id)
    if row is None:
        raise RefusedRequest(NotFound("instructor request", "me"))
    return request_of(row)


def request_of(row: InstructorRequestRow) -> InstructorRequestView:
    """The request as whoever made it and admins see it."""
    return InstructorRequestView(
        id=row.id,
        user=Person(id=row.user_id, name=row.user_name),
        email=row.user_email,
        reason=row.reason,
        qualifications=row.qualifications,
        status=row.status,
        created_at=row.created_at,
        decided_at=row.decided_at,
        decision_reason=row.decision_reason,
    )


async def _profile(user_id: UserId, parts: Parts) -> InstructorProfile:
    row = await parts.stores.instructors.find(user_id)
    if row is None:
        raise RefusedRequest(NotFound("instructor", user_id))
    return _profile_of(row)


def _profile_of(row: InstructorRow) -> InstructorProfile:
    account = row.account
    return InstructorProfile(
        id=account.id,
        name=account.name,
        headline=account.headline,
        bio=account.bio,
        avatar_url=account.avatar_url,
        course_count=row.courses,
        student_count=row.students,
        rating_average=rating_average(row.rating_sum, row.rating_count),
        rating_count=row.rating_count,
    )
