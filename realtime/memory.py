"""A host of classes in this process, behind the ports `CommandDesk` and `Topics`: for tests and for trying things out.

It keeps the promises that the gateway leans on (offsets without gaps, positions exact at the moment of entering, commands
done once, presence) with just enough of a class to have something to tell: seats, a waitlist, chat. The rules
themselves are in `classroom/live/`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from classroom.answers import Accepted, Answer, Refused
from classroom.callers import Caller, Role
from classroom.ids import CommandId, ConnectionId, SessionId, Topic, UserId
from classroom.live.commands import Command, Leave, PostChat, TakeSeat
from classroom.ports import Batch, Entered
from classroom.refusals import ClassFull, Forbidden, NotFound, NotSeated, Refusal, Unavailable, UnknownTopic
from classroom.times import Moment, rfc3339
from classroom.topics import CourseTopic, LiveTopic, Position, UserTopic, parse_topic, topic_of

_encode = msgspec.json.Encoder().encode


@dataclass
class MemoryClass:
    """One class: who sits, who waits, whose sockets are here."""

    owner: UserId
    capacity: int
    seated: list[UserId] = field(default_factory=list)
    waiting: list[UserId] = field(default_factory=list)
    present: dict[UserId, set[ConnectionId]] = field(default_factory=lambda: defaultdict(set))


class MemoryHost:
    """Implements `CommandDesk` and `Topics`. Events of followed topics go to `deliver`, after what caused them."""

    def __init__(self, deliver: Callable[[Sequence[Batch]], None]) -> None:
        self.classes: dict[SessionId, MemoryClass] = {}
        self.logs: dict[Topic, list[bytes]] = defaultdict(list)
        self.followed: set[Topic] = set()
        self.epoch = 1
        self.away = False
        """While true, nothing can be asked of this host and nothing is delivered."""
        self.kept_events = 1_000_000
        """How many events of a topic can still be replayed."""
        self._deliver = deliver
        self._answers: dict[tuple[UserId, CommandId], Answer] = {}

    def open_class(self, session_id: SessionId, owner: UserId, capacity: int) -> MemoryClass:
        """Bring a class into being."""
        made = self.classes[session_id] = MemoryClass(owner, capacity)
        return made

    def restart(self) -> None:
        """What a crash of the host leaves: the log. Who followed is forgotten; the epoch is a new one."""
        self.followed.clear()
        self.epoch += 1
        self.away = False

    def publish(self, topic: Topic, kind: str, data: dict[str, Any], at: Moment = Moment(0)) -> None:
        """Add an event to the topic's log, and tell the gateway if it follows."""
        log = self.logs[topic]
        log.append(_encode({"offset": len(log) + 1, "type": kind, "at": rfc3339(at), "data": data}))
        if topic in self.followed and not self.away:
            self._deliver((Batch(topic, self.epoch, len(log), (log[-1],)),))

    # CommandDesk

    async def execute(
        self, session_id: SessionId, caller: Caller, command: Command, command_id: CommandId | None = None
    ) -> Answer:
        """See `classroom.ports.LiveSessions`."""
        return self._answer(session_id, caller, command, command_id)

    def submit(
        self,
        session_id: SessionId,
        caller: Caller,
        command: Command,
        command_id: CommandId | None,
        then: Callable[[Answer], None],
    ) -> None:
        """See `classroom.ports.CommandDesk`."""
        asyncio.get_running_loop().call_soon(then, self._answer(session_id, caller, command, command_id))

    def _answer(self, session_id: SessionId, caller: Caller, command: Command, command_id: CommandId | None) -> Answer:
        if self.away:
            return Refused(Unavailable())
        key = (caller.user_id, command_id) if command_id is not None else None
        if key is not None and key in self._answers:
            return self._answers[key]
        room = self.classes.get(session_id)
        answer = Refused(NotFound("class", session_id)) if room is None else self._decide(session_id, room, caller, command)
        if key is not None:
            self._answers[key] = answer
        return answer

    def _decide(self, session_id: SessionId, room: MemoryClass, caller: Caller, command: Command) -> Answer:
        match command:
            case TakeSeat():
                return self._take_seat(session_id, room, caller, command)
            case Leave():
                return self._leave(session_id, room, caller)
            case PostChat(text, _):
                if caller.user_id not in (*room.seated, room.owner):
                    return Refused(NotSeated(caller.user_id))
                sender = {"id": caller.user_id, "name": caller.name}
                self.publish(topic_of(LiveTopic(session_id, "")), "chat.posted", {"text": text, "from": sender})
                return Accepted("done", b"{}")
            case _:
                return Refused(Forbidden("do this in a class kept in memory"))

    def _take_seat(self, session_id: SessionId, room: MemoryClass, caller: Caller, command: TakeSeat) -> Answer:
        user = caller.user_id
        if command.connection is not None:
            room.present[user].add(command.connection)
        if user not in room.seated and user not in room.waiting:
            if len(room.seated) < room.capacity:
                room.seated.append(user)
                self.publish(topic_of(LiveTopic(session_id, "staff")), "seat.taken", {"userId": user})
            elif command.waitlist:
                room.waiting.append(user)
                self.publish(topic_of(LiveTopic(session_id, "staff")), "waitlist.joined", {"userId": user})
            else:
                return Refused(ClassFull(room.capacity, waitlist_enabled=True))
            self._count(session_id, room)
        if user in room.seated:
            return Accepted("seated", _encode({"outcome": "seated", "seat": {"number": room.seated.index(user) + 1}}))
        return Accepted("waitlisted", _encode({"outcome": "waitlisted", "position": room.waiting.index(user) + 1}))

    def _leave(self, session_id: SessionId, room: MemoryClass, caller: Caller) -> Answer:
        user = caller.user_id
        if user in room.waiting:
            room.waiting.remove(user)
        elif user in room.seated:
            room.seated.remove(user)
            self.publish(topic_of(LiveTopic(session_id, "staff")), "seat.released", {"userId": user})
            if room.waiting:
                promoted = room.waiting.pop(0)
                room.seated.append(promoted)
                self.publish(topic_of(UserTopic(promoted)), "seat.promoted", {"sessionId": session_id})
        room.present.pop(user, None)
        self._count(session_id, room)
        return Accepted("done", b"{}")

    def _count(self, session_id: SessionId, room: MemoryClass) -> None:
        counts = {"currentStudents": len(room.seated), "waitlisted": len(room.waiting)}
        for view in ("", "queue"):
            self.publish(topic_of(LiveTopic(session_id, view)), "count.changed", counts)

    # Topics

    async def enter(
        self, topic: Topic, caller: Caller, connection: ConnectionId | None, since: Position | None
    ) -> Entered | Refused:
        """See `classroom.ports.Topics`."""
        if self.away:
            return Refused(Unavailable("The topic"))
        if connection is not None and (refusal := self._admit(topic, caller, connection)) is not None:
            return Refused(refusal)
        self.followed.add(topic)
        log = self.logs[topic]
        if since is not None and len(log) - self.kept_events <= since.offset <= len(log):
            return Entered(self.epoch, len(log), recovered=True, events=tuple(log[since.offset :]), snapshot=None)
        return Entered(self.epoch, len(log), recovered=False, events=(), snapshot=_encode({"events": len(log)}))

    def _admit(self, topic: Topic, caller: Caller, connection: ConnectionId) -> Refusal | None:
        match parse_topic(topic):
            case None:
                return UnknownTopic(topic)
            case UserTopic(user_id):
                return None if user_id == caller.user_id else Forbidden("follow this topic")
            case CourseTopic(course_id, _):
                return NotFound("course", course_id)
            case LiveTopic(session_id, view):
                room = self.classes.get(session_id)
                if room is None:
                    return NotFound("class", session_id)
                inside = {"": room.seated, "queue": room.waiting, "staff": []}[view]
                if caller.user_id in inside:
                    room.present[caller.user_id].add(connection)
                elif caller.user_id != room.owner and caller.role is not Role.ADMIN:
                    return Forbidden("follow this topic")
                return None

    async def quit(self, topic: Topic) -> None:
        """See `classroom.ports.Topics`."""
        self.followed.discard(topic)

    async def gone(self, sessions: Sequence[SessionId] | None, caller: Caller, connection: ConnectionId) -> None:
        """See `classroom.ports.Topics`."""
        for session_id in self.classes if sessions is None else sessions:
            room = self.classes.get(session_id)
            if room is not None:
                room.present[caller.user_id].discard(connection)
