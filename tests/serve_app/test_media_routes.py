"""The routes of live video: who is refused, why, and how."""

import asyncio
from dataclasses import replace
from typing import Any

import jwt
import pytest

from classroom.callers import Role
from classroom.live.commands import AcceptStage, InviteToStage
from serve_app.ice_servers import IceServer
from serve_app.livekit import Livekit
from tests.end_to_end.media_people import MediaPerson
from tests.serve_app.local_media import NAME

SDP = {"Content-Type": "application/sdp"}
OFFER = "v=0\r\n"
STUN = IceServer(("stun:stun.example.org:3478",))
TURN = IceServer(("turn:turn.example.org?transport=tcp",), "lyceum", 'se"cret')


async def post(who: Any, lesson: Any, what: str, body: str | bytes = OFFER, **headers: str) -> Any:
    return await who.client.post(f"/api{lesson.path}/media/{what}", content=body, headers={**SDP, **headers})


def refused(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["errorCode"]


async def seat(student: Any, lesson: Any) -> None:
    await student.ask("POST", f"{lesson.path}/join", 200)


async def test_a_student_without_a_seat_may_not_watch_and_one_off_the_stage_may_not_publish(edge: Any) -> None:
    lesson = await edge.live_class(students=2)
    seated, outside = lesson.students
    await seat(seated, lesson)
    assert refused(await post(outside, lesson, "watch")) == (403, "not_seated")
    assert refused(await post(outside, lesson, "publish")) == (403, "not_on_stage")
    assert refused(await post(seated, lesson, "publish")) == (403, "not_on_stage")
    other = await edge.person(Role.INSTRUCTOR, "Ida")
    assert refused(await post(other, lesson, "publish")) == (403, "forbidden")
    assert refused(await post(other, lesson, "watch"))[0] == 403


async def test_who_may_is_told_that_video_is_away_and_to_come_again(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    await seat(lesson.students[0], lesson)
    for who, what in ((lesson.teacher, "publish"), (lesson.teacher, "watch"), (lesson.students[0], "watch")):
        answer = await post(who, lesson, what)
        assert refused(answer) == (503, "media_away")
        assert answer.headers["retry-after"] == "1"
    assert (await lesson.teacher.ask("GET", lesson.path, 200))["status"] == "live"


async def test_video_of_a_class_that_is_over_is_gone(edge: Any) -> None:
    lesson = await edge.live_class(students=1)
    await seat(lesson.students[0], lesson)
    await lesson.teacher.ask("POST", f"{lesson.path}/end", 200)
    for who, what in ((lesson.teacher, "publish"), (lesson.students[0], "watch")):
        assert refused(await post(who, lesson, what)) == (410, "class_ended")


async def until_carried(edge: Any, publishers: int, viewers: int) -> None:
    """Wait until so many are on the media node."""
    async with asyncio.timeout(10):
        while True:
            now = await edge.media.look(NAME)
            if (now.publishers, now.viewers) == (publishers, viewers):
                return
            await asyncio.sleep(0.05)


async def test_nobody_and_nothing(edge: Any) -> None:
    lesson = await edge.live_class()
    path = f"/api{lesson.path}/media"
    for method, where in (("POST", "/publish"), ("POST", "/watch"), ("GET", ""), ("DELETE", "/x")):
        assert refused(await edge.visitor.request(method, path + where, headers=SDP)) == (401, "unauthenticated")
    client = lesson.teacher.client
    assert refused(await client.post("/api/live-sessions/none/media/watch", content=OFFER, headers=SDP))[0] == 404
    unknown = lesson.path.replace(lesson.id[-4:], "0000")
    assert refused(await client.post(f"/api{unknown}/media/watch", content=OFFER, headers=SDP)) == (404, "not_found")
    assert refused(await client.delete(f"{path}/media-node~x")) == (404, "not_found")
    assert refused(await client.delete(f"{path}/0123456789ab-7~{'a' * 22}")) == (404, "not_found")


async def test_only_offers_come_in_and_only_small_ones(edge: Any) -> None:
    lesson = await edge.live_class()
    for kind in ("application/json", "text/plain", "application/trickle-ice-sdpfrag"):
        assert refused(await post(lesson.teacher, lesson, "publish", **{"Content-Type": kind})) == (
            415,
            "unsupported_media_type",
        )
    assert refused(await post(lesson.teacher, lesson, "publish", "v" * (64 << 10))) != (413, "body_too_large")
    large = await post(lesson.teacher, lesson, "publish", "v" * ((64 << 10) + 1))
    assert refused(large) == (413, "body_too_large")
    assert large.json()["details"] == {"limitBytes": 64 << 10}

    async def trickle() -> Any:
        for _ in range(66):
            yield b"v" * 1024

    unknown_length = await lesson.teacher.client.post(
        f"/api{lesson.path}/media/watch", content=trickle(), headers={**SDP, "Transfer-Encoding": "chunked"}
    )
    assert refused(unknown_length) == (413, "body_too_large")
    assert refused(await post(lesson.teacher, lesson, "publish", b"\xff\xfe")) == (400, "bad_offer")


async def test_a_media_session_takes_no_candidates_and_an_endpoint_says_what_it_takes(edge: Any) -> None:
    lesson = await edge.live_class()
    kind = {"Content-Type": "application/trickle-ice-sdpfrag"}
    path = f"/api{lesson.path}/media"
    patched = await lesson.teacher.client.patch(f"{path}/0123456789ab-0~abc", content="a=x\r\n", headers=kind)
    assert refused(patched) == (405, "method_not_allowed")
    assert patched.headers["allow"] == "DELETE"
    for what in ("publish", "watch"):
        options = await edge.visitor.options(f"{path}/{what}")
        assert (options.status_code, options.headers["accept-post"]) == (200, "application/sdp")
        assert refused(await lesson.teacher.client.get(f"{path}/{what}"))[0] == 405


async def test_pages_of_other_sites_may_read_where_the_session_is(make_edge: Any) -> None:
    async with make_edge(allowed_origins=("https://school.example",)) as edge:
        lesson = await edge.live_class()
        answer = await post(lesson.teacher, lesson, "publish", Origin="https://school.example")
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert {"Location", "Link"} <= set(exposed)


async def test_the_plan_is_for_who_may_watch(edge: Any) -> None:
    lesson = await edge.live_class(students=2)
    seated, outside = lesson.students
    await seat(seated, lesson)
    edge.app.state.config = replace(edge.config, ice_servers=(STUN, TURN))
    plan = {
        "mode": "embedded",
        "iceServers": [
            {"urls": ["stun:stun.example.org:3478"]},
            {"urls": ["turn:turn.example.org?transport=tcp"], "username": "lyceum", "credential": 'se"cret'},
        ],
        "livekit": None,
    }
    for who in (seated, lesson.teacher):
        assert await who.ask("GET", f"{lesson.path}/media", 200) == plan
    refusal = await outside.ask("GET", f"{lesson.path}/media", 403)
    assert refusal["errorCode"] == "not_seated"
    await lesson.teacher.ask("POST", f"{lesson.path}/end", 200)
    assert (await seated.ask("GET", f"{lesson.path}/media", 410))["errorCode"] == "class_ended"


async def test_video_that_is_off_is_off_and_the_class_goes_on(make_edge: Any) -> None:
    async with make_edge(media_mode="off") as edge:
        lesson = await edge.live_class(students=1)
        await seat(lesson.students[0], lesson)
        assert (await lesson.teacher.ask("GET", f"{lesson.path}/media", 200))["mode"] == "off"
        for what in ("publish", "watch"):
            assert refused(await post(lesson.teacher, lesson, what)) == (404, "media_off")


async def test_livekit_tokens_say_who_may_publish(make_edge: Any) -> None:
    secret = "a secret that the server knows, too"
    livekit = Livekit("wss://livekit.example.org", "key", secret)
    async with make_edge(media_mode="livekit", livekit=livekit) as edge:
        lesson = await edge.live_class(students=1)
        student = lesson.students[0]
        await seat(student, lesson)

        async def claims(who: Any) -> Any:
            plan = await who.ask("GET", f"{lesson.path}/media", 200)
            assert (plan["mode"], plan["livekit"]["url"]) == ("livekit", "wss://livekit.example.org")
            return jwt.decode(plan["livekit"]["token"], secret, algorithms=["HS256"])

        said = await claims(lesson.teacher)
        assert (said["iss"], said["sub"], said["name"]) == ("key", lesson.teacher.id, "Ina")
        assert said["video"]["room"] == lesson.id
        grant = said["video"]
        assert (grant["roomJoin"], grant["canPublish"], grant["canSubscribe"]) == (True, True, True)
        said = await claims(student)
        assert (said["sub"], said["video"]["canPublish"], said["video"]["canSubscribe"]) == (student.id, False, True)
        await edge.do(lesson, lesson.teacher, InviteToStage(student.id))
        await edge.do(lesson, student, AcceptStage())
        assert (await claims(student))["video"]["canPublish"] is True
        assert refused(await post(lesson.teacher, lesson, "publish")) == (404, "media_off")


@pytest.mark.parametrize("mode", ["livekit", "embedded"])
async def test_pages_may_speak_with_the_livekit_server_and_no_other(make_edge: Any, mode: str) -> None:
    livekit = Livekit("wss://livekit.example.org", "key", "secret") if mode == "livekit" else None
    async with make_edge(media_mode=mode, livekit=livekit) as edge:
        edge.config.web_dist.mkdir(parents=True)
        (edge.config.web_dist / "index.html").write_text("<html></html>")
        policy = (await edge.visitor.get("/")).headers["content-security-policy"]
        assert ("wss://livekit.example.org https://livekit.example.org" in policy) is (mode == "livekit")


async def test_pictures_published_by_whip_are_decoded_by_whep_and_both_can_be_ended(edge: Any) -> None:
    edge.media.revive()
    edge.app.state.config = replace(edge.config, ice_servers=(STUN, TURN))
    lesson = await edge.live_class(students=2)
    student, other = lesson.students
    await seat(student, lesson)
    async with MediaPerson(lesson.teacher.client, lesson.path, sends=True) as sender:
        async with MediaPerson(student.client, lesson.path, sends=False) as viewer:
            published, watched = await sender.ask(), await viewer.ask()
            for answer in (published, watched):
                assert answer.status_code == 201
                assert answer.headers["content-type"].startswith("application/sdp")
                assert answer.headers.get_list("link") == [*STUN.links(), *TURN.links()]
                assert answer.headers["location"].startswith(f"/api{lesson.path}/media/")
            await viewer.until_decoded(3, 30)
            assert (await other.client.delete(viewer.location)).status_code == 404
            elsewhere = viewer.location.replace(lesson.id, lesson.course_id)
            assert (await student.client.delete(elsewhere)).status_code == 404
            assert [(await student.client.delete(viewer.location)).status_code for _ in range(2)] == [204, 404]
        assert (await lesson.teacher.client.delete(sender.location)).status_code == 204


async def test_a_repetition_is_a_new_session(edge: Any) -> None:
    edge.media.revive()
    lesson = await edge.live_class()
    async with MediaPerson(lesson.teacher.client, lesson.path, sends=True, key="one") as sender:
        first, second = [(await sender.ask()).headers["location"] for _ in range(2)]
    assert first != second


@pytest.mark.parametrize("offer", ["", "v=0\r\n", "m=" * 1_000, "v=0\r\n" + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * 1_000])
async def test_an_offer_that_cannot_be_answered_is_told_in_a_sentence(edge: Any, offer: str) -> None:
    edge.media.revive()
    lesson = await edge.live_class()
    for what in ("publish", "watch"):
        answer = await post(lesson.teacher, lesson, what, offer)
        assert refused(answer) == (400, "bad_offer")
        assert answer.json()["message"].endswith(".")


async def test_a_killed_node_is_away_for_a_moment_and_the_class_goes_on_at_its_next_run(edge: Any) -> None:
    edge.media.revive()
    lesson = await edge.live_class(students=1)
    await seat(lesson.students[0], lesson)
    async with MediaPerson(lesson.students[0].client, lesson.path, sends=False) as viewer:
        assert (await viewer.ask()).status_code == 201
        await edge.media.kill()
        assert refused(await viewer.ask()) == (503, "media_away")
        assert (await lesson.teacher.ask("GET", lesson.path, 200))["currentStudents"] == 1
        edge.media.revive()
        async with asyncio.timeout(10):
            while (answer := await viewer.ask()).status_code != 201:
                assert refused(answer) == (503, "media_away")
        assert (await lesson.students[0].client.delete(viewer.location)).status_code == 204
    placed = [each for each in edge.tables.live_events[lesson.id] if each.type == "media.placed"]
    assert len(placed) == 2


async def test_an_admin_may_watch_for_as_long_as_wished_and_who_loses_the_seat_may_not(edge: Any) -> None:
    edge.media.revive()
    lesson = await edge.live_class(students=1)
    student, admin = lesson.students[0], await edge.person(Role.ADMIN, "Ada")
    await seat(student, lesson)
    async with (
        MediaPerson(lesson.teacher.client, lesson.path, sends=True) as sender,
        MediaPerson(admin.client, lesson.path, sends=False) as guest,
        MediaPerson(student.client, lesson.path, sends=False) as viewer,
    ):
        for person in (sender, guest, viewer):
            assert (await person.ask()).status_code == 201
        await viewer.until_decoded(3, 30)
        await student.ask("POST", f"{lesson.path}/leave", 204)
        await until_carried(edge, 1, 1)
        assert (await student.client.delete(viewer.location)).status_code == 404
        await guest.until_decoded(guest.decoded["video"] + 3, 30)
        await lesson.teacher.ask("POST", f"{lesson.path}/end", 200)
        await until_carried(edge, 0, 0)
