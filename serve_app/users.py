"""Routes of people: the own profile, the own courses, what others may read."""

from pydantic import Field

from classroom.callers import Role
from classroom.ids import UserId
from classroom.progress.views import next_of, percent_of
from classroom.refusals import NotFound
from classroom.times import MINUTE, Moment
from persistence.courses import CourseFilter
from persistence.progress import OwnProgress
from serve_app.course_wire import Course, EnrollmentView, course_of, enrollment_of
from serve_app.live_wire import LiveSession, session_of
from serve_app.people import ProfileChanges, PublicProfile, User, profile_of, user_of
from serve_app.problems import RefusedRequest
from serve_app.progress_wire import GoOn
from serve_app.reasons import Unauthenticated
from serve_app.visits import Me, Use, uuid_or_404
from serve_app.wire import Cursor, IdInPath, Limit, PageOf, Wire, new_router, problems

router = new_router("/api/users", "users")

_SHOWN = 20


class Dashboard(Wire):
    """What concerns the caller now. `teaching` are the own courses of an instructor; `live` and `upcoming` are the
    classes of enrolled and own courses, the earliest first. At most 20 of each."""

    enrollments: list[EnrollmentView]
    teaching: list[Course]
    live: list[LiveSession]
    upcoming: list[LiveSession]
    go_on: list[GoOn] = Field(alias="continue", description="Courses begun and not done, the latest first; at most three.")


@router.get("/me", responses=problems(401))
async def get_me(me: Me, parts: Use) -> User:
    """The own account."""
    account = await parts.accounts.find(me.user_id)
    if account is None:
        raise RefusedRequest(Unauthenticated())
    return user_of(account)


@router.patch("/me", responses=problems(400, 401, 413, 415))
async def revise_me(body: ProfileChanges, me: Me, parts: Use) -> User:
    """Change the own profile. A new name shows in classes from the next access token on."""
    changes = body.model_dump(by_alias=False, exclude_unset=True)
    changes = {name: value for name, value in changes.items() if value is not None or name == "avatar_url"}
    account = await parts.accounts.revise(me.user_id, changes, parts.clock())
    if account is None:
        raise RefusedRequest(Unauthenticated())
    return user_of(account)


@router.get("/me/enrollments", responses=problems(401))
async def list_my_enrollments(me: Me, parts: Use, limit: Limit = 20, cursor: Cursor = None) -> PageOf[EnrollmentView]:
    """The caller's courses, the latest first."""
    page = await parts.enrollments.list_of_student(me.user_id, limit, cursor)
    return PageOf[EnrollmentView](items=[enrollment_of(row) for row in page.items], next_cursor=page.next_cursor)


@router.get("/me/dashboard", responses=problems(401))
async def get_my_dashboard(me: Me, parts: Use) -> Dashboard:
    """Courses and classes of the caller, for the first page after signing in."""
    enrolled = await parts.enrollments.list_of_student(me.user_id, _SHOWN, None)
    course_ids = await parts.enrollments.list_course_ids(me.user_id)
    teaching: list[Course] = []
    if me.role is not Role.STUDENT:
        own = await parts.courses.list_(CourseFilter(instructor_id=me.user_id), _SHOWN, None)
        teaching = [course_of(row) for row in own.items]
        course_ids += await parts.courses.list_ids_of(me.user_id)
    begun = await parts.stores.progress.list_begun(me.user_id)
    since = Moment(parts.clock() - 24 * 60 * MINUTE)  # scheduled longer ago and never started: nobody waits for it
    return Dashboard(
        enrollments=[enrollment_of(row) for row in enrolled.items],
        teaching=teaching,
        live=[session_of(row) for row in await parts.live_records.list_(course_ids, "live", None, None, _SHOWN, None)],
        upcoming=[
            session_of(row) for row in await parts.live_records.list_(course_ids, "scheduled", since, None, _SHOWN, None)
        ],
        go_on=[_go_on(each) for each in begun],  # type: ignore[call-arg]  # by its name here, not that of the wire
    )


def _go_on(begun: OwnProgress) -> GoOn:
    lesson_id = next_of(begun.course, begun.learner)
    return GoOn(
        course_id=begun.course.id,
        course_title=begun.course.title,
        course_slug=begun.slug,
        percent=percent_of(begun.learner.thousandths),
        lesson_id=lesson_id,
        lesson_title=begun.titles.get(lesson_id) if lesson_id is not None else None,
    )


@router.get("/{id}", responses=problems(401, 404))
async def get_public_profile(user_id: IdInPath, _me: Me, parts: Use) -> PublicProfile:
    """What may be known about a person."""
    account = await parts.accounts.find(UserId(uuid_or_404(user_id, "user")))
    if account is None or account.status != "active":
        raise RefusedRequest(NotFound("user", user_id))
    return profile_of(account)
