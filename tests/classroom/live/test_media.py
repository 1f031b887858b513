"""Who may publish and watch, where the class's video is, what is shown, and what a node is told that asks."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.callers import Caller, Role
from classroom.ids import UserId
from classroom.live import commands as c
from classroom.live import stage_events as s
from classroom.live.media import CAMERAS, MEDIA_NODE, MICROPHONES, MOVED_FOR, SPEAKERS
from classroom.live.people import Person
from classroom.live.publications import EVERYBODY, QUEUE, STAFF
from classroom.media_refusals import MediaAway
from classroom.refusals import AlreadyEnded, ClassCancelled, Forbidden, Malformed, NotOnStage, NotSeated
from classroom.times import SECOND, Moment
from tests.classroom.live.room import ADMIN, TEACHER, Room, scheduled, started, student

ada, ben, cyd, dan = (student(name) for name in ("ada", "ben", "cyd", "dan"))
OTHER = Caller(UserId("olga"), "Olga", Role.INSTRUCTOR)
ONE, TWO = "node-1@a", "node-2@b"
WATCH = c.OpenMedia("watch", "camera", (ONE, TWO))
PUBLISH = c.OpenMedia("publish", "camera", (ONE, TWO))
PLACED = (s.MediaPlaced(ONE, 1),)
ADA, BEN = Person(ada.user_id, "Ada"), Person(ben.user_id, "Ben")


@pytest.fixture
def room() -> Room:
    """Ada is on the stage, Ben sits, Cyd waits, Dan stands outside."""
    room = started(max_students=2)
    room.join(ada, ben, cyd)
    room.do(TEACHER, c.InviteToStage(ada.user_id))
    room.do(ada, c.AcceptStage())
    return room


@pytest.fixture
def placed(room: Room) -> Room:
    """The same, on the first node."""
    room.do(TEACHER, PUBLISH)
    return room


def opened(room: Room, caller: Caller, command: c.OpenMedia) -> object:
    return room.answer(caller, command, command_id=f"{caller.user_id}-{room.now}")


@pytest.mark.parametrize("staff", [TEACHER, ADMIN])
@pytest.mark.parametrize("command", [WATCH, PUBLISH, replace(PUBLISH, source="screen")])
def test_staff_publish_and_watch_also_before_the_doors_open(staff: Caller, command: c.OpenMedia) -> None:
    room = scheduled()
    room.wait(-3600)
    assert room.do(staff, command) == PLACED
    assert opened(room, staff, command) == {"node": ONE, "generation": 1, "name": staff.name, "part": "staff"}


def test_the_seated_watch_and_only_the_stage_publishes(room: Room) -> None:
    assert opened(room, ben, WATCH) == {"node": ONE, "generation": 1, "name": "Ben", "part": "viewer"}
    assert opened(room, ada, WATCH) == {"node": ONE, "generation": 1, "name": "Ada", "part": "stage"}
    assert opened(room, ada, PUBLISH) == {"node": ONE, "generation": 1, "name": "Ada", "part": "stage"}
    assert room.ask(ben, PUBLISH) == NotOnStage()


def test_students_who_came_in_before_the_start_watch() -> None:
    room = scheduled()
    room.join(ben)
    assert room.do(ben, WATCH) == PLACED


def test_who_waits_or_stands_outside_neither_watches_nor_publishes(room: Room) -> None:
    for caller in (cyd, dan):
        assert room.ask(caller, WATCH) == NotSeated(caller.user_id)
        assert room.ask(caller, PUBLISH) == NotOnStage()
    assert room.ask(OTHER, WATCH) == NotSeated("olga")
    assert isinstance(room.ask(OTHER, PUBLISH), Forbidden)


def test_who_leaves_the_stage_publishes_no_more_and_who_leaves_the_class_watches_no_more(room: Room) -> None:
    room.do(ada, c.LeaveStage())
    assert room.ask(ada, PUBLISH) == NotOnStage()
    room.do(ada, WATCH)
    room.do(ada, c.Leave())
    assert room.ask(ada, WATCH) == NotSeated("ada")


@pytest.mark.parametrize("command", [WATCH, PUBLISH])
def test_nobody_opens_anything_in_a_class_that_is_over(command: c.OpenMedia) -> None:
    for caller in (TEACHER, ada):
        room = started()
        room.join(ada)
        room.wait(3600)
        assert room.ask(caller, command) == AlreadyEnded()
        room.tick()
        assert room.ask(caller, command) == AlreadyEnded()
        cancelled = scheduled()
        cancelled.do(TEACHER, c.Cancel())
        assert cancelled.ask(caller, command) == ClassCancelled()


def test_a_class_stays_where_it_is_while_that_node_lives(placed: Room) -> None:
    assert placed.do(ben, replace(WATCH, nodes=(TWO, ONE))) == ()
    assert placed.do(TEACHER, replace(PUBLISH, nodes=(TWO, ONE))) == ()
    assert placed.do(ben, replace(WATCH, nodes=(TWO,))) == (s.MediaPlaced(TWO, 2),)
    assert placed.do(ben, replace(WATCH, nodes=("node-1@later", TWO))) == ()


def test_a_class_waits_for_a_node_of_which_it_is_not_known_yet_whether_it_lives(placed: Room) -> None:
    unheard = replace(WATCH, nodes=(TWO,), silent=(ONE.partition("@")[0],))
    assert placed.ask(ben, unheard) == MediaAway()
    assert placed.do(ben, replace(unheard, silent=("another",))) == (s.MediaPlaced(TWO, 2),)


def test_replicas_that_see_different_nodes_do_not_toss_a_class_about(placed: Room) -> None:
    views = (replace(WATCH, nodes=(TWO,)), replace(WATCH, nodes=(ONE,)))
    moves = 0
    for turn in range(40):
        answer = placed.ask(ben, views[turn % 2])
        moves += not isinstance(answer, MediaAway) and bool(answer)
        placed.wait(0.25)
    assert moves == 10 / (MOVED_FOR / SECOND)
    placed.wait(MOVED_FOR / SECOND)
    assert placed.do(ben, replace(WATCH, nodes=("node-3@c",))) == (s.MediaPlaced("node-3@c", moves + 2),)
    assert placed.ask(ben, replace(WATCH, nodes=())) == MediaAway()


@given(st.lists(st.tuples(st.integers(0, 3_000), st.sets(st.sampled_from("abc"), min_size=1)), max_size=40))
def test_a_class_moves_once_in_a_while_however_nodes_come_and_go(asked: list[tuple[int, set[str]]]) -> None:
    room = started()
    moved_at: list[Moment] = []
    for waited, nodes in asked:
        room.wait(waited / 1000)
        before = room.state.origin
        room.ask(TEACHER, replace(PUBLISH, nodes=tuple(sorted(nodes))))
        if before is not None and room.state.origin != before:
            assert before.node not in nodes
            moved_at.append(room.now)
    assert all(later - earlier >= MOVED_FOR for earlier, later in pairwise(moved_at))


def test_a_node_that_was_restarted_is_another_one(placed: Room) -> None:
    assert placed.do(ben, replace(WATCH, nodes=("node-1@later",))) == (s.MediaPlaced("node-1@later", 2),)


def test_a_new_place_begins_with_nobody_shown(placed: Room) -> None:
    placed.do(MEDIA_NODE, c.ShowMedia(ONE, None, (ADA,), (ADA,)))
    placed.do(MEDIA_NODE, c.ShowSpeakers(ONE, (ada.user_id,)))
    placed.do(ben, replace(WATCH, nodes=(TWO,)))
    assert (placed.state.shown.cameras, placed.state.shown.microphones, placed.state.speakers) == ((), (), ())


def test_without_a_living_node_video_is_away_and_nothing_is_placed(room: Room) -> None:
    assert room.ask(TEACHER, replace(PUBLISH, nodes=())) == MediaAway()
    assert room.state.origin is None
    assert room.ask(ben, replace(PUBLISH, nodes=())) == NotOnStage(), "why not comes first"


def test_what_the_origin_shows_is_told_to_everybody_once(placed: Room) -> None:
    show = c.ShowMedia(ONE, BEN, (ADA, None), (None, BEN))
    assert placed.do(MEDIA_NODE, show) == (s.MediaChanged(BEN, (ADA, None), (None, BEN)),)
    assert placed.do(MEDIA_NODE, show) == ()
    assert placed.told[EVERYBODY][-1].data == {
        "screen": {"userId": "ben", "name": "Ben"},
        "cameras": [{"userId": "ada", "name": "Ada"}, None],
        "microphones": [None, {"userId": "ben", "name": "Ben"}],
    }
    assert not [told for view in (STAFF, QUEUE) for told in placed.told[view] if told.type.startswith("media.")]


def test_who_speaks_is_told_to_everybody_once_and_six_at_most(placed: Room) -> None:
    crowd = tuple(UserId(f"s{number}") for number in range(SPEAKERS + 2))
    assert placed.do(MEDIA_NODE, c.ShowSpeakers(ONE, crowd)) == (s.MediaSpeaking(crowd[:SPEAKERS]),)
    assert placed.do(MEDIA_NODE, c.ShowSpeakers(ONE, crowd)) == ()
    assert placed.do(MEDIA_NODE, c.ShowSpeakers(ONE, ())) == (s.MediaSpeaking(()),)


def test_another_node_than_the_origin_changes_nothing(room: Room) -> None:
    for commands in (c.ShowMedia(TWO, None, (ADA,), ()), c.ShowSpeakers(TWO, (ada.user_id,))):
        assert room.do(MEDIA_NODE, commands) == (), "before there is one"
    room.do(TEACHER, PUBLISH)
    for commands in (c.ShowMedia(TWO, None, (ADA,), ()), c.ShowSpeakers(TWO, (ada.user_id,))):
        assert room.do(MEDIA_NODE, commands) == ()


def test_nothing_is_shown_in_a_class_that_is_over(placed: Room) -> None:
    placed.do(MEDIA_NODE, c.ShowMedia(ONE, None, (ADA,), (ADA,)))
    placed.do(TEACHER, c.End())
    assert placed.state.shown.cameras == ()
    assert placed.do(MEDIA_NODE, c.ShowMedia(ONE, None, (ADA,), ())) == ()
    assert placed.do(MEDIA_NODE, c.ShowSpeakers(ONE, (ada.user_id,))) == ()


def test_more_slots_than_there_are_are_refused(placed: Room) -> None:
    for command in (
        c.ShowMedia(ONE, None, (None,) * (CAMERAS + 1), ()),
        c.ShowMedia(ONE, None, (), (None,) * (MICROPHONES + 1)),
    ):
        assert isinstance(placed.ask(MEDIA_NODE, command), Malformed)


@pytest.mark.parametrize(
    "command",
    [c.ShowMedia(ONE, None, (), ()), c.ShowSpeakers(ONE, ()), c.CheckMedia(ONE, (), ())],
    ids=lambda one: type(one).__name__,
)
@pytest.mark.parametrize("caller", [TEACHER, ADMIN, ada, replace(MEDIA_NODE, role=Role.STUDENT)])
def test_only_a_media_node_speaks_as_one(placed: Room, command: c.Command, caller: Caller) -> None:
    assert isinstance(placed.ask(caller, command), Forbidden)


def test_a_node_learns_who_may_no_longer_be_there(placed: Room) -> None:
    everybody = tuple(caller.user_id for caller in (ada, ben, cyd, dan, TEACHER))
    told = placed.told_node(c.CheckMedia(ONE, everybody, everybody))
    assert told == {
        "over": False,
        "moved": False,
        "viewersGone": ["cyd", "dan"],
        "publishersGone": ["ben", "cyd", "dan"],
        "recording": None,
    }


def test_a_node_learns_that_the_class_moved_is_recorded_or_is_over(placed: Room) -> None:
    check = c.CheckMedia(ONE, (), ())
    placed.do(TEACHER, c.StartRecording())
    assert placed.state.recording is not None
    recording = {"recordingId": placed.state.recording.recording_id, "title": "Fractions"}
    assert placed.told_node(check)["recording"] == recording
    placed.do(TEACHER, c.StopRecording())
    assert placed.told_node(check)["recording"] is None
    placed.do(ben, replace(WATCH, nodes=(TWO,)))
    assert placed.told_node(check)["moved"] is True
    placed.do(TEACHER, c.End())
    assert placed.told_node(check)["over"] is True


def test_a_check_changes_nothing(placed: Room) -> None:
    before = len(placed.log)
    placed.told_node(c.CheckMedia(ONE, (ada.user_id,), ()))
    assert len(placed.log) == before
