"""How courses and enrolments look on the wire."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from persistence.categories import CategoryRow
from persistence.courses import CourseRow
from persistence.enrollments import EnrollmentRow
from serve_app.people import WebAddress
from serve_app.wire import Line, Person, Prose, Time, Wire

Difficulty = Literal["beginner", "intermediate", "advanced"]
CourseStatus = Literal["draft", "pending", "published", "rejected", "unpublished"]
Summary = Annotated[Prose, StringConstraints(max_length=500)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(description="ISO 4217")]
MostStudents = Annotated[int, Field(ge=1, le=1_000_000, strict=True, description="How many may be enrolled at once.")]
Percent = Annotated[int, Field(ge=0, le=100, strict=True)]
PriceMinor = Annotated[int, Field(ge=0, le=100_000_000, description="In the currency's minor unit; 0 is free.")]


class CourseBody(Wire):
    """A new course."""

    title: Line
    summary: Summary = ""
    description: Prose = ""
    category_id: str | None = None
    difficulty: Difficulty = "beginner"
    language: Language = "en"
    price_minor: PriceMinor = 0
    currency: Currency = "EUR"
    thumbnail_url: WebAddress | None = None
    max_students: MostStudents | None = None
    gives_certificate: bool = True
    certificate_attendance_percent: Percent = 0


class CourseChanges(Wire):
    """What changes about a course; what is left out stays. `categoryId`, `thumbnailUrl` and `maxStudents` may be null."""

    title: Line | None = None
    summary: Summary | None = None
    description: Prose | None = None
    category_id: str | None = None
    difficulty: Difficulty | None = None
    language: Language | None = None
    price_minor: PriceMinor | None = None
    currency: Currency | None = None
    thumbnail_url: WebAddress | None = None
    max_students: MostStudents | None = None
    gives_certificate: bool | None = None
    certificate_attendance_percent: Percent | None = None


class CategoryRef(Wire):
    """The shelf a course stands on."""

    id: str
    name: str


class CategoryView(Wire):
    """A shelf of the catalogue; `courseCount` counts the published courses on it."""

    id: str
    slug: str
    name: str
    description: str
    course_count: int


class Course(Wire):
    """A course. `priceMinor` 0 is free; `studentCount` counts who is enrolled now, `maxStudents` null is no bound.

    `ratingAverage` is null without a rating. For the certificate a student must have been present for
    `certificateAttendancePercent` of the classes' time. `durationSeconds` is the length of its videos.
    """

    id: str
    slug: str
    title: str
    summary: str
    description: str
    difficulty: Difficulty
    language: str
    price_minor: int
    currency: str
    free: bool
    thumbnail_url: str | None
    status: CourseStatus
    rejection_reason: str | None
    featured: bool
    max_students: int | None
    gives_certificate: bool
    certificate_attendance_percent: int
    category: CategoryRef | None
    instructor: Person
    student_count: int
    lesson_count: int
    duration_seconds: int
    rating_average: float | None
    rating_count: int
    created_at: Time
    updated_at: Time
    published_at: Time | None


class CourseDetail(Course):
    """A course with what it means to the caller: `enrolled`, and `owned` for who may manage it."""

    enrolled: bool
    owned: bool


class CourseRef(Wire):
    """A course by its name."""

    id: str
    slug: str
    title: str
    instructor: Person


class EnrollmentView(Wire):
    """A student's place in a course."""

    id: str
    course: CourseRef
    user_id: str
    enrolled_at: Time
    status: Literal["active", "left"]


class StudentView(Wire):
    """A student of a course, as its instructor sees them."""

    user_id: str
    name: str
    email: str
    enrolled_at: Time


def rating_average(stars: int, ratings: int) -> float | None:
    """The average of so many ratings with so many stars together, with two decimals; None without one."""
    return round(stars / ratings, 2) if ratings else None


def course_of(row: CourseRow) -> Course:
    """The course as lists show it."""
    return Course(**_fields(row))


def course_detail_of(row: CourseRow, enrolled: bool, owned: bool) -> CourseDetail:
    """The course as its page shows it. Why it was turned down is for who may manage it."""
    reason = row.rejection_reason if owned else None
    return CourseDetail(**{**_fields(row), "rejection_reason": reason}, enrolled=enrolled, owned=owned)


def category_of(row: CategoryRow) -> CategoryView:
    """The shelf with its count."""
    return CategoryView(id=row.id, slug=row.slug, name=row.name, description=row.description, course_count=row.course_count)


def enrollment_of(row: EnrollmentRow) -> EnrollmentView:
    """The enrolment as its student sees it."""
    instructor = Person(id=row.instructor_id, name=row.instructor_name)
    return EnrollmentView(
        id=row.id,
        course=CourseRef(id=row.course_id, slug=row.course_slug, title=row.course_title, instructor=instructor),
        user_id=row.user_id,
        enrolled_at=row.enrolled_at,
        status="active" if row.left_at is None else "left",
    )


def student_of(row: EnrollmentRow) -> StudentView:
    """The enrolment as its instructor sees it."""
    return StudentView(user_id=row.user_id, name=row.user_name, email=row.user_email, enrolled_at=row.enrolled_at)


def _fields(row: CourseRow) -> dict[str, Any]:
    category = CategoryRef(id=row.category_id, name=row.category_name or "") if row.category_id is not None else None
    return {
        "id": row.id,
        "slug": row.slug,
        "title": row.title,
        "summary": row.summary,
        "description": row.description,
        "difficulty": row.difficulty,
        "language": row.language,
        "price_minor": row.price_minor,
        "currency": row.currency,
        "free": row.price_minor == 0,
        "thumbnail_url": row.thumbnail_url,
        "status": row.status,
        "rejection_reason": row.rejection_reason,
        "featured": row.featured_at is not None,
        "max_students": row.max_students,
        "gives_certificate": row.gives_certificate,
        "certificate_attendance_percent": row.certificate_attendance_percent,
        "category": category,
        "instructor": Person(id=row.instructor_id, name=row.instructor_name),
        "student_count": row.students,
        "lesson_count": row.lesson_count,
        "duration_seconds": row.duration_seconds,
        "rating_average": rating_average(row.rating_sum, row.rating_count),
        "rating_count": row.rating_count,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "published_at": row.published_at,
    }
