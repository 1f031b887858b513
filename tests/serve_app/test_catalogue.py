from typing import Any

from sqlalchemy import text

from classroom.callers import Role
from persistence.categories import CategoryRow
from persistence.ids import new_id


async def make_shelf(edge: Any, slug: str = "sea", name: str = "The sea") -> str:
    """A category."""
    row = CategoryRow(new_id(), slug, name, "Wet.", 1, 0)
    return str((await edge.parts.stores.categories.add(row, edge.parts.clock())).id)


async def test_everybody_browses_published_courses(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR, "Ina")
    shelf = await make_shelf(edge)
    tides = await edge.course(teacher, title="Tides", summary="The Moon", categoryId=shelf)
    knots = await edge.course(teacher, title="Knots", difficulty="advanced", priceMinor=500)
    await teacher.ask("POST", "/instructor/courses", 201, {"title": "Draft"})

    async def found(query: str = "") -> list[str]:
        response = await edge.visitor.get(f"/api/courses{query}")
        assert response.status_code == 200
        return [course["id"] for course in response.json()["items"]]

    assert await found() == [knots, tides]
    assert await found("?sort=oldest") == [tides, knots]
    assert await found("?q=moon") == [tides]
    assert await found("?category=sea") == [tides]
    assert await found("?difficulty=advanced") == [knots]
    assert await found("?free=true") == [tides]
    assert await found("?limit=1") == [knots]
    for bad in ("?sort=price", "?limit=0", "?cursor=x", "?q=%00", "?difficulty=hard"):
        assert (await edge.visitor.get(f"/api/courses{bad}")).status_code == 422
    shelves = (await edge.visitor.get("/api/categories")).json()
    assert shelves["items"] == [{"id": shelf, "slug": "sea", "name": "The sea", "description": "Wet.", "courseCount": 1}]


async def test_a_course_tells_the_caller_what_it_is_to_them(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    path = f"/courses/{lesson.course_id}"
    flags = ("enrolled", "owned")
    student = await lesson.students[0].ask("GET", path, 200)
    assert ([student[flag] for flag in flags], student["studentCount"]) == ([True, False], 1)
    assert [(await lesson.teacher.ask("GET", path, 200))[flag] for flag in flags] == [False, True]
    anybody = await edge.visitor.get(f"/api{path}")
    assert [anybody.json()[flag] for flag in flags] == [False, False]
    assert (await edge.visitor.get(f"/api/courses/{new_id()}")).status_code == 404


async def test_a_draft_is_seen_by_its_instructor_alone(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    draft = await teacher.ask("POST", "/instructor/courses", 201, {"title": "Draft"})
    await teacher.ask("GET", f"/courses/{draft['id']}", 200)
    await (await edge.person(Role.ADMIN)).ask("GET", f"/courses/{draft['id']}", 200)
    await (await edge.person()).ask("GET", f"/courses/{draft['id']}", 404)


async def test_a_course_is_found_by_its_slug(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    course = (await edge.visitor.get(f"/api/courses/{await edge.course(teacher, title='Tides & Moons')}")).json()
    assert (await edge.visitor.get(f"/api/courses/{course['slug']}")).json() == course
    for other in (course["slug"][:-1], "x" * 500, "%00", "Tides"):
        assert (await edge.visitor.get(f"/api/courses/{other}")).status_code == 404


async def test_words_find_what_has_them_best_first_and_forgive_a_slip(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR, "Inês Duarte")
    by_title = await edge.course(teacher, title="Swimming with tides", language="en")
    by_text = await edge.course(teacher, title="Knots", summary="For swimmers", description="Tides and ropes")
    german = await edge.course(teacher, title="Häuser am Meer", language="de-AT")
    await teacher.ask("POST", "/instructor/courses", 201, {"title": "Swimming draft"})

    async def found(query: str) -> list[str]:
        response = await edge.visitor.get("/api/courses", params=query)
        assert response.status_code == 200, response.text
        return [course["id"] for course in response.json()["items"]]

    assert await found("q=tides") == [by_title, by_text]
    assert await found("q=tides&sort=newest") == [by_text, by_title]
    assert await found("q=tide") == [by_title, by_text]
    assert await found("q=SWIM tides") == [by_title]
    assert await found("q=tides swim") == [by_title, by_text]
    assert await found("q=swims") == [by_title]
    assert await found("q=hauser") == await found("q=haus meer") == await found("q=häuse") == [german]
    assert set(await found("q=ines")) == {by_title, by_text, german}
    assert await found("q=ines knots") == [by_text]
    for slip in ("tidse", "tids", "tiides", "tixes"):
        assert await found(f"q={slip}") == [by_title, by_text]
    assert await found("q=zebra") == await found("q=!!!") == await found("q=%26 | ! : *") == []
    assert set(await found("q= ")) == {by_title, by_text, german}
    assert await found("language=de") == [german]
    assert await found(f"instructor={teacher.id}&q=knots") == [by_text]
    assert await found("instructor=nobody") == []
    assert await found("minRating=1") == []
    for bad in ("minRating=6", "minRating=nan", "language=german", "sort=relevant", "q=" + "x" * 201):
        assert (await edge.visitor.get(f"/api/courses?{bad}")).status_code == 422

    first = (await edge.visitor.get("/api/courses?q=tidse&limit=1")).json()
    rest = (await edge.visitor.get(f"/api/courses?q=tidse&limit=1&cursor={first['nextCursor']}")).json()
    assert [course["id"] for course in first["items"] + rest["items"]] == [by_title, by_text]
    assert rest["nextCursor"] is None


async def test_the_most_popular_and_the_best_come_first(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    courses = [await edge.course(teacher, title=title) for title in ("A", "B", "C")]
    students = [await edge.person() for _ in range(2)]
    for student in students:
        await student.ask("POST", f"/courses/{courses[1]}/enroll", 201)
    await students[0].ask("POST", f"/courses/{courses[2]}/enroll", 201)
    async with edge.database.writing() as connection:
        for course, ratings in zip(courses, ((9, 2), (0, 0), (5, 1)), strict=True):
            await connection.execute(
                text("UPDATE courses SET rating_sum = :sum, rating_count = :count WHERE id = :id"),
                {"sum": ratings[0], "count": ratings[1], "id": course},
            )

    async def found(query: str) -> list[dict[str, Any]]:
        return list((await edge.visitor.get(f"/api/courses?{query}")).json()["items"])

    assert [(row["id"], row["studentCount"]) for row in await found("sort=popular")] == [
        (courses[1], 2),
        (courses[2], 1),
        (courses[0], 0),
    ]
    assert [(row["id"], row["ratingAverage"], row["ratingCount"]) for row in await found("sort=rating")] == [
        (courses[2], 5.0, 1),
        (courses[0], 4.5, 2),
        (courses[1], None, 0),
    ]
    assert [row["id"] for row in await found("minRating=4.5&sort=title")] == [courses[0], courses[2]]
    assert [row["id"] for row in await found("minRating=4.6")] == [courses[2]]


async def test_pages_stay_where_they_are_while_courses_come_and_change(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR)
    courses = [await edge.course(teacher, title=title) for title in "abcdef"]
    first = (await edge.visitor.get("/api/courses?sort=title&limit=3")).json()
    assert [row["id"] for row in first["items"]] == courses[:3]
    await edge.course(teacher, title="aa")
    await teacher.ask("PATCH", f"/instructor/courses/{courses[2]}", 200, {"title": "z"})
    await teacher.ask("POST", f"/instructor/courses/{courses[1]}/unpublish", 200)
    rest = (await edge.visitor.get(f"/api/courses?sort=title&limit=3&cursor={first['nextCursor']}")).json()
    assert [row["id"] for row in rest["items"]] == courses[3:]


async def test_who_changes_the_name_is_found_by_the_new_one(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR, "Ina")
    course = await edge.course(teacher)
    await teacher.ask("PATCH", "/users/me", 200, {"name": "Wilhelmina"})
    found = (await edge.visitor.get("/api/courses?q=wilhelmin")).json()["items"]
    assert [(row["id"], row["instructor"]["name"]) for row in found] == [(course, "Wilhelmina")]
    assert (await edge.visitor.get("/api/courses?q=ina")).json()["items"] == []


async def test_why_a_course_was_turned_down_is_between_admins_and_its_instructor(edge: Any) -> None:
    teacher, admin, sam = await edge.person(Role.INSTRUCTOR), await edge.person(Role.ADMIN), await edge.person()
    course_id = await edge.course(teacher)
    await sam.ask("POST", f"/courses/{course_id}/enroll", 201)
    await teacher.ask("POST", f"/instructor/courses/{course_id}/unpublish", 200)
    await teacher.ask("POST", f"/instructor/courses/{course_id}/submit", 200)
    await admin.ask("PATCH", f"/admin/courses/{course_id}/reject", 200, {"reason": "Copied."})
    seen = [(await person.ask("GET", f"/courses/{course_id}", 200))["rejectionReason"] for person in (sam, teacher, admin)]
    assert seen == [None, "Copied.", "Copied."]
