"""The ports of the live classes, over a dispatcher: what REST replicas and gateways hold in their hands."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from actors.config import ActorConfig
from actors.correlation import REQUEST_ID
from actors.discovery import Names
from actors.dispatch import Dispatcher
from actors.envelopes import COURSE, INBOX, LIVE, Enter, Envelope, Quit, Reconcile, Reply
from actors.presences import Presences
from actors.shards import shard_of
from classroom.answers import Accepted, Answer, Refused
from classroom.callers import Caller, Role
from classroom.ids import CommandId, ConnectionId, CourseId, SessionId, Topic, UserId
from classroom.live.commands import Command, Disconnect, Leave, Look, TakeSeat
from classroom.ports import Entered
from classroom.progress import commands as progress
from classroom.refusals import Unavailable, UnknownTopic
from classroom.topics import AnyTopic, CourseTopic, LiveTopic, Position, parse_topic

WELL_SECONDS = 1.0

_GATEWAY = Caller(UserId("gateway"), "gateway", Role.ADMIN)


class LiveSessionsClient:
    """`classroom.ports.LiveSessions` over the hosts."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def execute(
        self, session_id: SessionId, caller: Caller, command: Command, command_id: CommandId | None = None
    ) -> Answer:
        """See the port."""
        return _answer(await self._dispatcher.submit(self._envelope(session_id, caller, command, command_id)))

    def submit(
        self,
        session_id: SessionId,
        caller: Caller,
        command: Command,
        command_id: CommandId | None,
        then: Callable[[Answer], None],
    ) -> None:
        """See `CommandDesk`."""
        self._dispatcher.post(self._envelope(session_id, caller, command, command_id), lambda reply: then(_answer(reply)))

    def _envelope(self, session_id: SessionId, caller: Caller, command: Command, command_id: CommandId | None) -> Envelope:
        if command_id is None and not isinstance(command, Look):
            command_id = CommandId(self._dispatcher.fresh_command_id())
        return Envelope(LIVE, session_id, caller, command, command_id, REQUEST_ID.get())


class CourseProgressClient:
    """`classroom.ports.CourseProgress` over the hosts."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def tell(
        self, course_id: CourseId, caller: Caller, command: progress.Command, command_id: CommandId | None = None
    ) -> Answer:
        """See the port."""
        if command_id is None and not isinstance(command, progress.Look):
            command_id = CommandId(self._dispatcher.fresh_command_id())
        envelope = Envelope(COURSE, course_id, caller, command, command_id, REQUEST_ID.get())
        return _answer(await self._dispatcher.submit(envelope))


class ActorClients:
    """What a process outside the actors needs of them. `gateways` tells the names of those that should be there now."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        is_well: Callable[[str], Awaitable[bool]],
        gateways: Callable[[], Awaitable[Sequence[str]]],
    ) -> None:
        self.live = LiveSessionsClient(dispatcher)
        self.progress = CourseProgressClient(dispatcher)
        self._dispatcher = dispatcher
        self._gateways = gateways
        self._is_well = is_well

    async def hosts_are_well(self) -> bool:
        """Whether every host answers that owns something, as far as is known here."""
        hosts = self._dispatcher.hosts
        well = await asyncio.gather(*map(self._is_well_soon, hosts))
        for host, is_well in zip(hosts, well, strict=True):
            if not is_well:
                self._dispatcher.doubt(host)  # it may be gone, and what it owned in good hands
        return all(well)

    async def a_gateway_is_well(self) -> bool:
        """Whether sockets can be opened somewhere."""
        return any(await asyncio.gather(*map(self._is_well_soon, await self._gateways())))

    async def _is_well_soon(self, name: str) -> bool:
        try:
            async with asyncio.timeout(WELL_SECONDS):
                return await self._is_well(name)
        except TimeoutError:
            return False


def connect(config: ActorConfig) -> ActorClients:
    """The clients of a running deployment, from a process that Ray knows. Blocks for a moment; not for a loop."""
    from actors.nodes import gateway_names, hosts_of
    from actors.ray_calls import RayCalls  # Ray takes a second to import, and the twins do without it

    calls, hosts = RayCalls(config.namespace), hosts_of(config)
    dispatcher = Dispatcher(calls, hosts, Names(partial(hosts_of, config), hosts).latest)
    return ActorClients(dispatcher, calls.is_well, Names(gateway_names, gateway_names()).latest)


class TopicsClient:
    """`classroom.ports.Topics` of one gateway, and `CommandDesk` for its sockets: together they know which connections
    hold a presence in which class, so that a host that forgot, or could not be told, hears of it later."""

    def __init__(self, dispatcher: Dispatcher, gateway: str, run: str) -> None:
        self._dispatcher = dispatcher
        self._live = LiveSessionsClient(dispatcher)
        self._gateway = gateway
        self._run = run
        self._presences = Presences()
        self._doubtful: set[SessionId] = set()

    def hosts(self) -> tuple[str, ...]:
        """The hosts that own something, as far as is known here."""
        return self._dispatcher.hosts

    def doubt(self, host: str) -> None:
        """A host did not answer: somebody else may own its shards now."""
        self._dispatcher.doubt(host)

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
        if isinstance(command, TakeSeat) and command.connection is not None:
            held = self._held_as(command.connection)
            heard = self._ask(session_id, held, caller)

            def seated(reply: Reply) -> None:
                heard(reply)
                then(_answer(reply))

            seat = TakeSeat(command.waitlist, held)
            command_id = command_id or CommandId(self._dispatcher.fresh_command_id())
            self._dispatcher.post(Envelope(LIVE, session_id, caller, seat, command_id), seated)
        elif isinstance(command, Leave):
            self._live.submit(session_id, caller, command, command_id, partial(self._left, session_id, caller, then))
        else:
            self._live.submit(session_id, caller, command, command_id, then)

    async def enter(
        self, topic: Topic, caller: Caller, connection: ConnectionId | None, since: Position | None
    ) -> Entered | Refused:
        """See the port."""
        parsed = parse_topic(topic)
        if parsed is None:
            return Refused(UnknownTopic(topic))
        kind, grain_id = address(parsed)
        view = _view(parsed)
        held = self._held_as(connection) if connection is not None else None
        heard = None
        if isinstance(parsed, LiveTopic) and held is not None and caller.role is Role.STUDENT:
            heard = self._ask(parsed.session_id, held, caller)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

        def entered(reply: Reply) -> None:  # also when who asked has stopped waiting
            if heard is not None:
                heard(reply)
            if not answer.done():
                answer.set_result(reply)

        who = _GATEWAY if held is None else caller
        self._dispatcher.post(Envelope(kind, grain_id, who, Enter(topic, view, held, since, self._gateway), None), entered)
        reply = await answer
        return reply if isinstance(reply, Entered | Refused) else Refused(Unavailable())

    async def quit(self, topic: Topic) -> None:
        """See the port."""
        parsed = parse_topic(topic)
        if parsed is not None:
            kind, grain_id = address(parsed)
            view = _view(parsed)
            await self._dispatcher.execute(Envelope(kind, grain_id, _GATEWAY, Quit(view, self._gateway), None))

    async def gone(self, sessions: Sequence[SessionId] | None, caller: Caller, connection: ConnectionId) -> None:
        """See the port. A class that cannot be told now is told by `settle_doubts`."""
        held = self._held_as(connection)
        told: list[asyncio.Future[None]] = []
        for session_id in self._presences.of(held) if sessions is None else sessions:
            self._presences.forget(session_id, held)
            told.append(self._tell_gone(session_id, caller, held))
        await asyncio.gather(*told)

    def renew(self, host: str, shards: frozenset[int], topics: Sequence[Topic]) -> list[Topic]:
        """A host has shards that were another's, was restarted, or took this gateway for dead: those of the topics that are
        to be followed anew. What is believed there of these connections may be wrong."""
        self._dispatcher.learn(dict.fromkeys(shards, host))
        self._doubtful.update(each for each in self._presences.classes() if shard_of(LIVE, each) in shards)
        parsed = {topic: parse_topic(topic) for topic in topics}
        return [topic for topic, known in parsed.items() if known and shard_of(*address(known)) in shards]

    async def settle_doubts(self) -> None:
        """Tell each class about which there is a doubt which connections this gateway really holds for it. To be called
        every moment; calls may overlap."""
        doubtful, self._doubtful = self._doubtful, set()
        await asyncio.gather(*map(self._reconcile, doubtful))

    async def _reconcile(self, session_id: SessionId) -> None:
        sent = 0

        def envelope() -> Envelope:
            nonlocal sent
            sent = self._presences.version(session_id)
            return Envelope(LIVE, session_id, _GATEWAY, Reconcile(self._run, self._presences.held(session_id)), None)

        # Made when it leaves: whoever came while it had to be sent again would be taken for gone.
        reply = await self._dispatcher.submit(envelope(), envelope)
        if self._presences.version(session_id) != sent:
            self._doubtful.add(session_id)  # calls to a host may overtake each other
        self._doubt(session_id, reply)

    def _doubt(self, session_id: SessionId, reply: Reply) -> None:
        if isinstance(reply, Refused) and reply.refusal.retry:
            self._doubtful.add(session_id)

    def _ask(self, session_id: SessionId, held: ConnectionId, caller: Caller) -> Callable[[Reply], None]:
        """Claim a presence; what comes back hears whether it was granted."""
        number = self._presences.ask(session_id, held, caller)

        def heard(reply: Reply) -> None:
            granted = not isinstance(reply, Refused)
            if not self._presences.hear(session_id, held, number, granted):
                self._tell_gone(session_id, caller, held)  # the socket closed while the class was asked
            elif granted and self._presences.is_back(session_id, caller.user_id):
                self._doubtful.add(session_id)  # what else they have open was forgotten there when they left
            self._doubt(session_id, reply)

        return heard

    def _left(self, session_id: SessionId, caller: Caller, then: Callable[[Answer], None], answer: Answer) -> None:
        if isinstance(answer, Accepted):
            self._presences.leave(session_id, caller.user_id)
        then(answer)

    def _tell_gone(self, session_id: SessionId, caller: Caller, held: ConnectionId) -> "asyncio.Future[None]":
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def heard(answer: Answer) -> None:
            self._doubt(session_id, answer)
            if not told.done():
                told.set_result(None)

        self._live.submit(session_id, caller, Disconnect(held), None, heard)
        return told

    def _held_as(self, connection: ConnectionId) -> ConnectionId:
        """The connection as classes know it: under the run of this gateway, so that all of a dead run's can be told."""
        return ConnectionId(f"{self._run}.{connection}")


def address(topic: AnyTopic) -> tuple[str, str]:
    """The grain that tells a topic: its kind and id."""
    if isinstance(topic, LiveTopic):
        return LIVE, topic.session_id
    return (COURSE, topic.course_id) if isinstance(topic, CourseTopic) else (INBOX, topic.user_id)


def _view(topic: AnyTopic) -> str:
    return topic.view if isinstance(topic, LiveTopic | CourseTopic) else ""


def _answer(reply: Reply) -> Answer:
    return reply if isinstance(reply, Accepted | Refused) else Refused(Unavailable())
