import asyncio
from typing import Any

import pytest

from classroom.callers import Caller, Role


async def test_seats_then_places_then_the_same_again(edge: Any) -> None:
    lesson = await edge.live_class(seats=1, students=3)
    first, second, third = lesson.students

    seated = await first.ask("POST", f"{lesson.path}/join", 200)
    assert (seated["outcome"], seated["seat"]["number"]) == ("seated", 1)
    assert (seated["session"]["id"], seated["session"]["currentStudents"]) == (lesson.id, 1)

    assert [(await who.ask("POST", f"{lesson.path}/join", 202))["position"] for who in (second, third)] == [1, 2]
    again = await second.ask("POST", f"{lesson.path}/join", 202)
    assert (again["outcome"], again["position"], again["session"]["waitlisted"]) == ("waitlisted", 1, 2)
    assert (await first.ask("POST", f"{lesson.path}/join", 200, {"waitlist": True}))["seat"]["number"] == 1


async def test_a_join_brings_a_ticket_that_opens_one_socket(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    student = lesson.students[0]
    realtime = (await student.ask("POST", f"{lesson.path}/join", 200))["realtime"]

    assert (realtime["url"], realtime["expiresIn"]) == ("ws://lyceum.test:8001/ws", 60)
    assert await edge.parts.tickets.redeem(realtime["ticket"]) == Caller(student.id, student.name, Role.STUDENT)
    assert await edge.parts.tickets.redeem(realtime["ticket"]) is None


async def test_sockets_are_opened_where_a_gateway_says_it_is(edge: Any) -> None:
    await edge.parts.gateways.register("gateway-1", "ws://elsewhere:9/ws", 60)
    student = await edge.person()
    assert await student.ask("GET", "/realtime", 200) == {"url": "ws://elsewhere:9/ws"}
    issued = await student.ask("POST", "/realtime/ticket", 200)
    assert issued["url"] == "ws://elsewhere:9/ws"
    assert (await edge.parts.tickets.redeem(issued["ticket"])).user_id == student.id


async def test_who_leaves_makes_room_for_the_head_of_the_queue(edge: Any) -> None:
    lesson = await edge.live_class(seats=1, students=2)
    first, second = lesson.students
    await first.ask("POST", f"{lesson.path}/join", 200)
    await second.ask("POST", f"{lesson.path}/join", 202)
    assert await first.ask("POST", f"{lesson.path}/leave", 204) is None
    assert await first.ask("POST", f"{lesson.path}/leave", 204) is None

    status = await second.ask("GET", f"{lesson.path}/status", 200)
    assert (status["you"]["outcome"], status["you"]["seat"]["number"]) == ("seated", 1)
    assert (status["currentStudents"], status["waitlisted"]) == (1, 0)
    assert (await first.ask("GET", f"{lesson.path}/status", 200))["you"] == {"outcome": "none"}


async def test_a_stampede_seats_exactly_as_many_as_there_are_seats(edge: Any) -> None:
    lesson = await edge.live_class(seats=7, students=40)
    answers = await asyncio.gather(*(who.client.post(f"/api{lesson.path}/join") for who in lesson.students))
    outcomes = [answer.status_code for answer in answers]
    assert (outcomes.count(200), outcomes.count(202)) == (7, 33)
    places = sorted(answer.json()["position"] for answer in answers if answer.status_code == 202)
    assert places == list(range(1, 34))


async def test_full_is_full_for_who_does_not_wait(edge: Any) -> None:
    lesson = await edge.live_class(seats=1, students=2)
    await lesson.students[0].ask("POST", f"{lesson.path}/join", 200)
    problem = await lesson.students[1].ask("POST", f"{lesson.path}/join", 409, {"waitlist": False})
    assert problem["errorCode"] == "class_full"
    assert problem["details"]["maxStudents"] == 1

    no_list = await edge.live_class(seats=1, students=2, waitlistEnabled=False)
    await no_list.students[0].ask("POST", f"{no_list.path}/join", 200)
    assert (await no_list.students[1].ask("POST", f"{no_list.path}/join", 409))["errorCode"] == "class_full"


async def test_doors_are_closed_until_they_open(edge: Any) -> None:
    lesson = await edge.live_class(students=1, start=False, startTime=edge.soon(hours=2))
    problem = await lesson.students[0].ask("POST", f"{lesson.path}/join", 409)
    assert problem["errorCode"] == "doors_closed"
    assert problem["details"]["opensAt"].endswith("Z")

    open_doors = await edge.live_class(students=1, start=False, startTime=edge.soon(minutes=5))
    await open_doors.students[0].ask("POST", f"{open_doors.path}/join", 200)


async def test_nobody_comes_in_after_the_end(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    await lesson.teacher.ask("POST", f"{lesson.path}/end", 200)
    assert (await lesson.students[0].ask("POST", f"{lesson.path}/join", 410))["errorCode"] == "class_ended"
    await lesson.students[0].ask("POST", f"{lesson.path}/leave", 204)


async def test_only_enrolled_students_come_in(edge: Any) -> None:
    lesson = await edge.live_class()
    stranger = await edge.person()
    assert (await stranger.ask("POST", f"{lesson.path}/join", 403))["errorCode"] == "not_enrolled"
    assert (await stranger.ask("GET", f"{lesson.path}/status", 403))["errorCode"] == "not_enrolled"
    assert (await lesson.teacher.ask("POST", f"{lesson.path}/join", 403))["errorCode"] == "forbidden"
    assert (await lesson.teacher.ask("GET", f"{lesson.path}/status", 200))["you"] == {"outcome": "none"}
    response = await edge.visitor.post(f"/api{lesson.path}/join")
    assert (response.status_code, response.json()["errorCode"]) == (401, "unauthenticated")


@pytest.mark.parametrize(
    "ident", ["nonsense", "00000000-0000-7000-8000-00000000000g", "01a2029b-cb17-79a9-80b2-2295867b5720"]
)
@pytest.mark.parametrize(("method", "action"), [("POST", "join"), ("POST", "leave"), ("GET", "status")])
async def test_what_does_not_exist_is_not_found(edge: Any, ident: str, method: str, action: str) -> None:
    student = await edge.person()
    problem = await student.ask(method, f"/live-sessions/{ident}/{action}", 404)
    assert problem["errorCode"] == "not_found"


async def test_an_id_in_capitals_is_the_same_id(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    await lesson.students[0].ask("POST", f"/live-sessions/{lesson.id.upper()}/join", 200)


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (b'{"waitlist": "yes"}', 422, "validation_failed", "waitlist"),
        (b"[]", 422, "validation_failed", "body"),
        (b"{", 400, "malformed_json", "body"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused(edge: Any, body: bytes, status: int, code: str, field: str) -> None:
    lesson = await edge.live_class(students=1)
    client = lesson.students[0].client
    response = await client.post(f"/api{lesson.path}/join", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["errorCode"]) == (status, code)
    assert [problem["field"] for problem in response.json()["details"]["fields"]] == [field]


async def test_a_join_under_a_key_is_done_once(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    student = lesson.students[0]
    join = f"{lesson.path}/join"
    seated = await student.ask("POST", join, 200, {}, Idempotency_Key="k-1")
    await student.ask("POST", f"{lesson.path}/leave", 204)
    repeated = await student.ask("POST", join, 200, {}, Idempotency_Key="k-1")

    assert repeated["seat"] == seated["seat"]
    assert (await student.ask("GET", f"{lesson.path}/status", 200))["you"] == {"outcome": "none"}
    problem = await student.ask("POST", join, 409, {"waitlist": False}, Idempotency_Key="k-1")
    assert problem["errorCode"] == "idempotency_key_reused"


async def test_a_refusal_under_a_key_stays_the_answer(edge: Any) -> None:
    lesson = await edge.live_class(seats=1, students=2)
    first, second = lesson.students
    join, body = f"{lesson.path}/join", {"waitlist": False}
    await first.ask("POST", join, 200)
    refused = await second.ask("POST", join, 409, body, Idempotency_Key="k")
    await first.ask("POST", f"{lesson.path}/leave", 204)
    assert await second.ask("POST", join, 409, body, Idempotency_Key="k") == refused
    await second.ask("POST", join, 200, body, Idempotency_Key="k-2")


async def test_leaving_under_a_key_does_not_leave_again(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    student = lesson.students[0]
    await student.ask("POST", f"{lesson.path}/join", 200)
    await student.ask("POST", f"{lesson.path}/leave", 204, Idempotency_Key="l")
    await student.ask("POST", f"{lesson.path}/join", 200)
    await student.ask("POST", f"{lesson.path}/leave", 204, Idempotency_Key="l")
    assert (await student.ask("GET", f"{lesson.path}/status", 200))["you"]["outcome"] == "seated"
    problem = await student.ask("POST", f"{lesson.path}/join", 409, Idempotency_Key="l")
    assert problem["errorCode"] == "idempotency_key_reused"


async def test_keys_that_redis_forgot_are_answered_with_what_is_true_now(edge: Any) -> None:
    lesson = await edge.live_class(students=2)
    gone, late = lesson.students
    for student in (gone, late):
        await student.ask("POST", f"{lesson.path}/join", 200, Idempotency_Key="k")
    edge.parts.command_keys.lose()
    await gone.ask("POST", f"{lesson.path}/leave", 204, Idempotency_Key="k")
    edge.parts.command_keys.lose()
    problem = await gone.ask("POST", f"{lesson.path}/join", 403, Idempotency_Key="k")
    assert problem["errorCode"] == "not_seated"
    await lesson.teacher.ask("POST", f"{lesson.path}/end", 200)
    problem = await late.ask("POST", f"{lesson.path}/join", 410, Idempotency_Key="k")
    assert problem["errorCode"] == "class_ended"


async def test_one_join_sent_many_times_at_once_under_a_key_is_one_join(edge: Any) -> None:
    lesson = await edge.live_class(seats=2, students=1)
    client = lesson.students[0].client
    answers = await asyncio.gather(
        *(client.post(f"/api{lesson.path}/join", json={}, headers={"Idempotency-Key": "k"}) for _ in range(10))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["seat"]["number"] for answer in answers} == {1}
    assert (await lesson.teacher.ask("GET", f"{lesson.path}/status", 200))["currentStudents"] == 1
