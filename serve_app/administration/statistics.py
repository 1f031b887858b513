"""The platform in figures, for admins."""

from datetime import date, timedelta

from classroom.times import to_datetime
from persistence.statistics import PLATFORM
from serve_app.analytics import Days, every_day
from serve_app.visits import Admin, Use
from serve_app.wire import Wire, new_router, problems

router = new_router("/api/admin", "admin")
_OF_A_DAY = ("registered", "enrolled", "left", "completed")
_ROLES = ("student", "instructor", "admin")
_STATUSES = ("draft", "pending", "published", "rejected", "unpublished")


class UsersView(Wire):
    """Accounts that are not deleted; those of each role are not banned."""

    total: int
    student: int
    instructor: int
    admin: int
    banned: int


class CoursesView(Wire):
    """Courses that are not deleted, by status."""

    total: int
    draft: int
    pending: int
    published: int
    rejected: int
    unpublished: int


class LiveView(Wire):
    """Classes that are live now, and the students who have seats in them."""

    classes: int
    students: int


class StorageView(Wire):
    """Files that are ready."""

    files: int
    bytes: int


class PlatformDay(Wire):
    """What happened on a day, in UTC."""

    day: date
    registered: int
    enrolled: int
    left: int
    completed: int


class PlatformStats(Wire):
    """The platform in figures. `enrollments` are those of now."""

    users: UsersView
    courses: CoursesView
    enrollments: int
    live_now: LiveView
    certificates: int
    storage: StorageView
    days: list[PlatformDay]


@router.get("/stats", responses=problems(401, 403))
async def get_platform_stats(_me: Admin, parts: Use, days: Days = 30) -> PlatformStats:
    """How large the platform is, and what happened on each of the last `days`."""
    totals = await parts.stores.statistics.totals(PLATFORM)
    classes, seated = await parts.stores.statistics.live_now()
    roles = {role: totals.get(f"users.{role}", 0) for role in _ROLES}
    banned = sum(totals.get(f"users.{role}.banned", 0) for role in _ROLES)
    statuses = {status: totals.get(f"courses.{status}", 0) for status in _STATUSES}
    first = to_datetime(parts.clock()).date() - timedelta(days=days - 1)
    found = await parts.stores.statistics.days(PLATFORM, first)
    return PlatformStats(
        users=UsersView(total=sum(roles.values()) + banned, banned=banned, **roles),
        courses=CoursesView(total=sum(statuses.values()), **statuses),
        enrollments=totals.get("enrollments", 0),
        live_now=LiveView(classes=classes, students=seated),
        certificates=totals.get("certificates", 0),
        storage=StorageView(files=totals.get("storage.files", 0), bytes=totals.get("storage.bytes", 0)),
        days=[PlatformDay(**each) for each in every_day(found, first, days, _OF_A_DAY)],
    )
