import asyncio
from contextlib import suppress
from typing import Any

from classroom.callers import Role
from persistence.audit import AuditFilter
from persistence.ids import new_id
from persistence.reports import Decision


async def reviewed(edge: Any) -> tuple[str, Any, Any]:
    course_id = await edge.course(await edge.person(Role.INSTRUCTOR))
    sam = await edge.person()
    await sam.ask("POST", f"/courses/{course_id}/enroll", 201)
    return course_id, sam, await sam.ask("POST", f"/courses/{course_id}/reviews", 201, {"rating": 1, "text": "Rude."})


async def report(person: Any, kind: str, ident: str, expect: int = 201) -> Any:
    return await person.ask("POST", "/reports", expect, {"targetType": kind, "targetId": ident, "reason": "Rude."})


async def test_a_report_is_open_once_a_person_until_it_is_dismissed(edge: Any) -> None:
    _, _, review = await reviewed(edge)
    kim, admin = await edge.person(name="Kim"), await edge.person(Role.ADMIN)
    made = await report(kim, "review", review["id"])
    again = await report(kim, "review", review["id"], 409)
    assert (again["errorCode"], again["details"]) == ("already_reported", {"reportId": made["id"]})
    assert (await report(kim, "review", new_id(), 404))["errorCode"] == "not_found"
    (listed,) = (await admin.ask("GET", "/admin/reports?status=open", 200))["items"]
    assert (listed["id"], listed["excerpt"], listed["status"], listed["reporter"]["name"]) == (
        made["id"], "Rude.", "open", "Kim",
    )  # fmt: skip
    path = f"/admin/reports/{made['id']}/resolve"
    await kim.ask("PATCH", path, 403, {"action": "dismiss"})
    await kim.ask("GET", "/admin/reports", 403)
    resolved = await admin.ask("PATCH", path, 200, {"action": "dismiss", "note": "An opinion."})
    assert (resolved["status"], resolved["action"], resolved["note"], resolved["resolvedBy"]) == (
        "resolved", "dismiss", "An opinion.", admin.id,
    )  # fmt: skip
    assert (await admin.ask("PATCH", path, 409, {"action": "hide"}))["errorCode"] == "already_resolved"
    await report(kim, "review", review["id"])
    assert len((await admin.ask("GET", "/admin/reports?status=resolved", 200))["items"]) == 1


async def test_hiding_a_review_closes_every_report_about_it_and_is_on_record(edge: Any) -> None:
    course_id, sam, review = await reviewed(edge)
    admin, reporters = await edge.person(Role.ADMIN), [await edge.person() for _ in range(3)]
    reports = [await report(each, "review", review["id"]) for each in reporters]
    await admin.ask("PATCH", f"/admin/reports/{reports[1]['id']}/resolve", 200, {"action": "hide"})
    assert (await admin.ask("GET", "/admin/reports?status=open", 200))["items"] == []
    assert (await sam.ask("GET", f"/courses/{course_id}/reviews", 200))["items"] == []
    row = await edge.parts.courses.find(course_id)
    assert (row.rating_sum, row.rating_count) == (0, 0)
    assert (await sam.ask("POST", f"/courses/{course_id}/reviews", 409, {"rating": 1}))["errorCode"] == "already_reviewed"
    (act,) = (await edge.parts.stores.audit.list_(AuditFilter(actor_id=admin.id), 10, None)).items
    assert (act.name, act.target_id, act.details["reports"]) == ("report.resolve", review["id"], 3)


async def test_two_admins_decide_once(edge: Any) -> None:
    course_id, _, review = await reviewed(edge)
    made = await report(await edge.person(), "review", review["id"])
    admins = [await edge.person(Role.ADMIN) for _ in range(4)]
    path = f"/api/admin/reports/{made['id']}/resolve"
    actions = ("hide", "delete", "dismiss", "hide")
    answers = await asyncio.gather(
        *(admin.client.patch(path, json={"action": action}) for admin, action in zip(admins, actions, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    (decided,) = [answer.json()["action"] for answer in answers if answer.status_code == 200]
    row = await edge.parts.courses.find(course_id)
    assert row.rating_count == (1 if decided == "dismiss" else 0)


async def test_two_reports_about_one_thing_are_decided_at_once_without_a_fault(edge: Any) -> None:
    course_id, *_ = await reviewed(edge)
    admin, store = await edge.person(Role.ADMIN), edge.parts.stores.reports
    made = [await report(await edge.person(), "course", course_id) for _ in range(2)]
    both = asyncio.Barrier(2)

    async def outside() -> None:
        with suppress(TimeoutError, asyncio.BrokenBarrierError):  # it is as good if the other waits before
            async with asyncio.timeout(0.5):
                await both.wait()

    async def decide(report_id: str) -> bool:
        return bool(await store.resolve(
            await store.find(report_id), Decision(admin.id, "delete", ""), edge.parts.clock(), outside
        ))  # fmt: skip

    assert sorted(await asyncio.gather(*(decide(each["id"]) for each in made))) == [False, True]


async def test_courses_lessons_and_people_are_dealt_with_by_their_own_rules(edge: Any) -> None:
    course_id, sam, _ = await reviewed(edge)
    admin = await edge.person(Role.ADMIN)
    section = await admin.ask("POST", f"/courses/{course_id}/sections", 201, {"title": "One"})
    lesson = await admin.ask(
        "POST", f"/sections/{section['id']}/lessons", 201, {"type": "article", "title": "L", "content": "Text."}
    )
    about_lesson = await report(sam, "lesson", lesson["id"])
    refused = await admin.ask("PATCH", f"/admin/reports/{about_lesson['id']}/resolve", 409, {"action": "hide"})
    assert (refused["errorCode"], refused["details"]["possible"]) == ("action_impossible", ["dismiss", "delete"])
    gone = await admin.ask("PATCH", f"/admin/reports/{about_lesson['id']}/resolve", 200, {"action": "delete"})
    assert gone["status"] == "resolved"
    await sam.ask("GET", f"/lessons/{lesson['id']}", 404)

    about_user = await report(sam, "user", admin.id)
    await admin.ask("PATCH", f"/admin/reports/{about_user['id']}/resolve", 409, {"action": "delete"})
    hidden = await report(sam, "course", course_id)
    await admin.ask("PATCH", f"/admin/reports/{hidden['id']}/resolve", 200, {"action": "hide"})
    assert (await edge.visitor.get(f"/api/courses/{course_id}")).status_code == 404
    deleted = await report(sam, "course", course_id)
    await admin.ask("PATCH", f"/admin/reports/{deleted['id']}/resolve", 200, {"action": "delete"})
    assert await edge.parts.courses.find(course_id) is None
    assert (await admin.ask("GET", "/admin/reports?limit=1", 200))["items"][0]["id"] == deleted["id"]


async def test_what_is_no_report_is_refused(edge: Any) -> None:
    sam = await edge.person()
    body = {"targetType": "user", "targetId": sam.id, "reason": "Why not."}
    for wrong in ({"targetType": "planet"}, {"targetId": "x"}, {"reason": " "}, {"reason": "x" * 2_001}):
        await sam.ask("POST", "/reports", 422, {**body, **wrong})
    assert (await edge.visitor.post("/api/reports", json=body)).status_code == 401
    admin = await edge.person(Role.ADMIN)
    await admin.ask("PATCH", "/admin/reports/x/resolve", 404, {"action": "hide"})
    made = await report(sam, "user", sam.id)
    await admin.ask("PATCH", f"/admin/reports/{made['id']}/resolve", 422, {"action": "explode"})
