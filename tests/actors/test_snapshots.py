"""Encoded snapshots: what the rules say, whatever happened since the last one, and made once for many."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import actors.snapshots
from actors.snapshots import Snapshots
from classroom.callers import Caller
from classroom.live import commands as c
from classroom.live.publications import EVERYBODY, QUEUE, STAFF
from classroom.live.views import row_of, session_view, shared_part, snapshot
from tests.actors.school import School
from tests.classroom.live.room import ADMIN, TEACHER, Room, scheduled, student

PEOPLE = [student(name) for name in ("ada", "ben", "cyd", "dan")]
ANYBODY = st.sampled_from([*PEOPLE, TEACHER, ADMIN])
STUDENT = st.sampled_from(PEOPLE)
USER = STUDENT.map(lambda who: who.user_id)
WORDS = st.sampled_from(["hello", 'a "quote"', "Grüße ☀️", "</script>"])
MOVES = st.one_of(
    st.tuples(STUDENT, st.sampled_from([c.TakeSeat(), c.TakeSeat(), c.Leave(), c.RaiseHand(), c.LowerHand()])),
    st.tuples(ANYBODY, st.builds(c.PostChat, WORDS, st.one_of(st.sampled_from(["all", "staff", TEACHER.user_id]), USER))),
    st.tuples(ANYBODY, st.builds(c.RemoveChat, st.integers(1, 40).map(lambda number: f"made-{number}"))),
    st.tuples(st.just(TEACHER), st.one_of(st.builds(c.Mute, USER), st.builds(c.Unmute, USER), st.builds(c.LowerHand, USER))),
    st.tuples(st.just(TEACHER), st.builds(c.RemoveMember, USER, st.booleans())),
    st.tuples(
        st.just(TEACHER),
        st.sampled_from([c.Start(), c.Lock(), c.Unlock(), c.Revise(max_students=3), c.Revise(title="Sums"), c.End()]),
    ),
    st.tuples(st.just(TEACHER), st.just(c.OpenPoll("Which?", ("a", "b"), quiz=True, correct=(1,)))),
    st.tuples(
        ANYBODY,
        st.builds(c.Vote, st.integers(1, 40).map(lambda number: f"made-{number}"), st.sampled_from([(0,), (1,)])),
    ),
    st.just(None),
)


def check(snapshots: Snapshots, room: Room, caller: Caller) -> None:
    session = json.dumps(session_view(row_of(room.state))).encode()
    for view in (EVERYBODY, STAFF, QUEUE):
        said = json.loads(snapshots.of(room.state, view, caller, session))
        assert said == json.loads(json.dumps(snapshot(room.state, view, caller)))


@settings(max_examples=60, deadline=None)
@given(st.lists(MOVES, max_size=40), ANYBODY)
def test_a_snapshot_is_that_of_the_rules_at_any_moment(moves: list[Any], somebody: Caller) -> None:
    room, snapshots = scheduled(max_students=2), Snapshots()
    room.careful = False
    check(snapshots, room, somebody)
    for move in moves:
        if move is None:
            room.wait(60)
            room.settle()
        else:
            room.ask(*move)
        check(snapshots, room, somebody)
        check(snapshots, room, PEOPLE[0])


async def test_what_all_see_alike_is_made_once_for_all_who_enter(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    made = 0

    def counted(*args: Any) -> Any:
        nonlocal made
        made += 1
        return shared_part(*args)

    monkeypatch.setattr(actors.snapshots, "shared_part", counted)
    gate = await school.gate()
    room = await school.open_class(seats=100)
    people = school.students(30)
    for person in people:
        await school.join(room, person)
    await school.ask(room, people[0], c.PostChat("hello"))
    await school.ask(room, people[1], c.PostChat("psst", people[2].user_id))
    entered = [await gate.subscribe(room.live, person) for person in people]
    assert [[message["text"] for message in each.snapshot["chat"]] for each in entered] == [["hello"]] * 30
    assert [number for number, each in enumerate(entered) if each.snapshot["aside"]] == [1, 2]
    assert [each.snapshot["you"]["seat"]["number"] for each in entered] == list(range(1, 31))
    assert made <= 2, "the counts may have been told meanwhile"
    made = 0
    await school.ask(room, people[0], c.PostChat("again"))
    late = await gate.subscribe(room.live, people[3])
    assert [message["text"] for message in late.snapshot["chat"]] == ["hello", "again"]
    assert made == 1
