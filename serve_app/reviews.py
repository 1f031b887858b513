"""Routes of reviews: what students say of courses."""

from typing import Annotated

from pydantic import Field, StringConstraints

from classroom.callers import Caller, Role
from classroom.ids import CourseId
from classroom.refusals import Forbidden, NotEnrolled, NotFound
from persistence.audit import Act
from persistence.courses import CourseRow
from persistence.reviews import NewReview, ReviewRow
from serve_app.composition import Parts
from serve_app.lesson_access import manages
from serve_app.once import OnceRoute
from serve_app.problems import RefusedRequest
from serve_app.reasons import AlreadyReviewed
from serve_app.visits import CurrentVisit, Me, Use, uuid_or_404
from serve_app.wire import CourseIdInPath, Cursor, IdInPath, Limit, PageOf, Person, Prose, Time, Wire, new_router, problems

router = new_router("/api", "catalogue", OnceRoute)

Rating = Annotated[int, Field(strict=True, ge=1, le=5)]
Words = Annotated[Prose, StringConstraints(max_length=5_000)]


class ReviewBody(Wire):
    """A new review."""

    rating: Rating
    text: Words = ""


class ReviewChanges(Wire):
    """What changes about a review; what is left out stays."""

    rating: Rating | None = None
    text: Words | None = None


class Review(Wire):
    """What a student says of a course."""

    id: str
    course_id: str
    author: Person
    rating: int
    text: str
    created_at: Time
    updated_at: Time


@router.get("/courses/{courseId}/reviews", responses=problems(400, 404))
async def list_reviews(
    course_id: CourseIdInPath, parts: Use, visit: CurrentVisit, limit: Limit = 20, cursor: Cursor = None
) -> PageOf[Review]:
    """What students say of the course, the latest first."""
    course = await _visible_course(course_id, visit.caller, parts)
    page = await parts.stores.reviews.list_of(course.id, limit, cursor)
    return PageOf[Review](items=[review_of(row) for row in page.items], next_cursor=page.next_cursor)


@router.post("/courses/{courseId}/reviews", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415))
async def add_review(course_id: CourseIdInPath, body: ReviewBody, me: Me, parts: Use, visit: CurrentVisit) -> Review:
    """Review a course that one is enrolled in, once. The instructor is told."""
    course = await _visible_course(course_id, me, parts)
    if course.instructor_id == me.user_id:
        raise RefusedRequest(Forbidden("review your own course"))
    new = NewReview(visit.entity_id or parts.new_id(), course.id, me.user_id, body.rating, body.text)
    row = await parts.stores.reviews.add(new, parts.clock())
    if row is not None:
        return review_of(row)
    known = await parts.stores.reviews.find_of(course.id, me.user_id)
    raise RefusedRequest(AlreadyReviewed(course.id, known) if known is not None else NotEnrolled(course.id))


@router.patch("/reviews/{id}", responses=problems(400, 401, 403, 404, 413, 415))
async def revise_review(review_id: IdInPath, body: ReviewChanges, me: Me, parts: Use) -> Review:
    """Change an own review."""
    row = await _review(review_id, parts)
    if row.user_id != me.user_id:
        raise RefusedRequest(Forbidden("change somebody else's review"))
    revised = await parts.stores.reviews.revise(row.id, body.rating, body.text, parts.clock())
    if revised is None:
        raise RefusedRequest(NotFound("review", row.id))
    return review_of(revised)


@router.delete("/reviews/{id}", status_code=204, responses=problems(401, 403, 404))
async def delete_review(review_id: IdInPath, me: Me, parts: Use) -> None:
    """Take an own review away; admins take away any. Its author may then write another."""
    row = await _review(review_id, parts)
    act = None
    if row.user_id != me.user_id:
        if me.role is not Role.ADMIN:
            raise RefusedRequest(Forbidden("delete somebody else's review"))
        said = {"courseId": row.course_id, "userId": row.user_id, "rating": row.rating, "text": row.text[:500]}
        act = Act(me.user_id, "review.delete", "review", row.id, said)
    if not await parts.stores.reviews.delete(row.id, parts.clock(), act):
        raise RefusedRequest(NotFound("review", row.id))


def review_of(row: ReviewRow) -> Review:
    """The review as everybody sees it."""
    return Review(
        id=row.id,
        course_id=row.course_id,
        author=Person(id=row.user_id, name=row.user_name),
        rating=row.rating,
        text=row.text,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


async def _visible_course(course_id: str, me: Caller | None, parts: Parts) -> CourseRow:
    """The course, if it is published, or the caller manages it or is in it. Refuses with 404."""
    course = await parts.courses.find(CourseId(uuid_or_404(course_id, "course")))
    if course is not None and (course.status == "published" or manages(me, course.instructor_id)):
        return course
    if course is not None and me is not None and await parts.enrollments.is_enrolled(course.id, me.user_id):
        return course
    raise RefusedRequest(NotFound("course", course_id))


async def _review(review_id: str, parts: Parts) -> ReviewRow:
    row = await parts.stores.reviews.find(uuid_or_404(review_id, "review"))
    if row is None:
        raise RefusedRequest(NotFound("review", review_id))
    return row
