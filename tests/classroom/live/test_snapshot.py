"""The whole state as JSON and back."""

from classroom.ids import ConnectionId
from classroom.live import commands as c
from classroom.live.media import MEDIA_NODE
from classroom.live.people import Person
from classroom.live.snapshot import load, save
from classroom.live.state import LiveClass
from classroom.times import SECOND
from tests.classroom.live.room import SESSION, TEACHER, Room, fold, started, student, students, through_json

ada, ben, cyd, dan = (student(name) for name in ("ada", "ben", "cyd", "dan"))

OF_VIDEO = ("stage", "invited", "origin", "shown", "speakers", "recording", "recorded")


def busy() -> Room:
    """A class with something of everything in it."""
    room = started(max_students=2)
    room.join(ada, ben, cyd, dan)
    room.connect(ada)
    room.connect(ada, "other")
    room.connect(cyd)
    room.disconnect(cyd)
    room.do(ada, c.RaiseHand())
    room.do(ada, c.PostChat("hello"))
    room.do(ada, c.PostChat("psst", "staff"))
    room.do(ada, c.PostChat("just you", "ben"))
    room.do(TEACHER, c.OpenPoll("Which?", ("a", "b"), multiple=True, quiz=True, correct=(0, 1)))
    room.do(ada, c.Vote(next(iter(room.state.polls)), (0, 1)))
    room.wait(3)
    room.settle()
    room.do(TEACHER, c.Mute(ben.user_id))
    room.do(TEACHER, c.InviteToStage(ada.user_id))
    room.do(ada, c.AcceptStage())
    room.do(TEACHER, c.InviteToStage(ben.user_id))
    for node in ("none@1", "one@1"):
        room.do(ada, c.OpenMedia("publish", "camera", (node,)))
    shown = Person(ada.user_id, "Ada")
    room.do(MEDIA_NODE, c.ShowMedia("one@1", None, (None, shown), (shown,)))
    room.do(MEDIA_NODE, c.ShowSpeakers("one@1", (ada.user_id,)))
    room.do(TEACHER, c.StartRecording())
    room.do(ben, c.Leave())
    room.do(cyd, c.Connect(ConnectionId("cyd-again")))
    room.do(TEACHER, c.InviteToStage(cyd.user_id))
    room.do(TEACHER, c.RemoveMember(dan.user_id, ban=True))
    room.do(TEACHER, c.Lock())
    return room


def test_a_snapshot_through_json_is_the_class() -> None:
    room = busy()
    saved = through_json(save(room.state))
    again = load(saved)
    assert through_json(save(again)) == saved
    for plain in (
        "plan",
        "status",
        "connections",
        "lost",
        "stays",
        "removed",
        "muted",
        "chat",
        "staff_chat",
        "aside",
        "hands",
        "polls",
        *OF_VIDEO,
    ):
        assert getattr(again, plain) == getattr(room.state, plain), plain
    assert again.offsets == room.state.offsets
    assert (again.chat.maxlen, again.staff_chat.maxlen) == (room.state.chat.maxlen, room.state.staff_chat.maxlen)
    assert again.promoted_at.maxlen == room.state.promoted_at.maxlen


def test_what_an_earlier_release_saved_can_be_read() -> None:
    saved = through_json(save(busy().state))
    for later in ("aside", *OF_VIDEO):
        del saved[later]
    loaded, fresh = load(saved), LiveClass(SESSION)
    assert list(loaded.aside) == []
    for later in OF_VIDEO:
        assert getattr(loaded, later) == getattr(fresh, later)


def test_a_class_without_a_plan_survives_too() -> None:
    assert load(through_json(save(LiveClass(SESSION)))).plan is None


def test_every_field_of_the_class_is_saved_but_answers_and_grace() -> None:
    assert set(vars(LiveClass(SESSION))) - set(save(LiveClass(SESSION))) == {"answered", "grace", "grace_from"}


def test_the_restored_class_decides_as_the_one_that_went_on() -> None:
    room = busy()
    other = busy()
    other.state = load(through_json(save(other.state)))
    moves = [
        (TEACHER, c.Unlock()),
        (TEACHER, c.Revise(max_students=4)),
        *((caller, c.TakeSeat()) for caller in students(6)),
        (ada, c.Leave()),
        (student("s1"), c.Leave()),
        (cyd, c.Leave()),
        (TEACHER, c.Revise(max_students=5)),
    ]
    for caller, command in moves:
        assert room.ask(caller, command) == other.ask(caller, command)
    assert save(room.state) == save(other.state)


def test_who_was_lost_first_is_due_first_also_after_a_restart() -> None:
    room = started(max_students=2, duration_minutes=600)
    for caller in (ada, ben):
        room.join(caller)
        room.connect(caller)
    for caller in (ben, ada):
        room.wait(10)
        room.disconnect(caller)
    room.state = load(through_json(save(room.state)))
    room.wait(50)
    room.tick()
    assert room.seated() == ["ada"]


def test_a_snapshot_at_any_point_and_the_tail_are_the_class() -> None:
    room = busy()
    for length in range(len(room.log) + 1):
        early = fold(room.log[:length])
        recovered = fold(room.log[length:], load(through_json(save(early))))
        assert save(recovered) == save(room.state), length


def test_the_grace_period_is_a_setting_of_the_host_not_of_the_class() -> None:
    assert load(save(LiveClass(SESSION)), grace=5 * SECOND).grace == 5 * SECOND


def test_what_was_saved_does_not_change_with_the_class() -> None:
    room = busy()
    saved = save(room.state)
    before = through_json(saved)
    room.do(TEACHER, c.Unlock())
    room.do(ada, c.Leave())
    room.do(TEACHER, c.End())
    assert through_json(saved) == before
