import asyncio
import json
from typing import Any

from sqlalchemy import text

from classroom.callers import Role
from classroom.times import SECOND, Moment
from persistence.audit import AuditFilter
from persistence.ids import new_id
from persistence.jobs import enqueue
from persistence.notifications import Notice, notify

NOTICE = Notice("certificate", "Your certificate is ready", "Well done.", {"certificateId": "c"})


async def tell(edge: Any, person: Any, key: str = "key", notice: Notice = NOTICE) -> None:
    async with edge.database.writing() as connection:
        await notify(connection, [person.id], notice, edge.parts.clock(), key)


async def log(edge: Any, suffix: str = "") -> list[tuple[str | None, str, str]]:
    admin = await edge.person(Role.ADMIN)
    lines = (await admin.ask("GET", f"/notifications/log?limit=100{suffix}", 200))["items"]
    return sorted((line["userId"] or "", line["channel"], line["status"]) for line in lines)


def inbox(edge: Any, person: Any) -> list[tuple[str, Any]]:
    return [(entry.type, json.loads(entry.payload)) for entry in edge.tables.inbox_events[person.id]]


async def test_a_notice_is_listed_read_once_and_counted(edge: Any) -> None:
    sam, kim = await edge.person(), await edge.person()
    for number in range(3):
        await tell(edge, sam, f"key {number}")
    listed = await sam.ask("GET", "/notifications", 200)
    assert (len(listed["items"]), listed["unreadCount"], listed["nextCursor"]) == (3, 3, None)
    first = listed["items"][0]
    assert (first["kind"], first["title"], first["body"], first["data"], first["readAt"]) == (
        "certificate", "Your certificate is ready", "Well done.", {"certificateId": "c"}, None,
    )  # fmt: skip

    read = await sam.ask("POST", f"/notifications/read/{first['id']}", 200)
    assert read["readAt"].endswith("Z")
    assert await sam.ask("POST", f"/notifications/read/{first['id']}", 200) == read
    assert (await kim.ask("POST", f"/notifications/read/{first['id']}", 404))["errorCode"] == "not_found"
    await sam.ask("POST", "/notifications/read/nonsense", 404)
    unread = await sam.ask("GET", "/notifications?unread=true&limit=1", 200)
    assert (len(unread["items"]), unread["unreadCount"]) == (1, 2)
    rest = await sam.ask("GET", f"/notifications?unread=true&cursor={unread['nextCursor']}", 200)
    assert {item["id"] for item in unread["items"] + rest["items"]} == {item["id"] for item in listed["items"][1:]}
    assert await sam.ask("POST", "/notifications/read-all", 200) == {"read": 2}
    assert await sam.ask("POST", "/notifications/read-all", 200) == {"read": 0}
    refused = await sam.ask("GET", "/notifications?cursor=x", 422)
    assert [each["field"] for each in refused["details"]["fields"]] == ["cursor"]
    assert (await edge.visitor.get("/api/notifications")).status_code == 401


async def test_a_notice_is_brought_into_the_app_and_by_mail_exactly_once(edge: Any) -> None:
    sam = await edge.person()
    await tell(edge, sam)
    await tell(edge, sam)
    await edge.run_jobs()
    (mail,) = edge.mails
    assert (mail.to, mail.subject) == (sam.email, "Your certificate is ready")
    assert "Dear Sam," in mail.text
    assert "Well done." in mail.text
    assert await log(edge) == [(sam.id, "inApp", "sent"), (sam.id, "mail", "sent")]
    (listed,) = (await sam.ask("GET", "/notifications", 200))["items"]
    assert inbox(edge, sam) == [("notification.created", listed)]

    async with edge.database.writing() as connection:  # the same jobs again
        await enqueue(connection, "notification.deliver", {"noticeId": listed["id"]})
        for channel in ("inApp", "mail"):
            await enqueue(connection, "notification.send", {"noticeId": listed["id"], "userId": sam.id, "channel": channel})
        await enqueue(connection, "notification.deliver", {"noticeId": new_id()})
    assert await edge.run_jobs() == 4
    assert len(edge.mails) == 1
    assert len(inbox(edge, sam)) == 1
    assert await edge.dead_jobs() == []


async def test_people_are_told_where_they_want_to_be(edge: Any) -> None:
    quiet, half, banned = [await edge.person(name=name) for name in ("Quinn", "Hal", "Bo")]
    wishes = {"inApp": False, "mail": False}
    for person, preferences in ((quiet, {"certificate": wishes}), (half, {"certificate": {"mail": False}})):
        async with edge.database.writing() as connection:
            await connection.execute(
                text("UPDATE users SET preferences = CAST(:said AS jsonb) WHERE id = CAST(:id AS uuid)"),
                {"said": json.dumps({"notifications": preferences}), "id": person.id},
            )
    async with edge.database.writing() as connection:
        change = text("UPDATE users SET status = 'banned' WHERE id = CAST(:id AS uuid)")
        await connection.execute(change, {"id": banned.id})
    for person in (quiet, half, banned):
        await tell(edge, person)
    await edge.run_jobs()
    assert edge.mails == []
    assert [len(inbox(edge, person)) for person in (quiet, half, banned)] == [0, 1, 0]
    assert await log(edge, "&status=sent") == [(half.id, "inApp", "sent")]
    assert len(await log(edge, "&status=skipped")) == 5
    assert len((await quiet.ask("GET", "/notifications", 200))["items"]) == 1  # the record is there all the same


async def test_a_mail_that_fails_is_tried_again_and_the_log_says_why(edge: Any) -> None:
    sam = await edge.person()
    await tell(edge, sam)
    edge.mail_refusals = 1
    await edge.run_jobs()
    admin = await edge.person(Role.ADMIN)
    (failed,) = (await admin.ask("GET", "/notifications/log?status=failed", 200))["items"]
    assert (failed["channel"], failed["reason"]) == ("mail", "ConnectionError: the test says that the mail server is away")
    assert await edge.run_jobs(Moment(edge.parts.clock() + 60 * SECOND)) == 1
    assert len(edge.mails) == 1
    assert await log(edge) == [(sam.id, "inApp", "sent"), (sam.id, "mail", "sent")]


async def test_an_instructor_announces_to_an_own_course_once_under_a_key(edge: Any) -> None:
    teacher, other = await edge.person(Role.INSTRUCTOR, "Ina"), await edge.person(Role.INSTRUCTOR)
    course_id = await edge.course(teacher)
    students = [await edge.person(name=f"Student {number}") for number in range(3)]
    for student in students:
        await student.ask("POST", f"/courses/{course_id}/enroll", 201)
    await students[2].ask("DELETE", f"/courses/{course_id}/enroll", 204)
    body = {"title": "No class", "body": "On Monday.", "courseId": course_id}

    said = await teacher.ask("POST", "/notifications", 201, body, Idempotency_Key="one")
    assert (said["recipients"], said["courseId"], said["kind"]) == (2, course_id, "announcement")
    assert await teacher.ask("POST", "/notifications", 201, body, Idempotency_Key="one") == said
    for student, expected in zip(students, ([said["id"]], [said["id"]], []), strict=True):
        items = (await student.ask("GET", "/notifications", 200))["items"]
        assert [item["id"] for item in items] == expected
    await edge.run_jobs()
    assert sorted(mail.to for mail in edge.mails) == sorted(student.email for student in students[:2])
    assert ("", "inApp", "sent") in await log(edge)
    async with edge.database.reading() as connection:
        query = text("SELECT payload FROM course_events WHERE type = 'announcement' AND course_id = CAST(:id AS uuid)")
        (event,) = (await connection.execute(query, {"id": course_id})).scalars()
    assert (event["id"], event["title"], event["from"]) == (said["id"], "No class", {"id": teacher.id, "name": "Ina"})

    assert (await other.ask("POST", "/notifications", 403, body))["errorCode"] == "forbidden"
    assert (await students[0].ask("POST", "/notifications", 403, body))["errorCode"] == "forbidden"
    await teacher.ask("POST", "/notifications", 404, {**body, "courseId": new_id()})
    for wider in ({}, {"role": "student"}, {"userIds": [students[0].id]}):
        refused = await teacher.ask("POST", "/notifications", 403, {"title": "Hi", "body": "You.", **wider})
        assert refused["errorCode"] == "forbidden"
    for wrong in ({"title": ""}, {"body": ""}, {"body": "x" * 10_001}, {"courseId": "c"}, {"title": "a\x00b"}):
        await teacher.ask("POST", "/notifications", 422, {**body, **wrong})
    (some,) = [await teacher.ask("POST", "/notifications", 201, {**body, "userIds": [students[0].id, students[2].id]})]
    assert some["recipients"] == 1


async def test_an_admin_announces_to_a_role_to_people_and_to_all_and_it_is_on_record(edge: Any) -> None:
    admin, teacher, student = await edge.person(Role.ADMIN), await edge.person(Role.INSTRUCTOR), await edge.person()
    audiences: list[Any] = [{"role": "instructor"}, {"userIds": [student.id]}, {}]
    hello = {"title": "Hello", "body": "You."}
    said = [await admin.ask("POST", "/notifications", 201, {**hello, **audience}) for audience in audiences]
    assert [each["recipients"] for each in said] == [None, 1, None]
    await edge.run_jobs()
    assert [len(inbox(edge, person)) for person in (admin, teacher, student)] == [1, 2, 2]
    assert len(edge.mails) == 5
    rows = (await edge.parts.stores.audit.list_(AuditFilter(actor_id=admin.id), 10, None)).items
    assert [(row.name, row.target_id) for row in rows] == [("announcement.send", each["id"]) for each in reversed(said)]


async def test_the_delivery_log_is_for_admins_in_pages(edge: Any) -> None:
    sam, admin = await edge.person(), await edge.person(Role.ADMIN)
    await asyncio.gather(*(tell(edge, sam, f"key {number}") for number in range(3)))
    await edge.run_jobs()
    await sam.ask("GET", "/notifications/log", 403)
    whole = (await admin.ask("GET", "/notifications/log", 200))["items"]
    seen, cursor = [], ""
    for _ in range(3):
        page = await admin.ask("GET", f"/notifications/log?limit=2{cursor}", 200)
        seen += page["items"]
        cursor = f"&cursor={page['nextCursor']}"
    assert seen == whole
    assert len(whole) == 6
    assert page["nextCursor"] is None
    await admin.ask("GET", "/notifications/log?status=lost", 422)


async def test_what_is_old_goes_in_steps_and_the_delivery_log_before_it(edge: Any) -> None:
    sam, kim = await edge.person(), await edge.person()
    day = 86_400 * SECOND
    for number in range(3):
        await tell(edge, sam, f"key {number}")
    async with edge.database.writing() as connection:
        await notify(connection, [sam.id, kim.id], NOTICE, edge.parts.clock(), "both")
    await edge.run_jobs()
    tables = ("notifications", "deliveries", "notices")

    async def left(after_days: int) -> list[int]:
        async with edge.database.writing() as connection:
            await enqueue(connection, "notification.tidy", {})
        await edge.run_jobs(Moment(edge.parts.clock() + after_days * day))
        return await count()

    async def count() -> list[int]:
        async with edge.database.reading() as connection:
            counts = [text(f"SELECT count(*) FROM {table}") for table in tables]  # noqa: S608 - names of tables above
            return [(await connection.execute(each)).scalar_one() for each in counts]

    logged = (await count())[1]
    assert logged >= 5
    assert await left(89) == [5, logged, 4]
    assert await left(91) == [5, 0, 4]
    assert await left(364) == [5, 0, 4]
    store, later = edge.parts.stores.notifications, Moment(edge.parts.clock() + 1)
    assert 1 <= await store.forget_old(later, 1) <= 2  # a notification, and its notice when nobody else has it
    assert (await count())[0] == 4
    assert await left(366) == [0, 0, 0]
    assert (await sam.ask("GET", "/notifications", 200))["items"] == []


async def test_a_line_of_the_log_goes_with_its_notice_at_the_latest(edge: Any) -> None:
    sam = await edge.person()
    await tell(edge, sam)
    await edge.run_jobs()
    store, later = edge.parts.stores.notifications, Moment(edge.parts.clock() + 1)
    while await store.forget_old(later, 2):
        pass
    assert await log(edge) == []
