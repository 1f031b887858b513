import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from classroom.callers import Role
from persistence.audit import AuditFilter
from persistence.ids import new_id


@dataclass
class Scene:
    """A lesson, who teaches it, and two who learn it."""

    lesson_id: str
    course_id: str
    teacher: Any
    sam: Any
    kim: Any

    @property
    def path(self) -> str:
        return f"/lessons/{self.lesson_id}/questions"


@pytest.fixture
async def scene(edge: Any) -> Scene:
    teacher = await edge.person(Role.INSTRUCTOR, "Ina")
    course_id = await edge.course(teacher)
    section = await teacher.ask("POST", f"/courses/{course_id}/sections", 201, {"title": "One"})
    words = {"type": "article", "title": "Springs", "content": "Text.", "isPreview": True}
    lesson = await teacher.ask("POST", f"/sections/{section['id']}/lessons", 201, words)
    sam, kim = await edge.person(name="Sam"), await edge.person(name="Kim")
    for student in (sam, kim):
        await student.ask("POST", f"/courses/{course_id}/enroll", 201)
    return Scene(lesson["id"], course_id, teacher, sam, kim)


async def told(person: Any) -> list[tuple[str, str]]:
    items = (await person.ask("GET", "/notifications", 200))["items"]
    return [(item["kind"], item["title"]) for item in items]


async def test_a_question_is_asked_answered_and_settled(edge: Any, scene: Scene) -> None:
    question = await scene.sam.ask("POST", scene.path, 201, {"text": "Why?"})
    assert (question["author"]["name"], question["text"], question["answerCount"]) == ("Sam", "Why?", 0)
    assert await told(scene.teacher) == [("question", "Sam asks about Springs")]
    assert await told(scene.sam) == []

    answers = f"/questions/{question['id']}/answers"
    first = await scene.kim.ask("POST", answers, 201, {"text": "The moon."})
    second = await scene.teacher.ask("POST", answers, 201, {"text": "And the sun."})
    own = await scene.sam.ask("POST", answers, 201, {"text": "Ah."})
    assert [each["byInstructor"] for each in (first, second, own)] == [False, True, False]
    assert await told(scene.sam) == [("answer", "Ina answers your question"), ("answer", "Kim answers your question")]
    assert (await scene.kim.ask("GET", answers, 200))["items"] == [first, second, own]

    accepting = f"/questions/{question['id']}/accepted-answer"
    assert (await scene.kim.ask("PUT", accepting, 403, {"answerId": first["id"]}))["errorCode"] == "forbidden"
    for who, answer in ((scene.sam, first), (scene.teacher, second), (scene.teacher, second)):
        settled = await who.ask("PUT", accepting, 200, {"answerId": answer["id"]})
        assert (settled["acceptedAnswerId"], settled["answerCount"]) == (answer["id"], 3)
    listed = (await scene.kim.ask("GET", answers, 200))["items"]
    assert [answer["accepted"] for answer in listed] == [False, True, False]
    assert (await scene.sam.ask("PUT", accepting, 200, {"answerId": None}))["acceptedAnswerId"] is None
    await scene.sam.ask("PUT", accepting, 404, {"answerId": new_id()})
    (listed,) = (await scene.kim.ask("GET", scene.path, 200))["items"]
    assert (listed["id"], listed["answerCount"]) == (question["id"], 3)


async def test_talk_is_for_the_course_also_where_the_lesson_is_a_preview(edge: Any, scene: Scene) -> None:
    stranger, other, admin = await edge.person(), await edge.person(Role.INSTRUCTOR), await edge.person(Role.ADMIN)
    question = await scene.sam.ask("POST", scene.path, 201, {"text": "Why?"})
    answers = f"/questions/{question['id']}/answers"
    for who in (stranger, other):
        for method, path, body in (
            ("GET", scene.path, None), ("POST", scene.path, {"text": "?"}), ("GET", answers, None),
            ("POST", answers, {"text": "!"}), ("DELETE", f"/questions/{question['id']}", None),
            ("PUT", f"/questions/{question['id']}/accepted-answer", {"answerId": None}),
        ):  # fmt: skip
            assert (await who.ask(method, path, 403, body))["errorCode"] == "not_enrolled"
    assert (await edge.visitor.get(f"/api{scene.path}")).status_code == 401
    await admin.ask("POST", answers, 201, {"text": "Hello."})
    for path in (f"/lessons/{new_id()}/questions", f"/questions/{new_id()}/answers", "/questions/x/answers"):
        await scene.sam.ask("POST", path, 404, {"text": "?"})
    for body in ({}, {"text": " "}, {"text": "x" * 5_001}, {"text": "a\x00b"}, {"text": 4}):
        await scene.sam.ask("POST", scene.path, 422, body)


async def test_who_said_it_and_who_runs_the_course_take_it_away(edge: Any, scene: Scene) -> None:
    admin = await edge.person(Role.ADMIN)
    question = await scene.sam.ask("POST", scene.path, 201, {"text": "Why?"})
    answers = f"/questions/{question['id']}/answers"
    made = [await scene.kim.ask("POST", answers, 201, {"text": f"{number}"}) for number in range(4)]
    await scene.sam.ask("PUT", f"/questions/{question['id']}/accepted-answer", 200, {"answerId": made[1]["id"]})
    assert (await scene.sam.ask("DELETE", f"/answers/{made[0]['id']}", 403))["errorCode"] == "forbidden"
    for who, answer in ((scene.kim, made[0]), (scene.teacher, made[1]), (admin, made[2])):
        await who.ask("DELETE", f"/answers/{answer['id']}", 204)
        await who.ask("DELETE", f"/answers/{answer['id']}", 404)
    (left,) = (await scene.sam.ask("GET", scene.path, 200))["items"]
    assert (left["answerCount"], left["acceptedAnswerId"]) == (1, None)
    await scene.kim.ask("DELETE", f"/questions/{question['id']}", 403)
    await scene.sam.ask("DELETE", f"/questions/{question['id']}", 204)
    await scene.sam.ask("DELETE", f"/answers/{made[3]['id']}", 404)
    acts = (await edge.parts.stores.audit.list_(AuditFilter(actor_id=admin.id), 10, None)).items
    assert [(act.name, act.target_id) for act in acts] == [("answer.delete", made[2]["id"])]


async def test_what_is_hidden_is_gone_for_all(edge: Any, scene: Scene) -> None:
    admin = await edge.person(Role.ADMIN)
    question = await scene.sam.ask("POST", scene.path, 201, {"text": "Why?"})
    answer = await scene.kim.ask("POST", f"/questions/{question['id']}/answers", 201, {"text": "Rude."})
    accepting = f"/questions/{question['id']}/accepted-answer"
    await scene.sam.ask("PUT", accepting, 200, {"answerId": answer["id"]})
    for kind, ident in (("answer", answer["id"]), ("question", question["id"])):
        body = {"targetType": kind, "targetId": ident, "reason": "Rude."}
        made = await scene.teacher.ask("POST", "/reports", 201, body)
        await admin.ask("PATCH", f"/admin/reports/{made['id']}/resolve", 200, {"action": "hide"})
        if kind == "answer":
            (left,) = (await scene.sam.ask("GET", scene.path, 200))["items"]
            assert (left["answerCount"], left["acceptedAnswerId"]) == (0, None)
            await scene.sam.ask("PUT", accepting, 404, {"answerId": answer["id"]})
    assert (await scene.sam.ask("GET", scene.path, 200))["items"] == []
    await scene.sam.ask("DELETE", f"/questions/{question['id']}", 404)


async def test_the_same_request_twice_asks_once_and_two_accept_one(edge: Any, scene: Scene) -> None:
    headers = {"Idempotency-Key": "k"}
    path = f"/api{scene.path}"
    asked = await asyncio.gather(*(scene.sam.client.post(path, json={"text": "?"}, headers=headers) for _ in range(3)))
    assert len({answer.json()["id"] for answer in asked}) == 1
    (question,) = (await scene.sam.ask("GET", scene.path, 200))["items"]
    answers = f"/questions/{question['id']}/answers"
    made = [(await scene.kim.ask("POST", answers, 201, {"text": f"{number}"}))["id"] for number in range(4)]
    accepting = f"/api/questions/{question['id']}/accepted-answer"
    replies = await asyncio.gather(*(scene.sam.client.put(accepting, json={"answerId": each}) for each in made * 2))
    assert {reply.status_code for reply in replies} == {200}
    listed = (await scene.kim.ask("GET", answers, 200))["items"]
    assert sum(answer["accepted"] for answer in listed) == 1
    assert len(await told(scene.teacher)) == 1


async def test_pages_of_questions_and_answers_are_whole(edge: Any, scene: Scene) -> None:
    asked = [(await scene.sam.ask("POST", scene.path, 201, {"text": f"{number}"}))["id"] for number in range(3)]
    answers = f"/questions/{asked[0]}/answers"
    made = [(await scene.kim.ask("POST", answers, 201, {"text": f"{number}"}))["id"] for number in range(3)]
    for path, expected in ((scene.path, asked[::-1]), (answers, made)):
        first = await scene.sam.ask("GET", f"{path}?limit=2", 200)
        rest = await scene.sam.ask("GET", f"{path}?limit=2&cursor={first['nextCursor']}", 200)
        assert [item["id"] for item in first["items"] + rest["items"]] == expected
        assert rest["nextCursor"] is None
        await scene.sam.ask("GET", f"{path}?cursor=x", 422)


async def test_a_bookmark_is_set_moved_listed_and_taken_away(edge: Any, scene: Scene) -> None:
    path = f"/lessons/{scene.lesson_id}/bookmark"
    made = await scene.sam.ask("PUT", path, 200, {"positionSeconds": 90, "note": "Here."})
    assert (made["lesson"], made["course"]["id"]) == (
        {"id": scene.lesson_id, "title": "Springs", "type": "article"}, scene.course_id,
    )  # fmt: skip
    moved = await scene.sam.ask("PUT", path, 200, {"positionSeconds": 95})
    assert moved == {**made, "positionSeconds": 95, "note": ""}
    assert (await scene.sam.ask("GET", "/users/me/bookmarks", 200))["items"] == [moved]
    assert (await scene.kim.ask("GET", "/users/me/bookmarks", 200))["items"] == []
    for _ in range(2):
        await scene.sam.ask("DELETE", path, 204)
    assert (await scene.sam.ask("GET", "/users/me/bookmarks", 200))["items"] == []
    await scene.sam.ask("PUT", path, 200, {})
    stranger = await edge.person()
    await stranger.ask("PUT", path, 200, {})  # a preview
    await scene.teacher.ask("PATCH", f"/lessons/{scene.lesson_id}", 200, {"isPreview": False})
    assert (await stranger.ask("PUT", path, 403, {}))["errorCode"] == "not_enrolled"
    for wrong in ({"positionSeconds": -1}, {"positionSeconds": 10**12}, {"positionSeconds": 1.5}, {"note": "x" * 1_001}):
        await scene.sam.ask("PUT", path, 422, wrong)
    await scene.sam.ask("PUT", f"/lessons/{new_id()}/bookmark", 404, {})
    await scene.teacher.ask("DELETE", f"/lessons/{scene.lesson_id}", 204)
    assert (await scene.sam.ask("GET", "/users/me/bookmarks", 200))["items"] == []


async def test_bookmarks_come_in_pages(edge: Any, scene: Scene) -> None:
    section = await scene.teacher.ask("POST", f"/courses/{scene.course_id}/sections", 201, {"title": "Two"})
    for number in range(3):
        body = {"type": "article", "title": f"{number}", "content": "Text."}
        lesson = await scene.teacher.ask("POST", f"/sections/{section['id']}/lessons", 201, body)
        await scene.sam.ask("PUT", f"/lessons/{lesson['id']}/bookmark", 200, {})
    first = await scene.sam.ask("GET", "/users/me/bookmarks?limit=2", 200)
    rest = await scene.sam.ask("GET", f"/users/me/bookmarks?limit=2&cursor={first['nextCursor']}", 200)
    assert [item["lesson"]["title"] for item in first["items"] + rest["items"]] == ["2", "1", "0"]
