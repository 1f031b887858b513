"""The grain of one live class: commands in, a turn out. Holds the class's state and who follows its topics."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence

import msgspec
import structlog

from actors.class_jobs import jobs_of
from actors.correlation import about
from actors.enrolled import Enrolled
from actors.envelopes import LIVE, Deliver, Enter, Envelope, EvictNotice, Quit, Reconcile, Reply
from actors.moves import Moves
from actors.restoring import SEPARATOR, notices_of, publish, restore, tail_evictions, tail_notices
from actors.rings import Ring
from actors.snapshots import Snapshots
from actors.turns import Item, Resume, Turn
from classroom.answers import Accepted, Refused
from classroom.callers import Caller, Role
from classroom.ids import CommandId, ConnectionId, SessionId, Topic, UserId
from classroom.live import commands as c
from classroom.live.attendance import touched_intervals
from classroom.live.codec import payload_of
from classroom.live.decide import Ask, Decision, decide
from classroom.live.door import no_longer_inside
from classroom.live.events import Event, SeatPromoted, WaitlistLeft
from classroom.live.evolve import evolve
from classroom.live.publications import VIEWS, offset_in, shown_on
from classroom.live.settle import settle, settle_due
from classroom.live.snapshot import save
from classroom.live.state import LiveClass, Status, next_deadline
from classroom.live.talk_events import MemberRemoved
from classroom.live.views import may_follow, reply, row_of, session_frame, standing
from classroom.ports import Batch, Entered
from classroom.progress.commands import Command as ProgressCommand
from classroom.records import IntervalRow, LoggedEvent
from classroom.refusals import Forbidden, NotFound, Refusal, Unavailable
from classroom.times import SECOND, Moment
from classroom.topics import LiveTopic
from persistence.batches import Write
from persistence.live_log import Loaded

MISSED_AT_MOST = 2_000
SNAPSHOT_EVERY = 500
TICKS_A_TURN = 10_000
TOLD_WITHIN = 60 * SECOND
UNLOGGED_AT_MOST = 256
"""Commands that changed nothing since the last event; of more than these, the oldest are known until a crash only."""

_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger(__name__)
_MAKING_IDS = (c.PostChat, c.OpenPoll, c.StartRecording)
_OF_NOW = frozenset((c.Look, c.OpenMedia, c.ShowSpeakers, c.CheckMedia))
"""What is decided anew however often it comes: an answer of then would be wrong now."""
_MOVES = (SeatPromoted.type, WaitlistLeft.type)
_FOR_STUDENTS = (c.TakeSeat, c.Look, Enter)
_UNKNOWN: Moment | None = Moment(-1)
_AT_ONCE = Moment(0)
_HOST = Caller(UserId("host"), "host", Role.ADMIN)


class LiveGrain:
    """One class in the memory of its owner. Everything here is synchronous; the host commits what a turn brings."""

    kind = LIVE

    def __init__(
        self, grain_id: str, shard_id: int, epoch: int, loaded: Loaded, recent: Sequence[LoggedEvent],
        grace: int, new_id: Callable[[], str],
    ) -> None:  # fmt: skip
        self.id = grain_id
        self.epoch = epoch
        self.followers: dict[str, set[str]] = {view: set() for view in VIEWS}
        self.rings = {view: Ring() for view in VIEWS}
        self._shard_id = shard_id
        self._new_id = new_id
        self._enrolled = Enrolled()
        self._moves = Moves()
        self._unlogged: deque[CommandId] = deque(maxlen=UNLOGGED_AT_MOST)
        self._frame: tuple[object, ...] = ()
        self._frame_json = b""
        self._snapshots = Snapshots()
        self._snapshot_at = loaded.snapshot_offset
        self._state = restore(SessionId(grain_id), loaded, recent, grace)
        if any(entry.type in _MOVES for entry in loaded.tail):
            self._moves.due = self._state.at
        self.unsent = tail_notices(self._state.session_id, loaded)
        self.unsent_evictions = tail_evictions(self._state, loaded)
        # What the store holds is not known after a load; a class that is over and told everything has no deadline left.
        goes_on = self._state.status in (Status.SCHEDULED, Status.LIVE)
        self._deadline = _UNKNOWN if self.offset and (goes_on or self.unsent) else None

    @property
    def state(self) -> LiveClass:
        """The class; whoever reads it must not let it out before the host's next commit."""
        return self._state

    @property
    def offset(self) -> int:
        """How many events the log has, once what is under way is committed."""
        return self._state.offsets.log

    @property
    def is_nobody(self) -> bool:
        """Whether no class has this id."""
        return self._state.plan is None

    def doubt_deadline(self) -> None:
        """The store may hold a deadline, whether the class has one or not."""
        self._deadline = _UNKNOWN

    def hold_graces(self, since: Moment) -> None:
        """Nobody could come back before that moment: count no grace period from earlier."""
        self._state.grace_from = since

    def must_ask(self, item: Item, now: Moment) -> bool:
        """Whether the caller's enrolment must be read before this can be decided."""
        envelope = item.envelope
        user_id = envelope.caller.user_id
        return (
            isinstance(envelope.body, _FOR_STUDENTS)
            and envelope.caller.role is Role.STUDENT
            and not self._enrolled.knows(user_id, now)
            and self._state.plan is not None
            and not self._state.is_inside(user_id)
        )

    def unknown_students(self, items: Iterable[Item], now: Moment) -> list[UserId]:
        """Whose enrolment must be read before all of these can be decided."""
        return list({item.envelope.caller.user_id for item in items if self.must_ask(item, now)})

    def enrol(self, asked: Sequence[UserId], found: Sequence[UserId], now: Moment) -> None:
        """Note who of `asked` is enrolled, for ten seconds, and who is not, for the coming turn only."""
        self._enrolled.learn(asked, found, now)

    def work(self, mailbox: deque[Item], now: Moment, turn: Turn, at_most: int) -> None:
        """Take and decide the first of the mailbox, in order, up to somebody whose enrolment is not known. The state has
        moved afterwards; the turn says what must be durable before anybody hears of it."""
        asked_at, now = now, Moment(max(now, self._state.at))
        logged: list[_Logged] = []
        if self._state.is_past_its_end(now):
            self._tick(now, logged)  # what comes after the end comes to a class that is over
        while mailbox and len(turn.taken) < at_most and not self.must_ask(mailbox[0], asked_at):
            item = mailbox.popleft()
            turn.taken.append(item)
            self._one(item, asked_at, now, turn, logged)
        if self._state.plan is not None:
            self._move(settle(self._state, now), now, None, logged)
        turn.notices.extend(self._moves.tell(self._state, now))
        self._record(turn, logged, now)
        self._enrolled.forget_strangers()

    @property
    def changed(self) -> bool:
        """Whether there is anything that no snapshot holds."""
        return self.offset > self._snapshot_at

    @property
    def wants_snapshot(self) -> bool:
        """Whether reading the log back has come to cost more than a snapshot."""
        state = self._state
        return self.offset - self._snapshot_at >= max(SNAPSHOT_EVERY, 2 * len(state.stays) + len(state.waitlist))

    @property
    def has_moves_to_tell(self) -> bool:
        """Whether some who wait are still to be told their new places: no snapshot must hide the events that say so."""
        return self._moves.due is not None

    def save(self) -> tuple[int, bytes]:
        """A snapshot of now: its offset and its encoded state."""
        return self.offset, _encode(save(self._state))

    def saved(self, offset: int) -> None:
        """The store has a snapshot of this offset, or will have in a moment; 0 when that came to nothing."""
        self._snapshot_at = offset

    def wake_at(self) -> Moment | None:
        """When the class next has something to do by itself."""
        due = [at for at in (next_deadline(self._state), settle_due(self._state), self._moves.due) if at is not None]
        if not due and self._deadline is not None and not self._state.connections:
            due = [Moment(self._state.at + TOLD_WITHIN)]  # to take back the deadline of a class that has nothing more to do
        return min(due) if due and self._state.plan is not None else None

    def gateways_present(self) -> dict[str, list[tuple[UserId, ConnectionId]]]:
        """The connections the class believes in, by the run of the gateway that holds them."""
        held: dict[str, list[tuple[UserId, ConnectionId]]] = {}
        for user_id, connections in self._state.connections.items():
            for connection in connections:
                held.setdefault(gateway_run(connection), []).append((user_id, connection))
        return held

    def _one(self, item: Item, asked_at: Moment, now: Moment, turn: Turn, logged: "list[_Logged]") -> None:
        body = item.envelope.body
        enrolled = self._enrolled.has(item.envelope.caller.user_id, asked_at)
        if isinstance(body, Enter):
            self._enter(item, body, enrolled, now, turn, logged)
        elif isinstance(body, Quit):
            self.followers[body.view].discard(body.gateway)
            turn.replies.append((item, _DONE))
        elif isinstance(body, Reconcile):
            self._reconcile(body, now, logged)
            turn.replies.append((item, _DONE))
        elif isinstance(body, c.Tick):
            self._tick(now, logged)
            turn.replies.append((item, _DONE))
        elif body is None or isinstance(body, Deliver | ProgressCommand):
            turn.replies.append((item, Refused(Forbidden("ask this of a class"))))
        else:
            turn.replies.append((item, self._command(item.envelope, body, enrolled, now, logged)))

    def _command(
        self, envelope: Envelope, command: c.Command, enrolled: bool, now: Moment, logged: "list[_Logged]"
    ) -> Reply:
        state, caller = self._state, envelope.caller
        key = _key_of(envelope, command)
        fresh = self._fresh(command) if isinstance(command, _MAKING_IDS) else ""
        ask = Ask(caller, command, now, enrolled, fresh)
        if key is not None and key in state.answered:
            self._come_again(envelope, command, now, logged)
            refusal = no_longer_inside(state, caller, enrolled, now) if isinstance(command, c.TakeSeat) else None
            return Refused(refusal) if refusal is not None else self._accepted(ask, state.answered[key])
        decision = self._decide(ask, envelope)
        if isinstance(decision, Refusal):
            return Refused(decision)
        self._move(decision, now, key, logged)
        if key is not None and not decision:
            # A late copy of a command that changed nothing must go on changing nothing. After a crash that matters only
            # once something else has changed: it is noted with the next event.
            state.remember(key, fresh)
            self._unlogged.append(key)
        if isinstance(command, c.Leave):
            self._enrolled.forget(caller.user_id)  # leaving may come from the end of the enrolment
        return self._accepted(ask, fresh)

    def _fresh(self, command: c.Command) -> str:
        """The id of what the command brings into being, or of what it is about to find there."""
        running = self._state.recording if isinstance(command, c.StartRecording) else None
        return self._new_id() if running is None else running.recording_id

    def _decide(self, ask: Ask, envelope: Envelope | None = None) -> Decision:
        try:
            return decide(self._state, ask)
        except Exception:
            # A fault in a rule. Nothing has moved yet, so it is nobody's trouble but the caller's.
            named = about([envelope]) if envelope is not None else {}
            _log.exception("rule_failed", session=self.id, command=type(ask.command).__name__, **named)
            return Unavailable()

    def _come_again(self, envelope: Envelope, command: c.Command, now: Moment, logged: "list[_Logged]") -> None:
        """A join repeated adds nothing but the presence of its socket or, without one, the time to come with one."""
        if isinstance(command, c.TakeSeat) and self._state.is_inside(envelope.caller.user_id):
            decision = self._decide(Ask(envelope.caller, command, now), envelope)
            if not isinstance(decision, Refusal):
                self._move(decision, now, None, logged)

    def _accepted(self, ask: Ask, fresh: str) -> Accepted:
        state = self._state
        if isinstance(ask.command, c.TakeSeat):  # the stampede: the class itself is encoded once, not once a student
            you = standing(state, ask.caller.user_id)
            return Accepted(you["outcome"], b'%b,"session":%b}' % (_encode(you)[:-1], self._session_json()))
        outcome, body = reply(state, ask, fresh)
        return Accepted(outcome, _encode(body))

    def _session_json(self) -> bytes:
        state = self._state
        frame = (state.plan, state.status, state.locked, state.ends_at)
        if frame != self._frame:
            self._frame, self._frame_json = frame, _encode(session_frame(row_of(state)))[:-1]
        return b'%b,"currentStudents":%d,"waitlisted":%d}' % (self._frame_json, len(state.seats), len(state.waitlist))

    def _move(self, events: Sequence[Event], now: Moment, key: CommandId | None, logged: "list[_Logged]") -> None:
        state = self._state
        for event in events:
            evolve(state, event, now, key)
            offsets = state.offsets
            entry = LoggedEvent(
                offsets.log, event.type, _encode(payload_of(event)), now, self._noted(key) if self._unlogged else key,
                (offsets.everybody, offsets.staff, offsets.queue),
            )  # fmt: skip
            logged.append((event, entry, touched_intervals(state, event)))
            if isinstance(event, SeatPromoted | WaitlistLeft):
                self._moves.begin(now, len(state.waitlist))
            key = None

    def _noted(self, key: CommandId | None) -> str:
        ids = [*self._unlogged, key] if key is not None else self._unlogged
        noted = SEPARATOR.join(ids)
        self._unlogged.clear()
        return noted

    def _tick(self, now: Moment, logged: "list[_Logged]") -> None:
        for _ in range(TICKS_A_TURN):
            decision = self._decide(Ask(_HOST, c.Tick(), now))
            if isinstance(decision, Refusal) or not decision:
                return
            self._move(decision, now, None, logged)

    def _reconcile(self, body: Reconcile, now: Moment, logged: "list[_Logged]") -> None:
        present = {(caller.user_id, connection): caller for caller, connection in body.present}
        believed = set(self.gateways_present().get(body.gateway, []))
        gone = believed - set(present)
        moves: list[tuple[Caller, c.Command]] = [
            (Caller(user_id, "", Role.STUDENT), c.Disconnect(connection)) for user_id, connection in gone
        ]
        moves += [(caller, c.Connect(key[1])) for key, caller in present.items() if key not in believed]
        for caller, command in moves:
            decision = self._decide(Ask(caller, command, now))
            if not isinstance(decision, Refusal):
                self._move(decision, now, None, logged)

    def _enter(self, item: Item, enter: Enter, enrolled: bool, now: Moment, turn: Turn, logged: "list[_Logged]") -> None:
        state, caller, view = self._state, item.envelope.caller, enter.view
        if state.plan is None:
            turn.replies.append((item, Refused(NotFound("live session", self.id))))
            return
        if enter.connection is not None:
            refusal = may_follow(state, caller, view, enrolled)
            if refusal is not None:
                turn.replies.append((item, Refused(refusal)))
                return
            decision = self._decide(Ask(caller, c.Connect(enter.connection), now), item.envelope)
            if isinstance(decision, Refusal):
                turn.replies.append((item, Refused(decision)))
                return
            self._move(decision, now, None, logged)
        self.followers[view].add(enter.gateway)
        offset = offset_in(state.offsets, view)
        since = enter.since
        if since is not None and offset - MISSED_AT_MOST <= since.offset <= offset:
            turn.resumes.append(Resume(item, view, since, self.epoch, offset))
            return
        body = self._snapshots.of(state, view, caller, self._session_json())
        turn.replies.append((item, Entered(self.epoch, offset, recovered=False, events=(), snapshot=body)))

    def _record(self, turn: Turn, logged: "list[_Logged]", now: Moment) -> None:
        state = self._state
        if state.plan is None:
            return
        for event, entry, _ in logged:
            turn.notices.extend(notices_of(state.session_id, event, entry.offset))
            if isinstance(event, MemberRemoved):
                turn.evictions.append(EvictNotice(self.id, event.user_id))
        # After a crash the class wakes at once, whatever the clock says, if somebody may not have been told something, or
        # if it believes in sockets: they may be gone, and nobody else would notice.
        untold = turn.notices or turn.evictions or self._moves.due is not None
        deadline = _AT_ONCE if untold or state.connections else next_deadline(state)
        # A row that is too early wakes the class in vain; one that is too late would forget something.
        stored = self._deadline
        moved = deadline != stored and (deadline is None or stored is None or deadline < stored or stored <= now)
        if not logged and not moved:
            return
        if moved:
            self._deadline = deadline
        intervals: list[IntervalRow] = [row for _, _, rows in logged for row in rows]
        jobs = jobs_of(state.session_id, [event for event, _, _ in logged])
        turn.write = Write(
            LIVE, self.id, self._shard_id, self.epoch, [entry for _, entry, _ in logged], row_of(state) if logged else None,
            intervals, deadline, moved, jobs=jobs,
        )  # fmt: skip
        self._publish(turn, logged)

    def _publish(self, turn: Turn, logged: "list[_Logged]") -> None:
        for index, view in enumerate(VIEWS):
            if not self.followers[view]:
                continue
            told = [(event, entry) for event, entry, _ in logged if shown_on(event)[index]]
            if not told:
                continue
            encoded = [publish(event, view, entry.topic_offsets[index], entry.at) for event, entry in told]
            first = told[0][1].topic_offsets[index]
            topic = Topic(str(LiveTopic(self._state.session_id, view)))
            turn.batches.append((view, Batch(topic, self.epoch, first, encoded)))


_Logged = tuple[Event, LoggedEvent, list[IntervalRow]]
_DONE = Accepted("done", b"{}")


def _key_of(envelope: Envelope, command: c.Command) -> CommandId | None:
    """What the command is remembered by, in the log too: one id under two kinds of command stands for two commands."""
    if envelope.command_id is None or type(command) in _OF_NOW:
        return None
    return CommandId(f"{envelope.caller.user_id}:{type(command).__name__}:{envelope.command_id}")


def gateway_run(connection: ConnectionId) -> str:
    """The run of the gateway that made this connection's id."""
    return connection.partition(".")[0]
