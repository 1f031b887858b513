"""Chat, hands, reactions, and who may speak."""

import pytest

from classroom.ids import MessageId, UserId
from classroom.live import commands as c
from classroom.live import talk_events as t
from classroom.live.state import CHAT_KEPT
from classroom.live.talk import EMOJI_LIMIT, TEXT_LIMIT
from classroom.refusals import (
    AlreadyEnded,
    ClassCancelled,
    Forbidden,
    Malformed,
    MemberMuted,
    NotFound,
    NotSeated,
    TooMany,
)
from tests.classroom.live.room import ADMIN, TEACHER, Room, scheduled, started, student

ada, ben, cyd, dan = (student(name) for name in ("ada", "ben", "cyd", "dan"))
SPEAKING = [c.PostChat("hello"), c.RaiseHand(), c.React("👍")]


@pytest.fixture
def room() -> Room:
    """Ada and Ben sit, Cyd waits, Dan stands outside."""
    room = started(max_students=2)
    room.join(ada, ben, cyd)
    return room


def post(room: Room, caller: object, text: str = "hello", to: str = "all") -> MessageId:
    [event] = room.do(caller, c.PostChat(text, to))  # type: ignore[arg-type]
    assert isinstance(event, t.ChatPosted)
    return event.message_id


def shown(room: Room) -> list[str]:
    return [message.text for message in room.state.chat]


@pytest.mark.parametrize("command", SPEAKING)
def test_who_waits_or_stands_outside_does_not_speak(room: Room, command: c.Command) -> None:
    assert room.ask(cyd, command) == NotSeated("cyd")
    assert room.ask(dan, command) == NotSeated("dan")


@pytest.mark.parametrize("command", SPEAKING)
def test_nobody_speaks_when_it_is_over(room: Room, command: c.Command) -> None:
    room.do(TEACHER, c.End())
    assert room.ask(ada, command) == AlreadyEnded()
    cancelled = scheduled()
    cancelled.do(TEACHER, c.Cancel())
    assert cancelled.ask(ada, command) == ClassCancelled()


def test_the_seated_and_staff_speak_also_before_the_start() -> None:
    room = scheduled()
    room.join(ada)
    for caller in (ada, TEACHER, ADMIN):
        post(room, caller)
    assert len(room.state.chat) == 3


def test_a_message_carries_who_said_what_to_whom(room: Room) -> None:
    assert room.do(ada, c.PostChat("hi", "ben")) == (
        t.ChatPosted(MessageId(f"made-{room._made}"), ada.user_id, "Ada", "hi", "ben"),
    )


@pytest.mark.parametrize("text", ["", "  \n", "x" * (TEXT_LIMIT + 1), "nul \0"])
def test_a_message_says_something_within_the_bound(room: Room, text: str) -> None:
    refusal = room.ask(ada, c.PostChat(text))
    assert isinstance(refusal, Malformed)
    assert refusal.fields[0][0] == "text"
    post(room, ada, "x" * TEXT_LIMIT)


def test_private_messages_reach_the_seated_and_the_instructor_only(room: Room) -> None:
    post(room, ada, to="ben")
    post(room, ada, to=TEACHER.user_id)
    for absent in ("cyd", "dan", "nobody"):
        assert room.ask(ada, c.PostChat("hi", absent)) == NotSeated(absent)
    assert shown(room) == []


def test_messages_to_staff_stay_with_staff(room: Room) -> None:
    post(room, ada, "psst", to="staff")
    assert shown(room) == []
    assert [message.text for message in room.state.staff_chat] == ["psst"]


def test_the_latest_messages_are_kept_and_staff_messages_push_none_of_them_out(room: Room) -> None:
    for number in range(CHAT_KEPT + 2):
        post(room, ada, f"m{number}")
    for _ in range(CHAT_KEPT + 2):
        post(room, ada, "psst", to="staff")
    assert len(room.state.chat) == len(room.state.staff_chat) == CHAT_KEPT
    assert shown(room)[0] == "m2"


def test_the_author_and_staff_take_a_message_back_and_nobody_else(room: Room) -> None:
    first, second, third = post(room, ada, "one"), post(room, ada, "two"), post(room, ada, "three")
    assert isinstance(room.ask(ben, c.RemoveChat(first)), Forbidden)
    assert room.do(ada, c.RemoveChat(first)) == (t.ChatRemoved(first, "all", ada.user_id, ada.user_id),)
    assert room.do(TEACHER, c.RemoveChat(second)) == (t.ChatRemoved(second, "all", TEACHER.user_id, ada.user_id),)
    assert shown(room) == ["three"]
    assert room.ask(ada, c.RemoveChat(first)) == NotFound("message", first)
    assert third != first


def test_messages_to_staff_can_be_taken_back_too(room: Room) -> None:
    message = post(room, ada, to="staff")
    assert room.do(ada, c.RemoveChat(message)) == (t.ChatRemoved(message, "staff", ada.user_id, ada.user_id),)
    assert len(room.state.staff_chat) == 0


def test_a_message_to_one_person_can_be_taken_back_too(room: Room) -> None:
    message = post(room, ada, to="ben")
    assert isinstance(room.ask(ben, c.RemoveChat(message)), Forbidden)
    assert room.do(ada, c.RemoveChat(message)) == (t.ChatRemoved(message, "ben", ada.user_id, ada.user_id),)
    assert room.ask(ada, c.RemoveChat(message)) == NotFound("message", message)


def test_messages_to_one_person_are_kept_within_a_bound_of_their_own(room: Room) -> None:
    post(room, ada)
    for number in range(CHAT_KEPT + 2):
        post(room, ada, f"m{number}", to="ben")
    assert len(room.state.aside) == CHAT_KEPT
    assert room.state.aside[0].text == "m2"
    assert len(room.state.chat) == 1


def test_who_left_may_still_take_a_message_back(room: Room) -> None:
    message = post(room, ada)
    room.do(ada, c.Leave())
    room.do(ada, c.RemoveChat(message))
    assert shown(room) == []


def test_a_muted_student_speaks_to_staff_only(room: Room) -> None:
    room.do(TEACHER, c.Mute(ada.user_id))
    for command in (c.PostChat("hi"), c.PostChat("hi", "ben"), c.React("👍")):
        assert room.ask(ada, command) == MemberMuted()
    post(room, ada, to="staff")
    room.do(ada, c.RaiseHand())
    room.do(TEACHER, c.Unmute(ada.user_id))
    post(room, ada)


def test_muting_outlives_leaving(room: Room) -> None:
    room.do(TEACHER, c.Mute(ada.user_id))
    room.do(ada, c.Leave())
    room.do(cyd, c.Leave())
    room.join(ada)
    assert room.ask(ada, c.PostChat("hi")) == MemberMuted()


def test_muting_and_unmuting_are_for_staff_and_said_once(room: Room) -> None:
    assert isinstance(room.ask(ben, c.Mute(ada.user_id)), Forbidden)
    assert isinstance(room.ask(ben, c.Unmute(ada.user_id)), Forbidden)
    assert room.do(TEACHER, c.Unmute(ada.user_id)) == ()
    assert room.do(TEACHER, c.Mute(ada.user_id)) == (t.MemberMuted(ada.user_id),)
    assert room.do(TEACHER, c.Mute(ada.user_id)) == ()
    assert room.do(TEACHER, c.Unmute(ada.user_id)) == (t.MemberUnmuted(ada.user_id),)


def test_who_waits_can_be_muted_and_who_is_not_inside_cannot(room: Room) -> None:
    room.do(TEACHER, c.Mute(cyd.user_id))
    assert room.ask(TEACHER, c.Mute(dan.user_id)) == NotSeated("dan")


def test_the_list_of_muted_people_has_a_bound(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classroom.live.talk.WAITLIST_LIMIT", 1)
    room.do(TEACHER, c.Mute(ada.user_id))
    assert room.ask(TEACHER, c.Mute(ben.user_id)) == TooMany("muted people", 1)


def test_hands_go_up_and_down_once_in_their_order(room: Room) -> None:
    room.do(ben, c.RaiseHand())
    room.do(ada, c.RaiseHand())
    assert room.do(ada, c.RaiseHand()) == ()
    assert list(room.state.hands) == ["ben", "ada"]
    assert room.do(ben, c.LowerHand()) == (t.HandLowered(ben.user_id),)
    assert room.do(ben, c.LowerHand()) == ()


def test_staff_lower_hands_but_raise_none(room: Room) -> None:
    room.do(ada, c.RaiseHand())
    assert isinstance(room.ask(ben, c.LowerHand(ada.user_id)), Forbidden)
    assert room.do(TEACHER, c.LowerHand(ada.user_id)) == (t.HandLowered(ada.user_id),)
    assert room.ask(TEACHER, c.RaiseHand()) == NotSeated(TEACHER.user_id)


@pytest.mark.parametrize("emoji", ["", " ", "x" * (EMOJI_LIMIT + 1)])
def test_a_reaction_is_an_emoji_within_the_bound(room: Room, emoji: str) -> None:
    assert isinstance(room.ask(ada, c.React(emoji)), Malformed)


def test_reactions_pass_by(room: Room) -> None:
    assert room.do(TEACHER, c.React("👏")) == (t.ReactionSent(UserId("tess"), "👏"),)
    assert room.told[""][-1].data == {"userId": "tess", "emoji": "👏"}
