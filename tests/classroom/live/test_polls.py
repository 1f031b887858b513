"""Polls and quiz questions: asked by staff, answered by the seated, counted exactly."""

from typing import Any

import pytest

from classroom.ids import PollId
from classroom.live import commands as c
from classroom.live import events as e
from classroom.live import talk_events as t
from classroom.live.polls import OPEN_POLLS, OPTIONS
from classroom.live.state import POLLS_KEPT
from classroom.refusals import (
    AlreadyEnded,
    Forbidden,
    Malformed,
    NotFound,
    NotSeated,
    PollClosed,
    TooMany,
)
from tests.classroom.live.room import TEACHER, Room, scheduled, started, student

ada, ben, cyd = (student(name) for name in ("ada", "ben", "cyd"))


@pytest.fixture
def room() -> Room:
    """Ada and Ben sit, Cyd waits."""
    room = started(max_students=2)
    room.join(ada, ben, cyd)
    return room


def ask(room: Room, **changes: Any) -> PollId:
    words: dict[str, Any] = {"question": "Which?", "options": ("a", "b", "c")}
    [event] = room.do(TEACHER, c.OpenPoll(**{**words, **changes}))
    assert isinstance(event, t.PollOpened)
    return event.poll_id


def tally(room: Room, poll_id: PollId) -> list[int]:
    return room.state.polls[poll_id].tally


def test_votes_are_counted_and_voting_again_replaces(room: Room) -> None:
    poll = ask(room)
    room.do(ada, c.Vote(poll, (0,)))
    room.do(ben, c.Vote(poll, (0,)))
    assert tally(room, poll) == [2, 0, 0]
    room.do(ada, c.Vote(poll, (2,)))
    assert tally(room, poll) == [1, 0, 1]
    assert room.do(ada, c.Vote(poll, (2,))) == ()


def test_several_choices_only_where_the_poll_allows_them(room: Room) -> None:
    single, multiple = ask(room), ask(room, multiple=True)
    assert isinstance(room.ask(ada, c.Vote(single, (0, 1))), Malformed)
    room.do(ada, c.Vote(multiple, (2, 0)))
    assert tally(room, multiple) == [1, 0, 1]
    assert room.do(ada, c.Vote(multiple, (0, 2))) == ()


@pytest.mark.parametrize("choices", [(), (3,), (-1,), (0, 0), (0, 9)])
def test_choices_are_options_each_once(room: Room, choices: tuple[int, ...]) -> None:
    poll = ask(room, multiple=True)
    assert isinstance(room.ask(ada, c.Vote(poll, choices)), Malformed)
    assert tally(room, poll) == [0, 0, 0]


def test_only_the_seated_vote(room: Room) -> None:
    poll = ask(room)
    for caller in (cyd, student("out"), TEACHER):
        assert room.ask(caller, c.Vote(poll, (0,))) == NotSeated(caller.user_id)


def test_the_vote_of_who_left_still_counts(room: Room) -> None:
    poll = ask(room)
    room.do(ada, c.Vote(poll, (1,)))
    room.do(ada, c.Leave())
    assert room.do(TEACHER, c.ClosePoll(poll)) == (t.PollClosed(poll, (0, 1, 0), 1, ()),)


def test_a_closed_poll_takes_no_votes_and_shows_what_was_right(room: Room) -> None:
    poll = ask(room, quiz=True, correct=(1,))
    room.do(ada, c.Vote(poll, (1,)))
    assert room.do(TEACHER, c.ClosePoll(poll)) == (t.PollClosed(poll, (0, 1, 0), 1, (1,)),)
    assert room.ask(ben, c.Vote(poll, (1,))) == PollClosed()
    assert room.do(TEACHER, c.ClosePoll(poll)) == ()


def test_unknown_polls_are_not_found(room: Room) -> None:
    for caller, command in ((ada, c.Vote(PollId("none"), (0,))), (TEACHER, c.ClosePoll(PollId("none")))):
        assert room.ask(caller, command) == NotFound("poll", "none")


def test_students_neither_open_nor_close(room: Room) -> None:
    poll = ask(room)
    assert isinstance(room.ask(ada, c.OpenPoll("Which?", ("a", "b"))), Forbidden)
    assert isinstance(room.ask(ada, c.ClosePoll(poll)), Forbidden)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"question": " "}, "question"),
        ({"question": "x" * 501}, "question"),
        ({"options": ("one",)}, "options"),
        ({"options": tuple("x" * (OPTIONS + 1))}, "options"),
        ({"options": ("a", "")}, "options"),
        ({"options": ("a", "x" * 201)}, "options"),
        ({"correct": (3,)}, "correct"),
        ({"correct": (-1,)}, "correct"),
        ({"correct": (1, 1)}, "correct"),
        ({"quiz": True}, "correct"),
    ],
)
def test_a_misshapen_poll_is_refused_by_field(room: Room, changes: dict[str, Any], field: str) -> None:
    words: dict[str, Any] = {"question": "Which?", "options": ("a", "b", "c")}
    refusal = room.ask(TEACHER, c.OpenPoll(**{**words, **changes}))
    assert isinstance(refusal, Malformed)
    assert [name for name, _ in refusal.fields] == [field]


def test_few_polls_are_open_at_once(room: Room) -> None:
    polls = [ask(room) for _ in range(OPEN_POLLS)]
    assert room.ask(TEACHER, c.OpenPoll("Which?", ("a", "b"))) == TooMany("open polls", OPEN_POLLS)
    room.do(TEACHER, c.ClosePoll(polls[0]))
    ask(room)


def test_the_latest_polls_are_kept_and_no_open_one_is_forgotten(room: Room) -> None:
    first = ask(room)
    for _ in range(POLLS_KEPT + 5):
        room.do(TEACHER, c.ClosePoll(ask(room)))
    assert len(room.state.polls) == POLLS_KEPT
    assert room.state.polls[first].open


def test_open_polls_are_closed_with_their_result_when_the_class_is_over(room: Room) -> None:
    poll = ask(room, quiz=True, correct=(0,))
    room.do(ada, c.Vote(poll, (0,)))
    closed = t.PollClosed(poll, (1, 0, 0), 1, (0,))
    assert room.do(TEACHER, c.End()) == (closed, e.SessionEnded("staff", room.now))
    assert room.told[""][-2].data == {"pollId": poll, "tally": [1, 0, 0], "votes": 1, "correct": [0]}
    assert room.ask(ada, c.Vote(poll, (0,))) == AlreadyEnded()


def test_they_are_closed_too_when_time_is_up_or_the_class_is_cancelled() -> None:
    timed = started()
    poll = ask(timed)
    timed.wait(3600)
    assert timed.tick() == [t.PollClosed(poll, (0, 0, 0), 0, ()), e.SessionEnded("time", timed.now)]
    cancelled = scheduled()
    poll = ask(cancelled)
    assert cancelled.do(TEACHER, c.Cancel()) == (t.PollClosed(poll, (0, 0, 0), 0, ()), e.SessionCancelled())
