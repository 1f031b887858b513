import asyncio
from typing import Any

import pytest

from classroom.callers import Role
from persistence.audit import AuditFilter
from persistence.ids import new_id


async def enrolled(edge: Any, course_id: str, name: str = "Sam") -> Any:
    student = await edge.person(name=name)
    await student.ask("POST", f"/courses/{course_id}/enroll", 201)
    return student


async def stars(edge: Any, course_id: str) -> tuple[int, int]:
    row = await edge.parts.courses.find(course_id)
    return row.rating_sum, row.rating_count


async def test_a_student_reviews_a_course_changes_it_and_takes_it_away(edge: Any) -> None:
    teacher = await edge.person(Role.INSTRUCTOR, "Ina")
    course_id = await edge.course(teacher)
    sam, path = await enrolled(edge, course_id), f"/courses/{course_id}/reviews"
    review = await sam.ask("POST", path, 201, {"rating": 4, "text": " Good. "})
    assert (review["rating"], review["text"], review["author"]) == (4, "Good.", {"id": sam.id, "name": "Sam"})
    assert (await edge.visitor.get(f"/api{path}")).json() == {"items": [review], "nextCursor": None}
    assert await stars(edge, course_id) == (4, 1)
    (told,) = (await teacher.ask("GET", "/notifications", 200))["items"]
    assert (told["kind"], told["data"]["reviewId"]) == ("review", review["id"])

    again = await sam.ask("POST", path, 409, {"rating": 1})
    assert (again["errorCode"], again["details"]) == (
        "already_reviewed", {"courseId": course_id, "reviewId": review["id"]},
    )  # fmt: skip
    changed = await sam.ask("PATCH", f"/reviews/{review['id']}", 200, {"rating": 5})
    assert (changed["rating"], changed["text"]) == (5, "Good.")
    assert await stars(edge, course_id) == (5, 1)
    await sam.ask("DELETE", f"/reviews/{review['id']}", 204)
    await sam.ask("DELETE", f"/reviews/{review['id']}", 404)
    assert await stars(edge, course_id) == (0, 0)
    await sam.ask("POST", path, 201, {"rating": 2})
    assert await stars(edge, course_id) == (2, 1)


async def test_only_who_is_in_the_course_reviews_it_and_never_its_owner(edge: Any) -> None:
    teacher, stranger = await edge.person(Role.INSTRUCTOR), await edge.person()
    course_id = await edge.course(teacher)
    path = f"/courses/{course_id}/reviews"
    assert (await stranger.ask("POST", path, 403, {"rating": 1}))["errorCode"] == "not_enrolled"
    assert (await teacher.ask("POST", path, 403, {"rating": 5}))["errorCode"] == "forbidden"
    assert (await edge.visitor.post(f"/api{path}", json={"rating": 1})).status_code == 401
    await stranger.ask("POST", f"/courses/{new_id()}/reviews", 404, {"rating": 1})
    await stranger.ask("GET", "/courses/nonsense/reviews", 404)
    sam = await enrolled(edge, course_id)
    review = await sam.ask("POST", path, 201, {"rating": 3})
    for method, body in (("PATCH", {"rating": 1}), ("DELETE", None)):
        for who in (stranger, teacher):
            assert (await who.ask(method, f"/reviews/{review['id']}", 403, body))["errorCode"] == "forbidden"
    await sam.ask("DELETE", f"/courses/{course_id}/enroll", 204)
    await sam.ask("PATCH", f"/reviews/{review['id']}", 200, {"text": "It was fine."})


@pytest.mark.parametrize(
    "body", [{}, {"rating": 0}, {"rating": 6}, {"rating": "5"}, {"rating": 4.0}, {"rating": True}, {"rating": 3, "text": 7},
             {"rating": 3, "text": "a\x00"}, {"rating": 3, "text": "x" * 5_001}, {"rating": 10**30}]
)  # fmt: skip
async def test_a_review_that_is_none_is_refused(edge: Any, body: Any) -> None:
    course_id = await edge.course(await edge.person(Role.INSTRUCTOR))
    sam = await enrolled(edge, course_id)
    assert (await sam.ask("POST", f"/courses/{course_id}/reviews", 422, body))["errorCode"] == "validation_failed"
    assert await stars(edge, course_id) == (0, 0)


async def test_a_review_asked_for_many_times_at_once_is_one(edge: Any) -> None:
    course_id = await edge.course(await edge.person(Role.INSTRUCTOR))
    sam, path = await enrolled(edge, course_id), f"/api/courses/{course_id}/reviews"
    answers = await asyncio.gather(*(sam.client.post(path, json={"rating": 1 + n % 5}) for n in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    (made,) = [answer.json() for answer in answers if answer.status_code == 201]
    assert await stars(edge, course_id) == (made["rating"], 1)
    body, key = {"rating": 2}, {"Idempotency-Key": "k"}
    kim = await enrolled(edge, course_id, "Kim")
    repeated = await asyncio.gather(*(kim.client.post(path, json=body, headers=key) for _ in range(3)))
    assert {answer.status_code for answer in repeated} == {201}
    assert len({answer.json()["id"] for answer in repeated}) == 1


async def test_an_admin_takes_a_review_away_and_it_is_on_record(edge: Any) -> None:
    course_id = await edge.course(await edge.person(Role.INSTRUCTOR))
    sam, admin = await enrolled(edge, course_id), await edge.person(Role.ADMIN)
    review = await sam.ask("POST", f"/courses/{course_id}/reviews", 201, {"rating": 1, "text": "Rude."})
    await admin.ask("PATCH", f"/reviews/{review['id']}", 403, {"rating": 5})
    await admin.ask("DELETE", f"/reviews/{review['id']}", 204)
    (row,) = (await edge.parts.stores.audit.list_(AuditFilter(actor_id=admin.id), 10, None)).items
    assert (row.name, row.target_id, row.details["text"]) == ("review.delete", review["id"], "Rude.")
