"""The route of what somebody may want to learn next."""

from serve_app.course_wire import Course, course_of
from serve_app.visits import CurrentVisit, Use
from serve_app.wire import Limit, PageOf, Wire, new_router, problems

router = new_router("/api", "catalogue")


class Recommendation(Wire):
    """A course, and in one line why it is shown."""

    course: Course
    reason: str


@router.get("/recommendations", responses=problems())
async def list_recommendations(parts: Use, visit: CurrentVisit, limit: Limit = 20) -> PageOf[Recommendation]:
    """Courses that the caller may want next, the best ones first; for visitors the popular ones. One page."""
    user_id = visit.claims.caller.user_id if visit.claims is not None else None
    found = await parts.stores.recommendations.list_for(user_id, limit)
    items = [Recommendation(course=course_of(each.course), reason=each.reason) for each in found]
    return PageOf[Recommendation](items=items, next_cursor=None)
