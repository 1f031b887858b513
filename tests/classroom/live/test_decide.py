"""Decisions against a class that a blackboard could explain; and what every decision has in common."""

from dataclasses import dataclass
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.ids import ConnectionId, MessageId, PollId, UserId
from classroom.live import commands as c
from classroom.live.decide import Ask, decide
from classroom.live.snapshot import save
from classroom.live.state import LiveClass
from classroom.live.views import standing
from classroom.refusals import NotFound, Refusal
from classroom.times import SECOND, Moment
from tests.classroom.live.plain_class import Answer, PlainClass
from tests.classroom.live.room import NINE, SESSION, TEACHER, Room, plan, started, student

PEOPLE = [student(name) for name in ("ada", "ben", "cyd", "dan", "eve")]


@dataclass(frozen=True)
class Step:
    """One thing that happens: what, who, and its particulars."""

    what: str
    who: int = 0
    flag: bool = False
    number: int = 1


who = st.integers(0, len(PEOPLE) - 1)
steps = st.one_of(
    st.builds(Step, st.just("join"), who, st.booleans(), st.integers(0, 7)),
    st.builds(Step, st.just("join"), who, st.sampled_from([True]), st.just(0)),
    st.builds(Step, st.sampled_from(["leave", "connect", "disconnect"]), who, st.booleans()),
    st.builds(Step, st.just("remove"), who, st.booleans()),
    st.builds(Step, st.sampled_from(["resize", "lock", "start"]), who, st.booleans(), st.integers(1, 4)),
    st.builds(Step, st.just("wait"), number=st.sampled_from([1, 30, 60, 200, 1800])),
    st.builds(Step, st.just("tick")),
    st.builds(Step, st.sampled_from(["end", "cancel"])),
)


class Both:
    """The real class and the plain one, side by side."""

    def __init__(self, capacity: int, minutes: int, *, waitlist: bool) -> None:
        self.room = Room(now=Moment(NINE - 700 * SECOND))
        self.room.do(TEACHER, plan(max_students=capacity, duration_minutes=minutes, waitlist_enabled=waitlist))
        self.plain = PlainClass(capacity, -600, minutes, waitlist)

    @property
    def now(self) -> int:
        return (self.room.now - NINE) // SECOND

    def take(self, step: Step) -> None:
        caller = PEOPLE[step.who]
        socket = f"{caller.user_id}-{'x' if step.flag else 'y'}"
        plain, now, name = self.plain, self.now, str(caller.user_id)
        if step.what == "wait":
            self.room.wait(step.number)
        elif step.what == "tick":
            self.room.tick()
            plain.tick(now)
        elif step.what == "join":
            held = socket if step.number == 1 else None
            enrolled = step.number != 2
            command = c.TakeSeat(step.flag, ConnectionId(held) if held else None)
            decision = self.room.ask(caller, command, enrolled=enrolled)
            real = decision.code if isinstance(decision, Refusal) else self.standing(caller.user_id)
            assert real == plain.join(name, now, wait=step.flag, socket=held, enrolled=enrolled)
        else:
            table: dict[str, Any] = {
                "leave": lambda: (caller, c.Leave(), plain.out(name, now)),
                "connect": lambda: (caller, c.Connect(ConnectionId(socket)), plain.connect(name, socket)),
                "disconnect": lambda: (caller, c.Disconnect(ConnectionId(socket)), plain.disconnect(name, socket, now)),
                "remove": lambda: (
                    TEACHER,
                    c.RemoveMember(caller.user_id, step.flag),
                    plain.remove(name, now, ban=step.flag),
                ),
                "resize": lambda: (TEACHER, c.Revise(max_students=step.number), plain.resize(step.number, now)),
                "lock": lambda: (TEACHER, c.Lock() if step.flag else c.Unlock(), plain.lock(now, locked=step.flag)),
                "start": lambda: (TEACHER, c.Start(), plain.start(now)),
                "end": lambda: (TEACHER, c.End(), plain.end()),
                "cancel": lambda: (TEACHER, c.Cancel(), plain.cancel()),
            }
            asker, command, expected = table[step.what]()
            decision = self.room.ask(asker, command)
            assert (decision.code if isinstance(decision, Refusal) else "done") == expected, step

    def standing(self, user_id: UserId) -> Answer:
        you = standing(self.room.state, user_id)
        if you["outcome"] == "seated":
            return f"seated {you['seat']['number']}"
        return f"waiting {you['position']}" if you["outcome"] == "waitlisted" else "done"

    def check(self) -> None:
        state, plain = self.room.state, self.plain
        assert [(seat.user_id, seat.number) for seat in state.seats] == plain.seats
        assert self.room.waiting() == plain.queue
        assert state.status.value == plain.status
        assert {user: sorted(held) for user, held in state.connections.items()} == {
            user: sorted(held) for user, held in plain.sockets.items() if held
        }
        assert [(user, (since - NINE) // SECOND) for user, since in state.lost.items()] == plain.lost


@given(
    st.integers(1, 3), st.sampled_from([1, 10, 60]), st.booleans(), st.booleans(), st.lists(steps, min_size=5, max_size=60)
)
def test_the_door_answers_like_the_blackboard(
    capacity: int, minutes: int, waitlist: bool, begun: bool, happening: list[Step]
) -> None:
    both = Both(capacity, minutes, waitlist=waitlist)
    for step in [Step("wait", number=200), Step("start"), *happening] if begun else happening:
        both.take(step)
        both.check()


EVERY_COMMAND: dict[type[Any], c.Command] = {
    type(command): command
    for command in (
        plan(),
        c.Revise(title="Sums"),
        c.Cancel(),
        c.Start(),
        c.End(),
        c.TakeSeat(),
        c.Leave(),
        c.Connect(ConnectionId("c")),
        c.Disconnect(ConnectionId("c")),
        c.Look(),
        c.PostChat("hello"),
        c.RemoveChat(MessageId("m")),
        c.RaiseHand(),
        c.LowerHand(),
        c.React("x"),
        c.OpenPoll("Which?", ("a", "b")),
        c.Vote(PollId("p"), (0,)),
        c.ClosePoll(PollId("p")),
        c.Mute(UserId("ada")),
        c.Unmute(UserId("ada")),
        c.RemoveMember(UserId("ada")),
        c.Lock(),
        c.Unlock(),
        c.InviteToStage(UserId("ada")),
        c.AcceptStage(),
        c.LeaveStage(),
        c.RemoveFromStage(UserId("ada")),
        c.StartRecording(),
        c.StopRecording(),
        c.OpenMedia("watch", "camera", ("one@1",)),
        c.ShowMedia("one@1", None, (), ()),
        c.ShowSpeakers("one@1", ()),
        c.CheckMedia("one@1", (), ()),
        c.Tick(),
    )
}


def test_every_command_has_a_sample_here() -> None:
    assert set(EVERY_COMMAND) == set(get_args(c.Command))


@pytest.mark.parametrize("kind", [kind for kind in EVERY_COMMAND if kind is not c.Schedule])
def test_a_class_that_is_not_there_is_not_found_by_any_command(kind: type[Any]) -> None:
    state = LiveClass(SESSION)
    before = save(state)
    assert decide(state, Ask(TEACHER, EVERY_COMMAND[kind], NINE)) == NotFound("live session", SESSION)
    assert save(state) == before


@pytest.mark.parametrize("kind", EVERY_COMMAND)
def test_every_command_is_answered_to_everybody_whatever_the_class_is_doing(kind: type[Any]) -> None:
    ended, locked = started(), started()
    ended.do(TEACHER, c.End())
    locked.do(TEACHER, c.Lock())
    for room in (ended, locked, started()):
        for caller in (TEACHER, student("ada"), student("out")):
            decision = room.ask(caller, EVERY_COMMAND[kind])
            assert isinstance(decision, Refusal | tuple)


@pytest.mark.parametrize("kind", EVERY_COMMAND)
def test_doing_the_same_twice_adds_nothing_the_second_time_unless_it_is_said_twice(kind: type[Any]) -> None:
    room = started()
    room.join(student("ada"))
    caller = student("ada") if kind in (c.RaiseHand, c.TakeSeat, c.Connect, c.Leave) else TEACHER
    again = kind in (c.PostChat, c.React, c.OpenPoll)
    room.ask(caller, EVERY_COMMAND[kind])
    second = room.ask(caller, EVERY_COMMAND[kind])
    assert isinstance(second, Refusal) or bool(second) == again
