"""The way of an offer: the class decides who and where, and a node that is gone is not the end of it."""

import asyncio
from typing import Any

import pytest

from actors.media_desk import GrainDesk
from actors.media_nodes import FRESH_SECONDS, NOBODY_SECONDS
from actors.media_streams import AT_ONCE, PREFIX, MediaStreams
from classroom.answers import Refused
from classroom.callers import Caller
from classroom.ids import SessionId
from classroom.live import commands as c
from classroom.live.media import MOVED_FOR
from classroom.media_refusals import BadOffer, MediaAway, MediaFull
from classroom.times import SECOND
from realtime.sfu.desk import Opened, Participant, Person, Recording, Shown
from tests.actors.carriers import Carrier, Carriers
from tests.actors.school import TEACHER, Class, School, until

A, B = "00000000000a-0", "00000000000b-0"


def streams(school: School, carriers: Carriers) -> MediaStreams:
    return MediaStreams(school.live, carriers, carriers.living())


def carriers(a: Carrier | None = None, b: Carrier | None = None) -> Carriers:
    return Carriers(**{A: a or Carrier(), B: b or Carrier(viewers=1, most_viewers=3)})


async def seated(school: School) -> tuple[Class, list[Caller]]:
    room, students = await school.open_class(seats=4), school.students(4)
    for student in students:
        await school.join(room, student)
    return room, students


def where(opened: Opened | Refused) -> str:
    assert isinstance(opened, Opened), opened
    return opened.media_id.partition("~")[0]


async def test_publishers_go_to_the_origin_and_stay_there(school: School) -> None:
    (room, _), nodes = await seated(school), carriers()
    door = streams(school, nodes)
    assert where(await door.publish(room.id, TEACHER, "camera", "offer")) == A
    nodes.nodes[A].viewers = 2  # no longer the least loaded
    opened = await door.publish(room.id, TEACHER, "screen", "offer")
    assert isinstance(opened, Opened)
    assert (opened.media_id, opened.answer) == (f"{A}~1", f"answer of {PREFIX}{A}@1")
    who = Participant(room.id, TEACHER.user_id, "Tess", "staff", "screen")
    assert nodes.nodes[A].sessions[1] == (who, None)
    assert school.log(room).count("media.placed") == 1


async def test_viewers_go_to_the_origin_and_past_its_bound_to_an_edge_that_is_told_the_origin(school: School) -> None:
    (room, students), nodes = await seated(school), carriers(Carrier(most_viewers=2), Carrier(viewers=1, most_viewers=3))
    door = streams(school, nodes)
    assert where(await door.watch(room.id, students[0], "offer")) == A
    nodes.nodes[A].is_full = True  # filled up since it was looked at
    assert where(await door.watch(room.id, students[1], "offer")) == B
    assert nodes.nodes[B].sessions[0] == (Participant(room.id, students[1].user_id, "s2", "viewer"), f"{PREFIX}{A}@1")
    nodes.nodes[B].is_full = True
    assert await door.watch(room.id, students[2], "offer") == Refused(MediaFull())
    assert await door.publish(room.id, TEACHER, "camera", "offer") == Refused(MediaFull())
    assert school.log(room).count("media.placed") == 1


async def test_an_edge_that_is_not_sent_the_class_is_not_to_blame(school: School) -> None:
    (room, students), nodes = await seated(school), carriers()
    door = streams(school, nodes)
    await door.publish(room.id, TEACHER, "camera", "offer")
    a, b = nodes.nodes[A], nodes.nodes[B]
    a.viewers, b.is_cut_off = a.most_viewers, True
    await asyncio.sleep(FRESH_SECONDS)
    a.is_alive = False  # it was full when it was looked at
    assert where(await door.watch(room.id, students[0], "offer")) == B
    assert b.sessions[-1][1] is None
    assert school.log(room).count("media.placed") == 2


async def test_a_class_whose_node_died_goes_on_at_another(school: School) -> None:
    (room, students), nodes = await seated(school), carriers()
    door = streams(school, nodes)
    await door.publish(room.id, TEACHER, "camera", "offer")
    nodes.nodes[A].is_alive = False
    assert where(await door.watch(room.id, students[0], "offer")) == B
    assert school.log(room).count("media.placed") == 2
    nodes.nodes[B].is_alive = False
    assert await door.watch(room.id, students[0], "offer") == Refused(MediaAway())
    nodes.nodes[A] = Carrier(run=2)
    await asyncio.sleep(NOBODY_SECONDS)
    assert await door.watch(room.id, students[0], "offer") == Refused(MediaAway())  # it was moved just now
    await asyncio.sleep(MOVED_FOR / SECOND)
    assert where(await door.watch(room.id, students[0], "offer")) == A
    assert school.record(room).origin.node == f"{PREFIX}{A}@2"  # type: ignore[union-attr]  # it was placed above
    assert (await school.look(room))["currentStudents"] == 4


async def test_two_replicas_that_see_different_nodes_settle(school: School) -> None:
    (room, students), nodes = await seated(school), carriers()
    everything, part = streams(school, nodes), streams(school, Carriers(**{B: nodes.nodes[B]}))
    await everything.publish(room.id, TEACHER, "camera", "offer")
    for student in students[:2]:
        assert where(await part.watch(room.id, student, "offer")) == B
        assert where(await everything.watch(room.id, student, "offer")) == B
        await asyncio.sleep(MOVED_FOR / SECOND)
    assert school.log(room).count("media.placed") == 2


async def test_a_replica_that_has_not_heard_of_a_node_yet_leaves_its_class_there(school: School) -> None:
    (room, students), nodes = await seated(school), carriers()
    await streams(school, nodes).publish(room.id, TEACHER, "camera", "offer")
    nodes.nodes[A].hangs = True
    new = streams(school, nodes)
    assert await new.watch(room.id, students[0], "offer") == Refused(MediaAway())
    nodes.nodes[A].hangs = False
    assert nodes.waiting == 1
    await until(lambda: not nodes.waiting, "the question that hangs is given up")
    assert where(await new.watch(room.id, students[0], "offer")) == A
    assert school.log(room).count("media.placed") == 1


async def test_a_node_that_was_started_again_is_another_one(school: School) -> None:
    (room, _), nodes = await seated(school), Carriers(**{A: Carrier()})
    door = streams(school, nodes)
    await door.publish(room.id, TEACHER, "camera", "offer")
    nodes.nodes[A] = Carrier(run=2)
    assert where(await door.publish(room.id, TEACHER, "camera", "offer")) == A
    assert [each[0].user_id for each in nodes.nodes[A].sessions] == [TEACHER.user_id]


async def test_a_slow_node_keeps_its_class_and_is_asked_once_for_each_who_asks(school: School) -> None:
    (room, students), nodes = await seated(school), carriers()
    door = streams(school, nodes)
    await door.publish(room.id, TEACHER, "camera", "offer")
    nodes.nodes[A].stalls = True
    nodes.let_go.set()
    assert await door.watch(room.id, students[0], "offer") == Refused(MediaAway())
    await nodes.stalled.acquire()
    assert nodes.stalled.locked(), "it was asked again, while its answer was awaited"
    nodes.nodes[A].stalls = False
    assert where(await door.watch(room.id, students[0], "offer")) == A
    assert school.log(room).count("media.placed") == 1


async def test_a_node_that_hangs_holds_a_bounded_number_of_those_who_ask(school: School) -> None:
    (room, students), nodes = await seated(school), carriers()
    door = streams(school, nodes)
    await door.publish(room.id, TEACHER, "camera", "offer")
    nodes.nodes[A].stalls = True
    held = [asyncio.create_task(door.watch(room.id, students[0], "offer")) for _ in range(AT_ONCE)]
    async with asyncio.timeout(10):
        for _ in held:
            await nodes.stalled.acquire()
        assert await door.watch(room.id, students[1], "offer") == Refused(MediaAway())
        assert nodes.stalled.locked()
        nodes.nodes[A].stalls = False
        nodes.let_go.set()
        assert set(await asyncio.gather(*held)) == {Refused(MediaAway())}
        assert where(await door.watch(room.id, students[1], "offer")) == A


async def test_who_may_not_is_told_so_also_while_video_is_away(school: School) -> None:
    (room, students), nodes = await seated(school), Carriers()
    door, stranger = streams(school, nodes), school.student("stranger")
    for answer, code in (
        (await door.watch(room.id, stranger, "offer"), "not_seated"),
        (await door.publish(room.id, students[0], "camera", "offer"), "not_on_stage"),
        (await door.watch(room.id, students[0], "offer"), "media_away"),
        (await door.watch(SessionId(school.new_id()), students[0], "offer"), "not_found"),
    ):
        assert isinstance(answer, Refused)
        assert answer.refusal.code == code
    assert "media.placed" not in school.log(room)


async def test_the_stage_publishes_and_a_bad_offer_is_told_in_a_sentence(school: School) -> None:
    (room, students), nodes = await seated(school), carriers()
    door = streams(school, nodes)
    await school.ask(room, TEACHER, c.InviteToStage(students[0].user_id))
    await school.ask(room, students[0], c.AcceptStage())
    await door.publish(room.id, students[0], "camera", "offer")
    assert nodes.nodes[A].sessions[0][0].part == "stage"
    assert await door.publish(room.id, TEACHER, "camera", "bad") == Refused(BadOffer("The offer has no lines."))


async def test_only_who_opened_a_session_ends_it(school: School) -> None:
    (room, students), nodes = await seated(school), carriers()
    door = streams(school, nodes)
    opened = await door.watch(room.id, students[0], "offer")
    assert isinstance(opened, Opened)
    assert await door.close_session(room.id, students[1], opened.media_id) is False
    for unknown in ("", "0", f"{A}~9", f"{A}~", "00000000000c-0~0", f"../{A}~0", f"{A}~0\n"):
        assert await door.close_session(room.id, students[0], unknown) is False
    assert await door.close_session(room.id, students[0], opened.media_id) is True
    nodes.nodes[A].is_alive = False
    assert await door.close_session(room.id, students[0], opened.media_id) == Refused(MediaAway())


@pytest.mark.parametrize("part", ["origin", "edge"])
async def test_a_desk_asks_the_class_about_who_is_here(school: School, part: str) -> None:
    (room, students), nodes = await seated(school), carriers()
    await streams(school, nodes).publish(room.id, TEACHER, "camera", "offer")
    origin = f"{PREFIX}{A}@1"
    desk = GrainDesk(school.live, origin if part == "origin" else f"{PREFIX}{B}@1")
    follows = origin if part == "edge" else None
    verdict = await desk.check(room.id, follows, [students[0].user_id, "nobody"], [students[1].user_id])
    assert verdict is not None
    assert (verdict.over, verdict.moved, verdict.recording) == (False, False, None)
    assert (verdict.viewers_gone, verdict.publishers_gone) == ({"nobody"}, {students[1].user_id})
    started = await school.ask(room, TEACHER, c.StartRecording())
    verdict = await desk.check(room.id, follows, [], [])
    assert verdict is not None
    recording = Recording(started["recordingId"], "Fractions")
    assert verdict.recording == (recording if part == "origin" else None)  # the origin records
    verdict = await desk.check(room.id, f"{PREFIX}{B}@2", [], [])
    assert verdict is not None
    assert verdict.moved
    await school.ask(room, TEACHER, c.End())
    verdict = await desk.check(room.id, None, [], [])
    assert verdict is not None
    assert verdict.over


async def test_a_desk_tells_the_class_what_is_shown(school: School) -> None:
    (room, _), nodes = await seated(school), carriers()
    await streams(school, nodes).publish(room.id, TEACHER, "camera", "offer")
    desk, teacher = GrainDesk(school.live, f"{PREFIX}{A}@1"), Person(TEACHER.user_id, TEACHER.name)
    shown = Shown(None, (teacher, None, None, None), (teacher, None, None, None, None, None))
    await desk.show(room.id, shown)
    await desk.speakers(room.id, [TEACHER.user_id])
    await GrainDesk(school.live, f"{PREFIX}{B}@1").show(room.id, Shown(teacher, (), ()))
    state: Any = school.record(room)
    assert state.shown.cameras[0].user_id == TEACHER.user_id
    assert state.shown.screen is None
    assert state.speakers == (TEACHER.user_id,)


async def test_a_class_that_is_not_there_is_over_and_one_that_is_away_is_not(school: School) -> None:
    room, _ = await seated(school)
    desk = GrainDesk(school.live, f"{PREFIX}{A}@1")
    verdict = await desk.check(school.new_id(), None, [], [])
    assert verdict is not None
    assert verdict.over
    school.lyceum.down.update(school.lyceum.dispatcher.hosts)
    school.kill()
    assert await desk.check(room.id, None, [], []) is None
