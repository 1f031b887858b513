"""The ports of the live classes, over a dispatcher: what REST replicas and gateways hold in their hands."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from actors.config import ActorConfig
from actors.correlation import REQUEST_ID
from actors.dispatch import Dispatcher
from actors.envelopes import INBOX, LIVE, Enter, Envelope, Quit, Reconcile, Reply
from classroom.answers import Accepted, Answer, Refused
from classroom.callers import Caller, Role
from classroom.ids import CommandId, ConnectionId, SessionId, Topic, UserId
from classroom.live.commands import Command, Disconnect, Look, TakeSeat
from classroom.ports import Entered
from classroom.refusals import Unavailable, UnknownTopic
from classroom.topics import LiveTopic, Position, UserTopic, parse_topic

_GATEWAY = Caller(UserId("gateway"), "gateway", Role.ADMIN)


class LiveSessionsClient:
    """`classroom.ports.LiveSessions` over the hosts."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def execute(
        self, session_id: SessionId, caller: Caller, command: Command, command_id: CommandId | None = None
    ) -> Answer:
        """See the port."""
        return _answer(await self._send(session_id, caller, command, command_id))

    def submit(
        self,
        session_id: SessionId,
        caller: Caller,
        command: Command,
        command_id: CommandId | None,
        then: Callable[[Answer], None],
    ) -> None:
        """See `CommandDesk`."""
        reply = self._send(session_id, caller, command, command_id)
        reply.add_done_callback(lambda done: then(_answer(done.result())))

    def _send(
        self, session_id: SessionId, caller: Caller, command: Command, command_id: CommandId | None
    ) -> "asyncio.Future[Reply]":
        if command_id is None and not isinstance(command, Look):
            command_id = CommandId(self._dispatcher.fresh_command_id())
        return self._dispatcher.submit(Envelope(LIVE, session_id, caller, command, command_id, REQUEST_ID.get()))


class ActorClients:
    """What a process outside the actors needs of them."""

    def __init__(self, dispatcher: Dispatcher, is_well: Callable[[str], Awaitable[bool]], gateways: Sequence[str]) -> None:
        self.live = LiveSessionsClient(dispatcher)
        self._hosts = dispatcher.hosts
        self._gateways = gateways
        self._is_well = is_well

    async def hosts_are_well(self) -> bool:
        """Whether every host answers."""
        return all(await asyncio.gather(*map(self._is_well, self._hosts)))

    async def a_gateway_is_well(self) -> bool:
        """Whether sockets can be opened somewhere."""
        return any(await asyncio.gather(*map(self._is_well, self._gateways)))


def connect(config: ActorConfig) -> ActorClients:
    """The clients of a running deployment, from a process that Ray knows. Blocks for a moment; not for a loop."""
    from actors.cluster import gateway_names
    from actors.ray_calls import RayCalls  # Ray takes a second to import, and the twins do without it

    calls = RayCalls(config.namespace)
    return ActorClients(Dispatcher(calls, config.grain_hosts), calls.is_well, gateway_names())


class TopicsClient:
    """`classroom.ports.Topics` of one gateway, and `CommandDesk` for its sockets: together they know which connections
    hold a presence in which class, so that a host that forgot, or could not be told, hears of it later."""

    def __init__(self, dispatcher: Dispatcher, gateway: str, run: str) -> None:
        self._dispatcher = dispatcher
        self._live = LiveSessionsClient(dispatcher)
        self._gateway = gateway
        self._run = run
        self._present: dict[SessionId, dict[ConnectionId, Caller]] = {}
        self._doubtful: set[SessionId] = set()

    async def execute(
        self, session_id: SessionId, caller: Caller, command: Command, command_id: CommandId | None = None
    ) -> Answer:
        """See `LiveSessions`; a join notes the presence of its connection."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def resolve(done: Answer) -> None:
            if not answer.done():  # who asked may have stopped waiting
                answer.set_result(done)

        self.submit(session_id, caller, command, command_id, resolve)
        return await answer

    def submit(
        self,
        session_id: SessionId,
        caller: Caller,
        command: Command,
        command_id: CommandId | None,
        then: Callable[[Answer], None],
    ) -> None:
        """See `CommandDesk`."""
        if not isinstance(command, TakeSeat) or command.connection is None:
            self._live.submit(session_id, caller, command, command_id, then)
            return
        # Noted before it is true: a host that restarts meanwhile must not believe that the socket is gone.
        held = self._held_as(command.connection)
        noted = self._note(session_id, held, caller)

        def answered(answer: Answer) -> None:
            if noted and isinstance(answer, Refused):
                self._forget(session_id, held)
            self._doubt(session_id, answer)
            then(answer)

        self._live.submit(session_id, caller, TakeSeat(command.waitlist, held), command_id, answered)

    async def enter(
        self, topic: Topic, caller: Caller, connection: ConnectionId | None, since: Position | None
    ) -> Entered | Refused:
        """See the port."""
        parsed = parse_topic(topic)
        if parsed is None:
            return Refused(UnknownTopic(topic))
        view = parsed.view if isinstance(parsed, LiveTopic) else ""
        kind, grain_id = address(parsed)
        held = self._held_as(connection) if connection is not None else None
        body = Enter(topic, view, held, since, self._gateway)
        who = _GATEWAY if held is None else caller
        noted = False
        if isinstance(parsed, LiveTopic) and held is not None and caller.role is Role.STUDENT:
            noted = self._note(parsed.session_id, held, caller)
        sent = self._dispatcher.submit(Envelope(kind, grain_id, who, body, None))
        if noted and held is not None:
            # Also when who asked has stopped waiting.
            sent.add_done_callback(partial(self._entered, SessionId(grain_id), held))
        reply = await asyncio.shield(sent)
        return reply if isinstance(reply, Entered | Refused) else Refused(Unavailable())

    async def quit(self, topic: Topic) -> None:
        """See the port."""
        parsed = parse_topic(topic)
        if parsed is not None:
            kind, grain_id = address(parsed)
            view = parsed.view if isinstance(parsed, LiveTopic) else ""
            await self._dispatcher.execute(Envelope(kind, grain_id, _GATEWAY, Quit(view, self._gateway), None))

    async def gone(self, sessions: Sequence[SessionId], caller: Caller, connection: ConnectionId) -> None:
        """See the port. A class that cannot be told now is told by `settle_doubts`."""
        held = self._held_as(connection)
        told: list[asyncio.Future[Answer]] = []
        for session_id in sessions:
            self._forget(session_id, held)
            answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            self._live.submit(session_id, caller, Disconnect(held), None, partial(self._told, session_id, answer))
            told.append(answer)
        await asyncio.gather(*told)

    def owned_by(self, host: str, topics: Sequence[Topic]) -> list[Topic]:
        """Those of the topics that a host tells, as far as is known here."""
        parsed = {topic: parse_topic(topic) for topic in topics}
        return [topic for topic, known in parsed.items() if known and self._dispatcher.owner(*address(known)) == host]

    def doubt_all_of(self, host: str) -> None:
        """A host was restarted, or took this gateway for dead: what it believes of these connections may be wrong."""
        self._doubtful.update(session for session in self._present if self._dispatcher.owner(LIVE, session) == host)

    async def settle_doubts(self) -> None:
        """Tell each class about which there is a doubt which connections this gateway really holds for it. To be called
        every moment; calls may overlap."""
        doubtful, self._doubtful = self._doubtful, set()
        await asyncio.gather(*map(self._reconcile, doubtful))

    async def _reconcile(self, session_id: SessionId) -> None:
        # Made when it leaves: whoever came while it had to be sent again would be taken for gone.
        envelope = self._reconciliation(session_id)
        held = self._held(session_id)
        reply = await self._dispatcher.submit(envelope, partial(self._reconciliation, session_id))
        if self._held(session_id) != held:
            self._doubtful.add(session_id)  # calls to a host may overtake each other
        self._doubt(session_id, _answer(reply))

    def _reconciliation(self, session_id: SessionId) -> Envelope:
        return Envelope(LIVE, session_id, _GATEWAY, Reconcile(self._run, self._held(session_id)), None)

    def _doubt(self, session_id: SessionId, answer: Answer) -> None:
        if isinstance(answer, Refused) and answer.refusal.retry:
            self._doubtful.add(session_id)

    def _told(self, session_id: SessionId, told: "asyncio.Future[Answer]", answer: Answer) -> None:
        self._doubt(session_id, answer)
        if not told.done():
            told.set_result(answer)

    def _entered(self, session_id: SessionId, held: ConnectionId, sent: "asyncio.Future[Reply]") -> None:
        reply = sent.result()
        if not isinstance(reply, Entered):
            self._forget(session_id, held)
            self._doubt(session_id, _answer(reply))

    def _held_as(self, connection: ConnectionId) -> ConnectionId:
        """The connection as classes know it: under the run of this gateway, so that all of a dead run's can be told."""
        return ConnectionId(f"{self._run}.{connection}")

    def _held(self, session_id: SessionId) -> tuple[tuple[Caller, ConnectionId], ...]:
        return tuple((caller, connection) for connection, caller in self._present.get(session_id, {}).items())

    def _note(self, session_id: SessionId, connection: ConnectionId, caller: Caller) -> bool:
        held = self._present.setdefault(session_id, {})
        if connection in held:
            return False
        held[connection] = caller
        return True

    def _forget(self, session_id: SessionId, connection: ConnectionId) -> None:
        held = self._present.get(session_id)
        if held is not None:
            held.pop(connection, None)
            if not held:
                del self._present[session_id]


def address(topic: LiveTopic | UserTopic) -> tuple[str, str]:
    """The grain that tells a topic: its kind and id."""
    return (LIVE, topic.session_id) if isinstance(topic, LiveTopic) else (INBOX, topic.user_id)


def _answer(reply: Reply) -> Answer:
    return reply if isinstance(reply, Accepted | Refused) else Refused(Unavailable())
