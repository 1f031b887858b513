"""The stage: who is asked up, who comes, who goes; and against a stage that a blackboard could explain."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.callers import Caller
from classroom.ids import UserId
from classroom.live import commands as c
from classroom.live import events as e
from classroom.live import stage_events as s
from classroom.live import talk_events as t
from classroom.live.publications import EVERYBODY, QUEUE, STAFF
from classroom.live.stage import INVITED_AT_MOST, STAGE_PLACES
from classroom.refusals import (
    AlreadyEnded,
    ClassCancelled,
    Forbidden,
    NotInvited,
    NotSeated,
    Refusal,
    StageFull,
    TooMany,
)
from tests.classroom.live.room import ADMIN, TEACHER, Room, scheduled, started, student, students

ada, ben, cyd, dan = (student(name) for name in ("ada", "ben", "cyd", "dan"))


@pytest.fixture
def room() -> Room:
    """Ada and Ben sit, Cyd waits, Dan stands outside."""
    room = started(max_students=2)
    room.join(ada, ben, cyd)
    return room


def up(room: Room, *callers: Caller) -> None:
    """Invited and come."""
    for caller in callers:
        room.do(TEACHER, c.InviteToStage(caller.user_id))
        room.do(caller, c.AcceptStage())


def test_who_was_invited_and_accepts_is_on_the_stage_and_the_hand_goes_down(room: Room) -> None:
    room.do(ada, c.RaiseHand())
    assert room.do(TEACHER, c.InviteToStage(ada.user_id)) == (s.StageInvited(ada.user_id, "Ada"),)
    assert (list(room.state.invited), list(room.state.stage)) == (["ada"], [])
    assert room.do(ada, c.AcceptStage()) == (t.HandLowered(ada.user_id), s.StageJoined(ada.user_id, "Ada"))
    assert (room.state.invited, room.state.stage, room.state.hands) == ({}, {"ada": "Ada"}, {})


@pytest.mark.parametrize("staff", [TEACHER, ADMIN])
def test_only_staff_invite_and_take_off(room: Room, staff: Caller) -> None:
    for command in (c.InviteToStage(ben.user_id), c.RemoveFromStage(ben.user_id)):
        refused = room.ask(ada, command)
        assert isinstance(refused, Forbidden)
    room.do(staff, c.InviteToStage(ben.user_id))
    assert room.do(staff, c.RemoveFromStage(ben.user_id)) == (s.StageDeclined(ben.user_id),)
    up(room, ben)
    assert room.do(staff, c.RemoveFromStage(ben.user_id)) == (s.StageLeft(ben.user_id, "removed"),)
    assert room.do(staff, c.RemoveFromStage(ben.user_id)) == ()


def test_only_who_sits_is_invited(room: Room) -> None:
    assert room.ask(TEACHER, c.InviteToStage(cyd.user_id)) == NotSeated("cyd")
    assert room.ask(TEACHER, c.InviteToStage(dan.user_id)) == NotSeated("dan")
    assert room.ask(TEACHER, c.InviteToStage(TEACHER.user_id)) == NotSeated("tess")


def test_nobody_comes_uninvited(room: Room) -> None:
    assert room.ask(ada, c.AcceptStage()) == NotInvited()
    assert room.ask(cyd, c.AcceptStage()) == NotSeated("cyd")
    assert room.ask(TEACHER, c.AcceptStage()) == NotSeated("tess")
    room.do(TEACHER, c.InviteToStage(ada.user_id))
    room.do(TEACHER, c.RemoveFromStage(ada.user_id))
    assert room.ask(ada, c.AcceptStage()) == NotInvited()


def test_saying_it_again_changes_nothing(room: Room) -> None:
    up(room, ada)
    assert room.do(TEACHER, c.InviteToStage(ada.user_id)) == ()
    assert room.do(ada, c.AcceptStage()) == ()
    assert room.do(ada, c.LeaveStage()) == (s.StageLeft(ada.user_id, "left"),)
    assert room.do(ada, c.LeaveStage()) == ()
    room.do(TEACHER, c.InviteToStage(ada.user_id))
    assert room.do(TEACHER, c.InviteToStage(ada.user_id)) == ()
    assert room.do(ada, c.LeaveStage()) == (s.StageDeclined(ada.user_id),)


def test_the_stage_has_three_places_and_who_comes_too_late_keeps_the_invitation() -> None:
    room = started(max_students=30)
    crowd = students(STAGE_PLACES + 1)
    room.join(*crowd)
    for one in crowd:
        room.do(TEACHER, c.InviteToStage(one.user_id))
    for one in crowd[:-1]:
        room.do(one, c.AcceptStage())
    assert room.ask(crowd[-1], c.AcceptStage()) == StageFull(STAGE_PLACES)
    room.do(crowd[0], c.LeaveStage())
    room.do(crowd[-1], c.AcceptStage())
    assert list(room.state.stage) == [one.user_id for one in crowd[1:]]


def test_at_most_twenty_are_invited_at_once() -> None:
    room = started(max_students=30)
    crowd = students(INVITED_AT_MOST + 1)
    room.join(*crowd)
    for one in crowd[:-1]:
        room.do(TEACHER, c.InviteToStage(one.user_id))
    assert room.ask(TEACHER, c.InviteToStage(crowd[-1].user_id)) == TooMany("invitations to the stage", INVITED_AT_MOST)
    room.do(crowd[0], c.AcceptStage())
    room.do(TEACHER, c.InviteToStage(crowd[-1].user_id))


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (lambda room: room.do(ada, c.Leave()), "left"),
        (lambda room: room.do(TEACHER, c.RemoveMember(ada.user_id)), "removed"),
        (lambda room: [room.connect(ada), room.disconnect(ada), room.wait(61), room.tick()], "lost"),
    ],
    ids=["left", "removed", "lost"],
)
@pytest.mark.parametrize("came", [True, False])
def test_who_loses_the_seat_is_off_the_stage_in_the_same_decision(room: Room, how: object, reason: str, came: bool) -> None:
    room.do(TEACHER, c.InviteToStage(ada.user_id))
    if came:
        room.do(ada, c.AcceptStage())
        room.do(ada, c.RaiseHand())
    room.wait(1)
    how(room)  # type: ignore[operator]
    assert (room.state.stage, room.state.invited) == ({}, {})
    off = [entry for entry in room.log if entry.type in ("stage.left", "stage.declined", "seat.released")]
    assert [entry.type for entry in off] == ["stage.left" if came else "stage.declined", "seat.released"]
    assert off[0].at == off[1].at
    assert reason in off[1].payload
    assert room.seated() == ["ben", "cyd"], "the seat went to the head of the queue, as ever"


def test_the_end_clears_the_stage_and_says_so() -> None:
    for end in (lambda room: room.do(TEACHER, c.End()), lambda room: [room.wait(3600), room.tick()]):
        room = started(max_students=3)
        room.join(ada, ben)
        up(room, ada)
        room.do(TEACHER, c.InviteToStage(ben.user_id))
        end(room)
        assert (room.state.stage, room.state.invited) == ({}, {})
        assert [told.type for told in room.told[EVERYBODY]][-2:] == ["stage.left", "session.ended"]
        assert room.told[EVERYBODY][-2].data == {"userId": "ada", "reason": "ended"}
        for command in (c.InviteToStage(ada.user_id), c.AcceptStage()):
            assert room.ask(TEACHER, command) == AlreadyEnded()


def test_a_class_called_off_clears_the_stage_too() -> None:
    room = scheduled()
    room.join(ada)
    up(room, ada)
    assert room.do(TEACHER, c.Cancel()) == (s.StageLeft(ada.user_id, "ended"), e.SessionCancelled())
    assert room.ask(TEACHER, c.InviteToStage(ada.user_id)) == ClassCancelled()


def test_time_that_is_up_ends_the_stage_before_anybody_says_so(room: Room) -> None:
    room.do(TEACHER, c.InviteToStage(ada.user_id))
    room.wait(3600)
    assert room.ask(ada, c.AcceptStage()) == AlreadyEnded()
    assert room.ask(TEACHER, c.InviteToStage(ben.user_id)) == AlreadyEnded()


def test_everybody_inside_and_staff_hear_of_the_stage_and_the_queue_does_not(room: Room) -> None:
    up(room, ada)
    room.do(ada, c.LeaveStage())
    for view in (EVERYBODY, STAFF):
        told = [told.type for told in room.told[view] if told.type.startswith("stage.")]
        assert told == ["stage.invited", "stage.joined", "stage.left"]
    assert not [told for told in room.told[QUEUE] if told.type.startswith("stage.")]


PEOPLE = students(6)
SEATS = 5


@dataclass
class PlainStage:
    """As a blackboard would have it: who sits, who is invited, who is up; and what is said to whom."""

    seated: list[str] = field(default_factory=list)
    invited: list[str] = field(default_factory=list)
    up: list[str] = field(default_factory=list)

    def take(self, what: str, who: str) -> str:
        """The code of the refusal, or nothing."""
        invited, is_up, sits = who in self.invited, who in self.up, who in self.seated
        if what == "sit" and not sits and len(self.seated) < SEATS:
            self.seated.append(who)
        elif what == "invite" and not sits:
            return "not_seated"
        elif what == "invite" and not (invited or is_up):
            self.invited.append(who)
        elif what == "accept" and not is_up:
            if not sits:
                return "not_seated"
            if not invited:
                return "not_invited"
            if len(self.up) == STAGE_PLACES:
                return "stage_full"
            self.invited.remove(who)
            self.up.append(who)
        elif what in ("leave", "remove", "go"):
            for names in (self.invited, self.up, self.seated) if what == "go" else (self.invited, self.up):
                if who in names:
                    names.remove(who)
        return ""


asked = st.tuples(
    st.sampled_from(["sit", "sit", "invite", "invite", "accept", "accept", "leave", "remove", "go"]), st.sampled_from(PEOPLE)
)


@given(st.lists(asked, max_size=60))
def test_the_stage_is_what_a_blackboard_says(happening: list[tuple[str, Caller]]) -> None:
    room, plain = started(max_students=SEATS, waitlist_enabled=False), PlainStage()
    for what, who in happening:
        asks: dict[str, tuple[Caller, c.Command]] = {
            "sit": (who, c.TakeSeat()),
            "invite": (TEACHER, c.InviteToStage(who.user_id)),
            "accept": (who, c.AcceptStage()),
            "leave": (who, c.LeaveStage()),
            "remove": (TEACHER, c.RemoveFromStage(UserId(who.user_id))),
            "go": (who, c.Leave()),
        }
        decision = room.ask(*asks[what])
        code = decision.code if isinstance(decision, Refusal) else ""
        assert plain.take(what, who.user_id) == ("" if what == "sit" else code)
        assert (list(room.state.invited), list(room.state.stage)) == (plain.invited, plain.up)
        assert room.seated() == plain.seated
