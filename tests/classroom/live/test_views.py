"""What people see: the session, where they stand, replies, who may follow what."""

import msgspec
import pytest

from classroom.callers import Caller, Role
from classroom.ids import ConnectionId, Topic, UserId
from classroom.live import commands as c
from classroom.live.media import CAMERAS, MEDIA_NODE, MICROPHONES, SPEAKERS
from classroom.live.people import Person
from classroom.live.publications import EVERYBODY, QUEUE, STAFF, VIEWS
from classroom.live.stage import INVITED_AT_MOST, STAGE_PLACES
from classroom.live.views import estimated_wait_seconds, may_follow, row_of, session_view, snapshot, standing
from classroom.refusals import ClassCancelled, ClassEnded, Forbidden, NotEnrolled, NotSeated, RemovedFromClass
from classroom.topics import Position
from realtime import frames
from tests.classroom.live.room import ADMIN, COURSE, SESSION, TEACHER, Room, scheduled, started, student, students

ada, ben, cyd = (student(name) for name in ("ada", "ben", "cyd"))
CONTRACT_FIELDS = {
    "id", "courseId", "lessonId", "title", "startTime", "durationMinutes", "endsAt", "maxStudents", "currentStudents",
    "waitlisted", "status", "doorsOpenMinutes", "waitlistEnabled", "instructor",
}  # fmt: skip


@pytest.fixture
def room() -> Room:
    """Ada sits, Ben waits, Cyd stands outside."""
    room = started(max_students=1)
    room.join(ada, ben)
    return room


def test_the_session_is_that_of_the_contract(room: Room) -> None:
    session = session_view(row_of(room.state))
    assert session.keys() >= CONTRACT_FIELDS
    assert (session["id"], session["courseId"], session["lessonId"]) == (SESSION, COURSE, None)
    assert session["startTime"] == session["startedAt"] == "2026-11-21T09:00:00.000000Z"
    assert session["endsAt"] == "2026-11-21T10:00:00.000000Z"
    assert (session["maxStudents"], session["currentStudents"], session["waitlisted"]) == (1, 1, 1)
    assert session["instructor"] == {"id": TEACHER.user_id, "name": TEACHER.name}
    assert session["status"] == "live"
    room.wait(60)
    room.do(TEACHER, c.End())
    ended = session_view(row_of(room.state))
    assert ended["status"] == "ended"
    assert ended["endsAt"] == ended["endedAt"] == "2026-11-21T09:01:00.000000Z"


def test_everybody_learns_where_they_stand(room: Room) -> None:
    seat = {"number": 1, "since": "2026-11-21T09:00:00.000000Z"}
    assert standing(room.state, ada.user_id) == {"outcome": "seated", "seat": seat}
    waiting = {"outcome": "waitlisted", "position": 1, "ticket": 1, "estimatedWaitSeconds": None}
    assert standing(room.state, ben.user_id) == waiting
    assert standing(room.state, cyd.user_id) == {"outcome": "none"}


def test_the_wait_is_guessed_from_the_latest_promotions() -> None:
    room = started(max_students=1)
    room.join(*students(6))
    for number in (1, 2):
        assert estimated_wait_seconds(room.state, 2) is None
        room.wait(30)
        room.do(student(f"s{number}"), c.Leave())
    assert estimated_wait_seconds(room.state, 2) == 60


def test_many_promoted_at_once_say_nothing_of_the_wait() -> None:
    room = started(max_students=1)
    room.join(*students(20))
    room.wait(30)
    room.do(TEACHER, c.Revise(max_students=6))
    assert estimated_wait_seconds(room.state, 2) is None
    room.wait(60)
    room.do(student("s1"), c.Leave())
    assert estimated_wait_seconds(room.state, 2) == 120


def test_the_wait_is_never_no_time_and_grows_while_nobody_leaves() -> None:
    room = started(max_students=50)
    room.join(*students(100))
    for number in range(1, 41):
        room.wait(0.1)
        room.do(student(f"s{number}"), c.Leave())
    assert estimated_wait_seconds(room.state, 1) == 1
    room.wait(600)
    room.connect(student("s100"))
    assert (estimated_wait_seconds(room.state, 1) or 0) > 30


def test_a_join_answers_seat_or_place_and_the_session(room: Room) -> None:
    seated = room.answer(ada, c.TakeSeat(), command_id="1")
    assert (seated["outcome"], seated["seat"]["number"], seated["session"]["id"]) == ("seated", 1, SESSION)
    waiting = room.answer(ben, c.TakeSeat(), command_id="1")
    assert (waiting["outcome"], waiting["position"]) == ("waitlisted", 1)


def test_a_look_answers_the_session_and_oneself(room: Room) -> None:
    for caller, outcome in ((ada, "seated"), (ben, "waitlisted"), (cyd, "none"), (TEACHER, "none")):
        answer = room.answer(caller, c.Look(), command_id="1")
        assert answer.keys() >= CONTRACT_FIELDS
        assert answer["you"]["outcome"] == outcome


def test_a_repeated_message_is_answered_with_the_id_it_had(room: Room) -> None:
    first = room.answer(ada, c.PostChat("hello"), command_id="1")
    assert room.answer(ada, c.PostChat("hello"), command_id="1") == first
    assert len(room.state.chat) == 1
    assert room.answer(ada, c.PostChat("hello"), command_id="2") != first
    poll = room.answer(TEACHER, c.OpenPoll("Which?", ("a", "b")), command_id="1")
    assert room.answer(TEACHER, c.OpenPoll("Which?", ("a", "b")), command_id="1") == poll
    assert list(room.state.polls) == [poll["pollId"]]


@pytest.mark.parametrize("command", [c.Revise(title="Sums"), c.Lock(), c.Start(), c.End()])
def test_staff_are_answered_with_the_session(room: Room, command: c.Command) -> None:
    assert room.answer(TEACHER, command, command_id="1") == session_view(row_of(room.state))


def test_staff_follow_everything(room: Room) -> None:
    for caller in (TEACHER, ADMIN):
        for view in VIEWS:
            assert may_follow(room.state, caller, view, enrolled=False) is None


@pytest.mark.parametrize(
    ("caller", "everybody", "queue"),
    [
        (ada, None, None),
        (ben, NotSeated("ben"), None),
        (cyd, NotSeated("cyd"), NotSeated("cyd")),
    ],
)
def test_the_seated_follow_the_class_and_who_waits_the_queue(
    room: Room, caller: Caller, everybody: object, queue: object
) -> None:
    assert may_follow(room.state, caller, EVERYBODY, enrolled=True) == everybody
    assert may_follow(room.state, caller, QUEUE, enrolled=True) == queue
    assert isinstance(may_follow(room.state, caller, STAFF, enrolled=True), Forbidden)


def test_why_one_may_not_follow(room: Room) -> None:
    assert may_follow(room.state, cyd, EVERYBODY, enrolled=False) == NotEnrolled(COURSE)
    other = Caller(UserId("ida"), "Ida", Role.INSTRUCTOR)
    assert isinstance(may_follow(room.state, other, STAFF, enrolled=False), Forbidden)
    room.do(TEACHER, c.RemoveMember(ada.user_id, ban=True))
    assert may_follow(room.state, ada, EVERYBODY, enrolled=True) == RemovedFromClass()
    room.do(TEACHER, c.End())
    assert may_follow(room.state, ben, EVERYBODY, enrolled=True) == ClassEnded()
    cancelled = scheduled()
    cancelled.do(TEACHER, c.Cancel())
    assert may_follow(cancelled.state, ben, EVERYBODY, enrolled=True) == ClassCancelled()


def test_the_snapshot_of_the_class_names_nobody_who_has_not_spoken(room: Room) -> None:
    view = snapshot(room.state, EVERYBODY, ada)
    assert view["you"]["outcome"] == "seated"
    assert "ben" not in str({**view, "session": None})
    assert "seats" not in view


def test_the_snapshot_of_the_class_holds_what_was_said_aside_by_and_to_oneself() -> None:
    room = started(max_students=3)
    room.join(ada, ben, cyd)
    for caller, text, to in (
        (ada, "one", "staff"), (ben, "two", "ada"), (cyd, "three", "staff"), (TEACHER, "four", "ada"), (cyd, "five", "ben"),
    ):  # fmt: skip
        room.wait(1)
        room.do(caller, c.PostChat(text, to))

    def aside(caller: Caller) -> list[tuple[str, str, str]]:
        view = snapshot(room.state, EVERYBODY, caller)
        assert view["chat"] == []
        return [(message["userId"], message["text"], message["to"]) for message in view["aside"]]

    assert aside(ada) == [("ada", "one", "staff"), ("ben", "two", "ada"), ("tess", "four", "ada")]
    assert aside(ben) == [("ben", "two", "ada"), ("cyd", "five", "ben")]
    assert aside(cyd) == [("cyd", "three", "staff"), ("cyd", "five", "ben")]
    assert aside(TEACHER) == [("tess", "four", "ada")]
    assert "aside" not in snapshot(room.state, QUEUE, ada)
    room.do(ben, c.RemoveChat(room.state.aside[0].message_id))
    assert [text for _, text, _ in aside(ada)] == ["one", "four"]


def on_the_wire(room: Room, view: str, caller: Caller) -> bytes:
    """The frame in which somebody enters, as long as its other fields can make it."""
    topic = Topic(f"live:{SESSION}:{view}")
    position = Position(2**63 - 1, 2**63 - 1)
    body = msgspec.json.encode(snapshot(room.state, view, caller))
    return frames.subscribed("\N{PILE OF POO}" * 128, topic, position, recovered=False, snapshot=body)


FRAME = 64 * 1024
LONG = "\N{PILE OF POO}"


def test_a_long_chat_is_cut_to_its_newest_messages() -> None:
    room = started(max_students=1)
    room.careful = False
    for number in range(200):
        room.do(TEACHER, c.PostChat(f"{number}".ljust(2000, "x")))
        room.do(TEACHER, c.PostChat(f"{number}".ljust(2000, "x"), "staff"))
    texts = [int(message["text"].rstrip("x")) for message in snapshot(room.state, EVERYBODY, TEACHER)["chat"]]
    assert texts == list(range(200 - len(texts), 200))
    assert 10 <= len(texts) < 30
    to_staff = [int(message["text"].rstrip("x")) for message in snapshot(room.state, STAFF, TEACHER)["chat"]]
    assert to_staff == list(range(200 - len(to_staff), 200))
    assert 10 <= len(to_staff) < 30
    assert all(len(on_the_wire(room, view, TEACHER)) <= FRAME for view in VIEWS)


def test_a_short_chat_is_whole() -> None:
    room = started(max_students=1)
    room.careful = False
    for number in range(150):
        room.do(TEACHER, c.PostChat(f"message {number} of a class"))
    assert len(snapshot(room.state, EVERYBODY, TEACHER)["chat"]) == 150


def test_open_polls_are_kept_before_closed_and_new_before_old() -> None:
    room = started(max_students=1)
    for number in range(8):
        options = tuple(f"{number}.{option}".ljust(200, "x") for option in range(12))
        room.do(TEACHER, c.OpenPoll(f"{number}?", options))
        if number != 1:
            room.do(TEACHER, c.ClosePoll([*room.state.polls][-1]))
    assert [poll["question"] for poll in snapshot(room.state, STAFF, TEACHER)["polls"]] == ["1?", "4?", "5?", "6?", "7?"]
    assert [poll["question"] for poll in snapshot(room.state, EVERYBODY, TEACHER)["polls"]] == ["1?", "4?", "5?", "6?", "7?"]


def test_a_huge_class_says_how_many_more_there_are() -> None:
    room = scheduled(max_students=1_000, title=LONG * 200, instructor_name=LONG * 100)
    room.careful = False
    room.do(TEACHER, c.Start())
    everybody = [Caller(UserId(f"{number:036d}"), LONG * 20, Role.STUDENT) for number in range(3_000)]
    room.join(*everybody)
    for caller in everybody[:1_000]:
        room.do(caller, c.RaiseHand())
        room.do(TEACHER, c.Mute(caller.user_id))
    for caller in everybody[2_500:]:
        room.do(TEACHER, c.RemoveMember(caller.user_id, ban=True))
    for number in range(20):
        if number >= 5:
            room.do(TEACHER, c.ClosePoll([*room.state.polls][number - 5]))
        room.do(TEACHER, c.OpenPoll(LONG * 500, tuple(f"{option}" + LONG * 198 for option in range(12))))
        for to in ("all", "staff", everybody[0].user_id):
            room.do(TEACHER, c.PostChat("\1" * 2000, to))
    assert {len(on_the_wire(room, view, caller)) <= FRAME for view in VIEWS for caller in (TEACHER, everybody[0])} == {True}
    staff, live = snapshot(room.state, STAFF, TEACHER), snapshot(room.state, EVERYBODY, everybody[0])
    whole = {"seats": 1_000, "waitlist": 1_500, "hands": 1_000, "muted": 1_000, "removed": 500}
    assert {name: len(staff[name]) + more for name, more in staff["more"].items()} == whole
    assert {name: len(live[name]) + more for name, more in live["more"].items()} == {"hands": 1_000, "muted": 1_000}
    assert min(len(staff[name]) for name in whole) > 10
    assert [one["position"] for one in staff["waitlist"]] == list(range(1, 1 + len(staff["waitlist"]))), (
        "the head of the queue"
    )


def test_a_full_stage_of_long_names_leaves_room_for_the_rest() -> None:
    room = scheduled(max_students=1_000, title=LONG * 200, instructor_name=LONG * 100)
    room.careful = False
    room.do(TEACHER, c.Start())
    everybody = [Caller(UserId(f"{number:036d}"), LONG * 100, Role.STUDENT) for number in range(200)]
    room.join(*everybody)
    for caller in everybody[: STAGE_PLACES + INVITED_AT_MOST]:
        room.do(TEACHER, c.InviteToStage(caller.user_id))
        if len(room.state.stage) < STAGE_PLACES:
            room.do(caller, c.AcceptStage())
    room.do(TEACHER, c.OpenMedia("publish", "camera", ("node@1",)))
    person = Person(everybody[0].user_id, everybody[0].name)
    room.do(MEDIA_NODE, c.ShowMedia("node@1", person, (person,) * CAMERAS, (person,) * MICROPHONES))
    room.do(MEDIA_NODE, c.ShowSpeakers("node@1", tuple(caller.user_id for caller in everybody[:SPEAKERS])))
    room.do(TEACHER, c.StartRecording())
    for caller in everybody:
        room.do(caller, c.RaiseHand())
        room.do(caller, c.PostChat("\1" * 2000))
        room.do(caller, c.PostChat("\1" * 2000, "staff"))
    for view in (EVERYBODY, STAFF):
        whole = snapshot(room.state, view, TEACHER)
        assert len(on_the_wire(room, view, TEACHER)) <= FRAME
        assert (len(whole["stage"]["members"]), len(whole["stage"]["invited"])) == (STAGE_PLACES, INVITED_AT_MOST)
        assert whole["hands"]
        assert whole["chat"]


def test_a_class_of_a_hundred_and_its_queue_are_whole() -> None:
    room = started(max_students=100)
    room.careful = False
    room.join(*(Caller(UserId(f"{number:036d}"), f"Person {number}", Role.STUDENT) for number in range(150)))
    staff = snapshot(room.state, STAFF, TEACHER)
    assert (len(staff["seats"]), len(staff["waitlist"]), set(staff["more"].values())) == (100, 50, {0})


def test_the_snapshot_of_the_queue_holds_ones_own_place_and_the_counts(room: Room) -> None:
    view = snapshot(room.state, QUEUE, ben)
    assert view["you"]["position"] == 1
    assert (view["currentStudents"], view["waitlisted"]) == (1, 1)
    assert "ada" not in str(view)


def test_the_snapshot_for_staff_says_who_sits_waits_and_is_connected(room: Room) -> None:
    room.do(cyd, c.TakeSeat(connection=ConnectionId("c")))
    room.connect(ada)
    view = snapshot(room.state, STAFF, TEACHER)
    assert [(seat["userId"], seat["seat"], seat["connected"]) for seat in view["seats"]] == [("ada", 1, True)]
    waiting = [(one["userId"], one["position"], one["connected"]) for one in view["waitlist"]]
    assert waiting == [("ben", 1, False), ("cyd", 2, True)]


def test_only_the_staff_snapshot_holds_right_answers_and_only_ones_own_choices_are_shown(room: Room) -> None:
    room.do(TEACHER, c.OpenPoll("Which?", ("a", "b"), quiz=True, correct=(1,)))
    room.do(ada, c.Vote(next(iter(room.state.polls)), (0,)))
    [mine] = snapshot(room.state, EVERYBODY, ada)["polls"]
    assert mine["yourChoices"] == [0]
    assert "correct" not in mine
    [staffs] = snapshot(room.state, STAFF, TEACHER)["polls"]
    assert staffs["correct"] == [1]
    assert "yourChoices" not in staffs
    assert staffs["tally"] == [0, 0], "a tally is shown as it was last told"
    room.do(TEACHER, c.ClosePoll(staffs["pollId"]))
    [closed] = snapshot(room.state, EVERYBODY, ada)["polls"]
    assert (closed["correct"], closed["tally"], closed["open"]) == ([1], [1, 0], False)
