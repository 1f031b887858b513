"""Routes by which admins look after accounts and decide who becomes an instructor."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field, StringConstraints

from classroom.callers import Role
from classroom.ids import UserId
from classroom.refusals import Forbidden, NotFound
from persistence.account_administration import Changed, PeopleFilter, Unchanged
from persistence.accounts import Account
from persistence.instructor_requests import NotDecided
from serve_app.instructors import InstructorRequestView, RequestStatus, request_of
from serve_app.once import OnceRoute
from serve_app.problems import RefusedRequest
from serve_app.reasons import OwnAccount, RequestDecided
from serve_app.seeing_out import change_role, give_role, let_in, see_out
from serve_app.visits import Admin, Config, Use, uuid_or_404
from serve_app.wire import Cursor, IdInPath, Limit, PageOf, Prose, Time, Wire, new_router, problems

router = new_router("/api/admin", "admin", OnceRoute)

RoleName = Literal["student", "instructor", "admin"]
Words = Annotated[
    str | None,
    Query(max_length=200, pattern=r"^[^\x00]*$", description="Beginnings of words of the name or the address, all of them."),
]


class PersonOfAdmins(Wire):
    """An account as admins see it. `statusChangedAt` is when it was last banned or activated, null for never."""

    id: str
    email: str
    name: str
    role: str = Field(json_schema_extra={"enum": ["student", "instructor", "admin"]})
    status: str = Field(json_schema_extra={"enum": ["active", "banned"]})
    email_verified: bool
    headline: str
    avatar_url: str | None
    created_at: Time
    status_changed_at: Time | None
    ban_reason: str | None


class Ban(Wire):
    """Why somebody is kept out; for the record."""

    reason: Annotated[Prose, StringConstraints(max_length=2_000)] = ""


class NewRole(Wire):
    """What somebody may do from now on."""

    role: RoleName


class Rejection(Wire):
    """Why a request is turned down; whoever made it reads this."""

    reason: Annotated[Prose, StringConstraints(min_length=1, max_length=2_000)]


@router.get("/users", responses=problems(401, 403))
async def list_people(
    _me: Admin,
    parts: Use,
    q: Words = None,
    role: RoleName | None = None,
    status: Literal["active", "banned"] | None = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PageOf[PersonOfAdmins]:
    """Every account, the newest first; deleted ones are left out."""
    narrowed = PeopleFilter(q, Role(role) if role is not None else None, status)
    page = await parts.stores.account_administration.list_(narrowed, limit, cursor)
    return PageOf[PersonOfAdmins](items=[person_of(account) for account in page.items], next_cursor=page.next_cursor)


@router.patch("/users/{id}/ban", responses=problems(400, 401, 403, 404, 409, 413, 415))
async def ban_user(user_id: IdInPath, me: Admin, parts: Use, config: Config, body: Ban | None = None) -> PersonOfAdmins:
    """Keep somebody out, at once: their tokens are refused, their sign-ins are over, their sockets close, their seats are
    free when this is answered. Twice is once."""
    target = UserId(uuid_or_404(user_id, "user"))
    reason = body.reason if body is not None else ""
    done = _done(await parts.stores.account_administration.ban(me.user_id, target, reason, parts.clock()), user_id)
    await see_out(done, parts, config)
    return person_of(done.account)


@router.patch("/users/{id}/activate", responses=problems(401, 403, 404, 409))
async def activate_user(user_id: IdInPath, me: Admin, parts: Use, config: Config) -> PersonOfAdmins:
    """Let somebody in again; they sign in anew. Twice is once."""
    target = UserId(uuid_or_404(user_id, "user"))
    done = _done(await parts.stores.account_administration.activate(me.user_id, target, parts.clock()), user_id)
    await let_in(done, parts, config)
    return person_of(done.account)


@router.patch("/users/{id}/role", responses=problems(400, 401, 403, 404, 409, 413, 415))
async def change_user_role(user_id: IdInPath, body: NewRole, me: Admin, parts: Use, config: Config) -> PersonOfAdmins:
    """Give somebody a role. It shows in their next access token; tokens that say a higher role are refused at once."""
    target = UserId(uuid_or_404(user_id, "user"))
    administration = parts.stores.account_administration
    done = _done(await administration.set_role(me.user_id, target, Role(body.role), parts.clock()), user_id)
    await change_role(done, parts, config)
    return person_of(done.account)


@router.get("/instructor-requests", responses=problems(401, 403))
async def list_instructor_requests(
    _me: Admin, parts: Use, status: RequestStatus | None = None, limit: Limit = 20, cursor: Cursor = None
) -> PageOf[InstructorRequestView]:
    """Who asked to become an instructor, the oldest first; `status=pending` are those that wait."""
    page = await parts.stores.instructor_requests.list_(status, limit, cursor)
    return PageOf[InstructorRequestView](items=[request_of(row) for row in page.items], next_cursor=page.next_cursor)


@router.patch("/instructor-requests/{id}/approve", responses=problems(401, 403, 404, 409))
async def approve_instructor_request(request_id: IdInPath, me: Admin, parts: Use, config: Config) -> InstructorRequestView:
    """Make the student an instructor: their next access token says so. Twice is once; what was rejected stays rejected."""
    ident = uuid_or_404(request_id, "instructor request")
    row = await parts.stores.instructor_requests.approve(ident, me.user_id, parts.clock())
    if isinstance(row, NotDecided):
        raise _refused(row, request_id, "rejected")
    if row.decided_at is not None:
        await give_role(row.user_id, Role.INSTRUCTOR, row.decided_at, parts, config)
    return request_of(row)


@router.patch("/instructor-requests/{id}/reject", responses=problems(400, 401, 403, 404, 409, 413, 415))
async def reject_instructor_request(request_id: IdInPath, body: Rejection, me: Admin, parts: Use) -> InstructorRequestView:
    """Turn the request down, and say why. Twice is once; what was approved stays approved."""
    ident = uuid_or_404(request_id, "instructor request")
    row = await parts.stores.instructor_requests.reject(ident, me.user_id, body.reason, parts.clock())
    if isinstance(row, NotDecided):
        raise _refused(row, request_id, "approved")
    return request_of(row)


def person_of(account: Account) -> PersonOfAdmins:
    """The account as admins see it."""
    return PersonOfAdmins(
        id=account.id,
        email=account.email,
        name=account.name,
        role=account.role.value,
        status=account.status,
        email_verified=account.email_verified_at is not None,
        headline=account.headline,
        avatar_url=account.avatar_url,
        created_at=account.created_at,
        status_changed_at=account.status_changed_at,
        ban_reason=account.ban_reason,
    )


def _done(answer: Changed | Unchanged, user_id: str) -> Changed:
    if isinstance(answer, Changed):
        return answer
    if answer is Unchanged.NO_SUCH_ACCOUNT:
        raise RefusedRequest(NotFound("user", user_id))
    raise RefusedRequest(OwnAccount() if answer is Unchanged.ONESELF else Forbidden("do this: it is for admins"))


def _refused(answer: NotDecided, request_id: str, otherwise: str) -> RefusedRequest:
    if answer is NotDecided.NO_SUCH_REQUEST:
        return RefusedRequest(NotFound("instructor request", request_id))
    if answer is NotDecided.OTHERWISE:
        return RefusedRequest(RequestDecided(otherwise))
    return RefusedRequest(Forbidden("do this: it is for admins"))
