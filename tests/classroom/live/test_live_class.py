"""The promises of a class under any sequence of commands, found false by hypothesis if they are."""

import copy
import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from classroom.callers import Caller
from classroom.ids import CommandId, ConnectionId, MessageId, PollId, UserId
from classroom.live import commands as c
from classroom.live import talk_events as t
from classroom.live.codec import event_of
from classroom.live.decide import Ask
from classroom.live.media import MEDIA_NODE
from classroom.live.people import Person
from classroom.live.publications import QUEUE, VIEWS, offset_in
from classroom.live.settle import TELL_EVERY, settle_due
from classroom.live.snapshot import load, save
from classroom.live.state import next_deadline
from classroom.live.views import may_follow, reply, snapshot
from classroom.refusals import Refusal
from classroom.times import SECOND
from tests.classroom.live.promises import WatchedRoom, promises_hold
from tests.classroom.live.room import TEACHER, fold, plan, student, through_json
from tests.classroom.live.subscriber import Subscriber, comparable

PEOPLE = [student(name) for name in ("ada", "ben", "cyd", "dan", "eve", "fay")]
WAITS = [0, 0.01, 0.05, 0.1, 1, 20, 59.999999, 60, 61, 240, 1500]

people = st.sampled_from(PEOPLE)
sockets = st.sampled_from(["x", "y"])
NODES = ["one@1", "one@2", "two@1"]
Slots = list[Person | None]
slot = st.none() | people.map(lambda caller: Person(caller.user_id, caller.name))
rarely = st.integers(0, 7).map(lambda number: number == 7)


@dataclass
class Asked:
    """A command that was put, to be put again."""

    caller: Caller
    command: c.Command
    command_id: str


class LiveClassMachine(RuleBasedStateMachine):
    """A class of a few seats and six students who do everything there is to do."""

    room: WatchedRoom

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        self.saved: list[tuple[int, Any]] = []
        self.subscribers: list[Subscriber] = []

    @initialize(
        capacity=st.integers(1, 4), minutes=st.sampled_from([1, 5, 6, 60]), waitlist=st.booleans(), begun=st.booleans()
    )
    def schedule(self, capacity: int, minutes: int, waitlist: bool, begun: bool) -> None:
        self.room = WatchedRoom()
        command = plan(max_students=capacity, duration_minutes=minutes, waitlist_enabled=waitlist)
        self.put(TEACHER, command)
        for view in VIEWS:
            self.subscribe(view, TEACHER)
        if begun:
            self.put(TEACHER, c.Start())

    def put(self, caller: Caller, command: c.Command) -> None:
        command_id = f"command-{len(self.asked)}"
        self.asked.append(Asked(caller, command, command_id))
        decision = self.room.ask(caller, command, command_id=command_id)
        if isinstance(decision, Refusal):
            through_json([decision.code, decision.message(), decision.details()])
        else:
            outcome, body = reply(self.room.state, Ask(caller, command, self.room.now, enrolled=True), "fresh")
            assert outcome in ("seated", "waitlisted", "none", "done")
            through_json(body)

    # the door

    @rule(caller=people, waitlist=st.booleans(), socket=st.none() | sockets)
    def join(self, caller: Caller, waitlist: bool, socket: str | None) -> None:
        connection = ConnectionId(f"{caller.user_id}-{socket}") if socket else None
        self.put(caller, c.TakeSeat(waitlist, connection))

    @rule(callers=st.lists(people, min_size=2, max_size=6, unique_by=lambda caller: caller.user_id))
    def rush(self, callers: list[Caller]) -> None:
        for caller in callers:
            self.put(caller, c.TakeSeat())

    @rule(caller=people)
    def leave(self, caller: Caller) -> None:
        self.put(caller, c.Leave())

    @rule(caller=people, socket=sockets)
    def connect(self, caller: Caller, socket: str) -> None:
        self.put(caller, c.Connect(ConnectionId(f"{caller.user_id}-{socket}")))

    @rule(caller=people, socket=sockets)
    def disconnect(self, caller: Caller, socket: str) -> None:
        self.put(caller, c.Disconnect(ConnectionId(f"{caller.user_id}-{socket}")))

    @rule(caller=people, ban=rarely)
    def remove(self, caller: Caller, ban: bool) -> None:
        self.put(TEACHER, c.RemoveMember(caller.user_id, ban))

    # its life

    @rule()
    def start(self) -> None:
        self.put(TEACHER, c.Start())

    @rule(really=rarely)
    def end(self, really: bool) -> None:
        if really:
            self.put(TEACHER, c.End())

    @rule(really=rarely)
    def cancel(self, really: bool) -> None:
        if really:
            self.put(TEACHER, c.Cancel())

    @rule(locked=st.booleans())
    def lock(self, locked: bool) -> None:
        self.put(TEACHER, c.Lock() if locked else c.Unlock())

    @rule(capacity=st.integers(1, 6))
    def resize(self, capacity: int) -> None:
        seated = self.room.seated()
        self.put(TEACHER, c.Revise(max_students=capacity))
        assert self.room.seated()[: len(seated)] == seated, "a change of capacity evicted somebody"

    @rule(
        title=st.none() | st.sampled_from(["Fractions", "Sums"]),
        minutes=st.none() | st.sampled_from([1, 4, 60, 90]),
        waitlist=st.none() | st.booleans(),
        later=st.none() | st.sampled_from([0, 600]),
        capacity=st.none() | st.integers(1, 6),
    )
    def revise(
        self, title: str | None, minutes: int | None, waitlist: bool | None, later: int | None, capacity: int | None
    ) -> None:
        starts_at = None if later is None else plan().starts_at + later * SECOND
        self.put(TEACHER, c.Revise(title, starts_at, minutes, capacity, None, waitlist))  # type: ignore[arg-type]

    @rule(seconds=st.sampled_from(WAITS))
    def wait(self, seconds: float) -> None:
        self.room.wait(seconds)

    @rule(seconds=st.sampled_from(WAITS))
    def wait_and_tick(self, seconds: float) -> None:
        self.room.wait(seconds)
        self.room.tick()
        due = next_deadline(self.room.state)
        assert due is None or due > self.room.now, "something is still due"
        assert not self.room.state.is_past_its_end(self.room.now)

    # talk

    @rule(caller=people, to=st.sampled_from(["all", "staff", "ada", "tess"]))
    def chat(self, caller: Caller, to: str) -> None:
        self.put(caller, c.PostChat("hello", to))

    @rule(caller=st.sampled_from([TEACHER, *PEOPLE]), which=st.integers(0, 3))
    def unchat(self, caller: Caller, which: int) -> None:
        said = [entry for entry in self.room.log if entry.type == "chat.posted"]
        if said:
            message = event_of(said[-1 - which % len(said)].type, self.payload(said[-1 - which % len(said)]))
            assert isinstance(message, t.ChatPosted)
            self.put(caller, c.RemoveChat(MessageId(message.message_id)))

    @staticmethod
    def payload(entry: Any) -> Any:
        return json.loads(entry.payload)

    @rule(caller=people, up=st.booleans())
    def hand(self, caller: Caller, up: bool) -> None:
        self.put(caller, c.RaiseHand() if up else c.LowerHand())

    @rule(caller=people)
    def calm(self, caller: Caller) -> None:
        self.put(TEACHER, c.LowerHand(caller.user_id))

    @rule(caller=people)
    def react(self, caller: Caller) -> None:
        self.put(caller, c.React("👍"))

    @rule(caller=people, muted=st.booleans())
    def mute(self, caller: Caller, muted: bool) -> None:
        self.put(TEACHER, c.Mute(caller.user_id) if muted else c.Unmute(caller.user_id))

    @rule(multiple=st.booleans(), quiz=st.booleans())
    def ask(self, multiple: bool, quiz: bool) -> None:
        self.put(TEACHER, c.OpenPoll("Which?", ("a", "b", "c"), multiple, quiz, (1,) if quiz else ()))

    # the stage, and what is shown

    @rule(caller=people)
    def invite(self, caller: Caller) -> None:
        self.put(TEACHER, c.InviteToStage(caller.user_id))

    @rule(caller=people)
    def come_up(self, caller: Caller) -> None:
        self.put(caller, c.AcceptStage())

    @rule(caller=people, by_staff=st.booleans())
    def go_down(self, caller: Caller, by_staff: bool) -> None:
        self.put(*(TEACHER, c.RemoveFromStage(caller.user_id)) if by_staff else (caller, c.LeaveStage()))

    @rule(running=st.booleans())
    def record(self, running: bool) -> None:
        self.put(TEACHER, c.StartRecording() if running else c.StopRecording())

    @rule(
        caller=st.sampled_from([TEACHER, *PEOPLE]),
        publish=st.booleans(),
        nodes=st.lists(st.sampled_from(NODES), max_size=2, unique=True),
    )
    def open_media(self, caller: Caller, publish: bool, nodes: list[str]) -> None:
        self.put(caller, c.OpenMedia("publish" if publish else "watch", "camera", tuple(nodes)))

    @rule(
        node=st.sampled_from(NODES), screen=slot, cameras=st.lists(slot, max_size=5), microphones=st.lists(slot, max_size=6)
    )
    def show(self, node: str, screen: Person | None, cameras: Slots, microphones: Slots) -> None:
        self.put(MEDIA_NODE, c.ShowMedia(node, screen, tuple(cameras), tuple(microphones)))

    @rule(node=st.sampled_from(NODES), speakers=st.lists(people.map(lambda caller: caller.user_id), max_size=7))
    def speak(self, node: str, speakers: list[UserId]) -> None:
        self.put(MEDIA_NODE, c.ShowSpeakers(node, tuple(speakers)))

    @rule(node=st.sampled_from(NODES))
    def check_media(self, node: str) -> None:
        ids = tuple(caller.user_id for caller in PEOPLE)
        before = len(self.room.log)
        self.put(MEDIA_NODE, c.CheckMedia(node, ids, ids))
        assert len(self.room.log) == before
        verdict = self.room.told_node(c.CheckMedia(node, ids, ids))
        assert set(ids) - set(verdict["viewersGone"]) == set(self.room.seated())
        assert set(ids) - set(verdict["publishersGone"]) == set(self.room.state.stage)

    @precondition(lambda self: self.room.state.polls)
    @rule(caller=people, which=st.integers(0, 4), choices=st.sampled_from([(0,), (1,), (2, 0), (3,), ()]))
    def vote(self, caller: Caller, which: int, choices: tuple[int, ...]) -> None:
        polls: list[PollId] = list(self.room.state.polls)
        self.put(caller, c.Vote(polls[which % len(polls)], choices))

    @precondition(lambda self: self.room.state.polls)
    @rule(which=st.integers(0, 4))
    def close(self, which: int) -> None:
        polls: list[PollId] = list(self.room.state.polls)
        self.put(TEACHER, c.ClosePoll(polls[which % len(polls)]))

    # what holds beside the rules

    @precondition(lambda self: self.asked)
    @rule(which=st.integers(0, 30))
    def repeat_a_command(self, which: int) -> None:
        again = self.asked[-1 - which % len(self.asked)]
        if CommandId(f"{again.caller.user_id}:{again.command_id}") not in self.room.state.answered:
            return
        before, length = save(self.room.state), len(self.room.log)
        assert self.room.ask(again.caller, again.command, command_id=again.command_id) == ()
        assert (save(self.room.state), len(self.room.log)) == (before, length)

    @rule()
    def keep_a_snapshot(self) -> None:
        self.saved.append((len(self.room.log), through_json(save(self.room.state))))

    @precondition(lambda self: self.saved)
    @rule(which=st.integers(0, 5))
    def recover_from_a_snapshot_and_go_on(self, which: int) -> None:
        length, saved = self.saved[which % len(self.saved)]
        recovered = fold(self.room.log[length:], load(saved))
        assert save(recovered) == save(self.room.state), "snapshot and tail are not the class"
        recovered.answered = copy.copy(self.room.state.answered)
        self.room.state = recovered

    @rule(view=st.sampled_from(VIEWS), caller=st.sampled_from([TEACHER, *PEOPLE]))
    def subscribe(self, view: str, caller: Caller) -> None:
        state = self.room.state
        if may_follow(state, caller, view, enrolled=True) is None and len(self.subscribers) < 12:
            picture = through_json(snapshot(state, view, caller))
            self.subscribers.append(Subscriber.entering(view, caller, picture, offset_in(state.offsets, view)))

    @rule()
    def settle(self) -> None:
        told = self.room.settle()
        if told:
            assert self.room.settle() == ()

    @rule()
    def compare_subscribers(self) -> None:
        self.room.now = max(self.room.now, self.room.state.at)
        self.room.wait(TELL_EVERY / SECOND)
        due = settle_due(self.room.state)
        assert due is None or due <= self.room.now
        self.room.settle()
        assert settle_due(self.room.state) is None
        for subscriber in self.subscribers:
            missed = self.room.told[subscriber.view][subscriber.offset :]
            for told in missed:
                subscriber.hear(told)
            fresh = through_json(snapshot(self.room.state, subscriber.view, subscriber.caller))
            mine, theirs = comparable(subscriber.view, subscriber.picture), comparable(subscriber.view, fresh)
            if subscriber.view == QUEUE and subscriber.picture["you"]["outcome"] != "waitlisted":
                del mine["position"], theirs["position"]  # what one does oneself is answered, not told
            assert mine == theirs, (subscriber.view or "everybody", subscriber.caller.user_id)

    def teardown(self) -> None:
        if hasattr(self, "room"):
            self.compare_subscribers()
            told = fold(self.room.log)
            assert (save(told), told.answered) == (save(self.room.state), self.room.state.answered)

    # always

    @invariant()
    def promises_hold(self) -> None:
        promises_hold(self.room)


LiveClassMachine.TestCase.settings = settings(max_examples=3 * settings().max_examples)
TestLiveClass = pytest.mark.timeout(900)(LiveClassMachine.TestCase)  # long only when it has found something to shrink
