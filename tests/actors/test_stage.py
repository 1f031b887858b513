"""The stage, recordings and the place of a class's video, through crashes; and what a recording leaves behind."""

import json

from actors.class_jobs import RECORDED
from classroom.answers import Accepted, Refused
from classroom.callers import Caller
from classroom.ids import CommandId
from classroom.live import commands as c
from classroom.live.media import MEDIA_NODE
from classroom.live.people import Person
from classroom.refusals import NotOnStage
from tests.actors.school import TEACHER, Class, School, until

NODE = "media-node-a@1"
PUBLISH = c.OpenMedia("publish", "camera", (NODE,))


async def on_stage(school: School, room: Class, student: Caller) -> None:
    """Sits, was invited, came up."""
    await school.join(room, student)
    await school.ask(room, TEACHER, c.InviteToStage(student.user_id))
    await school.ask(room, student, c.AcceptStage())


def jobs(school: School) -> dict[str, object]:
    """The jobs of recordings that are over, by their key."""
    return {key: json.loads(payload) for (kind, key), payload in school.tables.jobs.items() if kind == RECORDED}


async def test_stage_recording_and_place_survive_a_crash_of_the_host(school: School) -> None:
    gate, room = await school.gate(), await school.open_class(seats=3)
    sam, kim = school.students(2)
    await on_stage(school, room, sam)
    await school.join(room, kim)
    await school.ask(room, TEACHER, c.InviteToStage(kim.user_id))
    follower = await gate.subscribe(room.live, TEACHER)
    placed = await school.ask(room, sam, PUBLISH)
    shown = Person(sam.user_id, sam.name)
    await school.ask(room, MEDIA_NODE, c.ShowMedia(NODE, None, (None, shown), (shown,)))
    await school.ask(room, MEDIA_NODE, c.ShowSpeakers(NODE, (sam.user_id,)))
    recording = await school.ask(room, TEACHER, c.StartRecording())
    await until(lambda: follower.heard("recording.started"), "the recording is told")
    school.kill()
    assert await school.ask(room, sam, PUBLISH) == placed == {"node": NODE, "generation": 1, "name": "s1", "part": "stage"}
    verdict = await school.ask(room, MEDIA_NODE, c.CheckMedia(NODE, (sam.user_id, kim.user_id), (sam.user_id, kim.user_id)))
    assert verdict == {
        "over": False,
        "moved": False,
        "viewersGone": [],
        "publishersGone": [kim.user_id],
        "recording": {**recording, "title": "Fractions"},
    }
    fresh = (await (await school.gate("other", "run-2")).subscribe(room.live, TEACHER)).snapshot
    assert fresh["stage"] == {
        "members": [{"userId": sam.user_id, "name": "s1"}],
        "invited": [{"userId": kim.user_id, "name": "s2"}],
    }
    who = {"userId": sam.user_id, "name": "s1"}
    assert fresh["media"] == {
        "generation": 1, "screen": None, "cameras": [None, who], "microphones": [who], "speakers": [sam.user_id],
    }  # fmt: skip
    assert fresh["recording"]["recordingId"] == recording["recordingId"]
    await school.ask(room, kim, c.AcceptStage())
    await until(lambda: follower.offset == school.record(room).offsets.everybody, "who followed goes on without a gap")
    assert follower.heard("stage.joined") == [{"userId": kim.user_id, "name": "s2"}]


async def test_a_seat_given_up_around_a_crash_takes_the_stage_with_it(school: School) -> None:
    room = await school.open_class(seats=1)
    sam, kim = school.students(2)
    await on_stage(school, room, sam)
    await school.join(room, kim)
    school.kill()
    await school.ask(room, sam, c.Leave())
    school.kill()
    assert school.record(room).stage == {}
    assert (await school.look(room, kim))["you"]["outcome"] == "seated"
    assert await school.answer(room, sam, PUBLISH) == Refused(NotOnStage())


async def test_a_repeated_request_to_publish_is_decided_anew(school: School) -> None:
    room = await school.open_class()
    [sam] = school.students(1)
    await on_stage(school, room, sam)
    assert isinstance(await school.answer(room, sam, PUBLISH, "once"), Accepted)
    await school.ask(room, TEACHER, c.RemoveFromStage(sam.user_id))
    assert await school.answer(room, sam, PUBLISH, "once") == Refused(NotOnStage())


async def test_what_a_node_asks_every_second_is_neither_logged_nor_remembered(school: School) -> None:
    room = await school.open_class()
    await school.ask(room, TEACHER, PUBLISH)
    before, known = school.log(room), len(school.loaded(room).state.answered)
    for number in range(50):
        await school.ask(room, MEDIA_NODE, c.CheckMedia(NODE, (), ()), f"check-{number}")
        await school.ask(room, MEDIA_NODE, c.ShowSpeakers(NODE, ()), f"nobody-{number}")
    assert school.log(room) == before
    assert len(school.loaded(room).state.answered) == known


async def test_a_recording_that_stops_leaves_a_job_in_the_same_commit(school: School) -> None:
    room = await school.open_class()
    made = await school.ask(room, TEACHER, c.StartRecording())
    assert jobs(school) == {}
    await school.ask(room, TEACHER, c.StopRecording())
    await school.ask(room, TEACHER, c.StopRecording())
    assert jobs(school) == {made["recordingId"]: {"sessionId": room.id, "recordingId": made["recordingId"]}}


async def test_the_end_of_a_class_leaves_the_job_of_its_recording_too(school: School) -> None:
    by_staff, by_time = await school.open_class(), await school.open_class(duration_minutes=1)
    begun = [(await school.ask(room, TEACHER, c.StartRecording()))["recordingId"] for room in (by_staff, by_time)]
    await school.ask(by_staff, TEACHER, c.End())
    await until(lambda: "session.ended" in school.log(by_time), "its time is up", 90)
    assert list(jobs(school)) == begun
    assert {key for kind, key in school.tables.jobs if kind == "class.attended"} == {by_staff.id, by_time.id}
    for room in (by_staff, by_time):
        assert school.log(room)[-2:] == ["recording.stopped", "session.ended"]


async def test_starting_twice_is_one_recording_also_when_it_is_asked_again_after_crashes(school: School) -> None:
    room = await school.open_class()
    first = await school.ask(room, TEACHER, c.StartRecording(), "one")
    assert await school.ask(room, TEACHER, c.StartRecording(), "two") == first
    await school.ask(room, TEACHER, c.StopRecording(), "stop")
    second = await school.ask(room, TEACHER, c.StartRecording(), "three")
    assert second != first
    for _ in range(2):
        assert await school.ask(room, TEACHER, c.StartRecording(), "one") == first
        assert await school.ask(room, TEACHER, c.StopRecording(), "stop") == {}
        assert (await school.ask(room, TEACHER, c.StartRecording(), "two"))["recordingId"]
        assert school.log(room).count("recording.started") == 2
        assert school.record(room).recording is not None
        school.kill()


async def test_a_stage_command_that_comes_twice_is_done_once(school: School) -> None:
    room = await school.open_class()
    [sam] = school.students(1)
    await on_stage(school, room, sam)
    await school.ask(room, sam, c.LeaveStage(), "down")
    await school.ask(room, TEACHER, c.InviteToStage(sam.user_id))
    await school.live.execute(room.id, sam, c.LeaveStage(), CommandId("down"))
    assert list(school.record(room).invited) == [sam.user_id], "the late copy took no second invitation away"
