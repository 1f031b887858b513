"""The gateway: sockets on one side, the ports of the live classes on the other."""

import asyncio
import inspect
import logging
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from http import HTTPStatus

import structlog
from picows import WSUpgradeRequest, WSUpgradeResponseWithListener, ws_create_server

from classroom.callers import Caller
from classroom.ids import ConnectionId, SessionId, Topic, UserId, uuid7
from classroom.ports import Batch, CommandDesk, GatewayDirectory, Tickets, Topics
from classroom.topics import LiveTopic, parse_topic
from realtime import handshakes
from realtime.closing import FAULT, REMOVED, REPLACED, RESTART, RESYNC, Close, close_for
from realtime.connection import Connection
from realtime.departures import Departures
from realtime.effects import Depart, Effect, Execute, Follow, Identify, Send, SendPing, SendPong, Shut, Unfollow
from realtime.feeds import Subscriber
from realtime.following import Following
from realtime.heartbeats import Wheel
from realtime.roster import Roster
from realtime.settings import GatewaySettings
from realtime.sockets import Socket
from realtime.tasks import Tasks

_log = structlog.get_logger(__name__)

TokenCheck = Callable[[str], Caller | Awaitable[Caller | None] | None]
"""Who an access token speaks for; None when it is not a good one. Tickets are tried when this says None."""


@dataclass(frozen=True)
class Evict:
    """Send a person's sockets away: those that follow or are present in `session_id`, or all of them when it is None.
    `code` is one of the close codes in `realtime/closing.py`."""

    user_id: UserId
    session_id: SessionId | None = None
    code: int = REMOVED.code


class Gateway:
    """One WebSocket server of `lyceum.v1`. Everything here runs in the event loop that awaited `start`."""

    def __init__(
        self,
        settings: GatewaySettings,
        identify: TokenCheck,
        tickets: Tickets,
        live: CommandDesk,
        topics: Topics,
        directory: GatewayDirectory,
    ) -> None:
        self._settings = settings
        self._check_token = identify
        self._tickets = tickets
        self._live = live
        self._directory = directory
        self._tasks = Tasks()
        self._rounds = Tasks()
        self._following = Following(topics, self._tasks, settings, self._lose)
        self._roster = Roster(settings.connections_per_user)
        self._wheel: Wheel[Socket] = Wheel(int(max(settings.heartbeat_seconds, settings.hello_seconds)) + 2)
        self._departures = Departures(topics, self._tasks, settings.call_seconds)
        self._counts: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._draining = False
        self._empty = asyncio.Event()
        self.port = settings.port
        """Where it listens, once started."""

    async def start(self) -> None:
        """Listen, and register in the directory every few seconds. Raises OSError when the port is taken."""
        # What picows would say about single sockets is said once, in our own words, when they end.
        library = logging.getLogger("picows.gateway")
        library.setLevel(logging.CRITICAL)
        self._server = await ws_create_server(
            self._handshake,
            self._settings.bind,
            self._settings.port,
            logger_name=logging.LoggerAdapter(library, {}),  # an adapter, because it makes a logger a socket otherwise
            websocket_handshake_timeout=self._settings.hello_seconds,
            enable_auto_pong=False,  # answered within bounds by the connection
            max_frame_size=2**40,  # `Inflow` keeps the bound, and says so to the peer
            read_buffer_init_size=2048,
            use_aiofastnet=False,  # uvloop's transports cost 5 KB less a socket
            backlog=4096,
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._rounds.start(self._register_forever(), "register")
        self._rounds.start(self._make_rounds(), "rounds")
        _log.info("gateway.listening", gateway=self._settings.name, bind=self._settings.bind, port=self.port)

    def deliver(self, batches: Sequence[Batch]) -> None:
        """Hand new events to whoever follows their topics. Never waits; call it in the gateway's loop."""
        self._following.deliver(batches)

    async def resync(self, topics: Sequence[Topic]) -> None:
        """Follow these topics anew (their host was restarted) and catch up on what was missed; begins at once and
        goes on by itself until it has worked. Topics that nobody here follows are passed over."""
        self._following.resync(topics)

    def evict(self, evictions: Sequence[Evict]) -> None:
        """Close the sockets that these evictions speak of."""
        for eviction in evictions:
            for socket in self._roster.of(eviction.user_id):
                if eviction.session_id is None or _attends(socket.connection, eviction.session_id):
                    self.shut(socket, close_for(eviction.code))

    async def drain(self, timeout_seconds: float) -> None:
        """Take nobody new, close every socket with 1012, tell the classes who left; done within the timeout."""
        deadline = time.monotonic() + timeout_seconds
        self._draining = True
        if self._server is not None:
            self._server.close()
        await self._rounds.finish(0)
        for socket in self._roster.everybody():
            self.shut(socket, RESTART)
        try:
            async with asyncio.timeout(timeout_seconds / 2):
                while len(self._roster):
                    self._empty.clear()
                    await self._empty.wait()
        except TimeoutError:
            for socket in self._roster.everybody():
                socket.drop()
        self._following.stop()
        await self._tasks.finish(max(deadline - time.monotonic(), 0.1))
        _log.info("gateway.drained", gateway=self._settings.name)

    def topics(self) -> list[Topic]:
        """The topics this gateway follows now."""
        return self._following.topics()

    def stats(self) -> Mapping[str, int]:
        """Counters since the start; `connections` and `topics` are the sizes of now."""
        return {
            "connections": len(self._roster),
            "topics": len(self._following.topics()),
            "catch_ups": self._following.catch_ups,
            "strays": self._following.strays,
            **asdict(self._following.counters),
            **self._counts,
        }

    # Coming in

    def _handshake(self, request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        full = self._draining or len(self._roster) >= self._settings.max_connections
        response = handshakes.answer(request, self._settings, full, self._make_socket)
        if response.response.status >= HTTPStatus.BAD_REQUEST:
            self._counts["turned_away"] += 1
        return response

    def _make_socket(self) -> Socket:
        connection_id = ConnectionId(uuid7(time.time_ns() // 1_000_000, secrets.randbits(74)))
        return Socket(self, Connection(connection_id, self._settings, time.monotonic()), self._settings)

    # What sockets tell (the Desk)

    def opened(self, socket: Socket) -> None:
        """The handshake is done; hello has to come now."""
        self._roster.arrive(socket)
        self._counts["connected"] += 1
        self._wheel.put(socket, self._settings.hello_seconds)

    def received(self, socket: Socket, message: bytes) -> None:
        """A whole text message came."""
        self._carry_out(socket, socket.connection.receive(message, time.monotonic()))

    def fragment(self, socket: Socket) -> None:
        """Part of a message came."""
        self._carry_out(socket, socket.connection.fragment(time.monotonic()))

    def pinged(self, socket: Socket, payload: bytes) -> None:
        """A ping came."""
        self._carry_out(socket, socket.connection.pinged(payload, time.monotonic()))

    def ponged(self, socket: Socket) -> None:
        """A pong came."""
        self._carry_out(socket, socket.connection.ponged(time.monotonic()))

    def shut(self, socket: Socket, close: Close, detail: str = "") -> None:
        """End the connection and close its socket, saying why."""
        self._end(socket, close, detail)
        socket.shut(close, detail)

    def ended(self, socket: Socket, code: int) -> None:
        """The peer closed with `code`, or is gone."""
        self._end(socket, close_for(code), "by the peer")

    def vanished(self, socket: Socket) -> None:
        """Nothing is left of the socket."""
        self._roster.vanish(socket)
        if not len(self._roster):
            self._empty.set()

    def _end(self, socket: Socket, close: Close, detail: str) -> None:
        connection = socket.connection
        if connection.closed:
            return
        connection.close()
        for topic in connection.topics:
            self._following.leave(socket, topic)
        caller = connection.caller
        if caller is not None:
            self._roster.sign_out(socket, caller.user_id)
            if connection.attends:
                self._departures.tell(connection.id, caller, None)
        self._counts[f"closed_{close.code}"] += 1
        _log.info(
            "connection.closed",
            connection=connection.id,
            user=None if caller is None else caller.user_id,
            code=close.code,
            name=close.name,
            detail=detail,
        )

    # What connections want done

    def _carry_out(self, socket: Socket, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(frame):
                    socket.send(frame)
                case Execute():
                    self._execute(socket, effect)
                case Follow():
                    self._departures.after(socket.connection.id, partial(self._start_following, socket, effect))
                case Unfollow(topic):
                    self._following.leave(socket, topic)
                case Identify(token):
                    self._tasks.start(self._identify(socket, token), "hello")
                case Depart(session_id):
                    if socket.connection.caller is not None:
                        self._departures.tell(socket.connection.id, socket.connection.caller, (session_id,))
                case SendPing():
                    socket.ping()
                case SendPong(payload):
                    socket.pong(payload)
                case Shut(close, detail):
                    self.shut(socket, close, detail)

    async def _identify(self, socket: Socket, token: str) -> None:
        try:
            async with asyncio.timeout(self._settings.call_seconds):
                found = self._check_token(token)
                caller = await found if inspect.isawaitable(found) else found
                if caller is None:
                    caller = await self._tickets.redeem(token)
        except (ConnectionError, TimeoutError) as away:
            _log.warning("connection.identify_failed", connection=socket.connection.id, fault=str(away) or "timeout")
            self.shut(socket, FAULT, "sign-in cannot be checked just now")
            return
        except Exception:
            _log.exception("connection.identify_failed", connection=socket.connection.id)
            self.shut(socket, FAULT, "sign-in cannot be checked just now")
            return
        if socket.connection.closed:
            return
        effects = socket.connection.identified(caller, time.monotonic())
        if caller is not None:
            oldest = self._roster.sign_in(socket, caller.user_id)
            if oldest is not None:
                self.shut(oldest, REPLACED, "too many connections")
        self._carry_out(socket, effects)

    def _execute(self, socket: Socket, request: Execute) -> None:
        self._counts["commands"] += 1
        self._departures.after(socket.connection.id, partial(self._submit, socket, request))

    def _submit(self, socket: Socket, request: Execute) -> None:
        connection = socket.connection
        if connection.caller is not None:
            self._live.submit(
                request.session_id,
                connection.caller,
                request.command,
                request.command_id,
                lambda answer: self._carry_out(socket, connection.answered(request, answer)),
            )

    def _start_following(self, socket: Socket, request: Follow) -> None:
        self._tasks.start(self._follow(socket, request), "subscribe")

    async def _follow(self, socket: Socket, request: Follow) -> None:
        connection = socket.connection
        if connection.caller is None:
            return
        refusal = await self._following.enter(
            socket,
            request.topic,
            connection.caller,
            connection.id,
            request.since,
            request.request_id,
            lambda: connection.wants(request),
        )
        outcome = connection.followed(request) if refusal is None else connection.unfollowed(request, refusal)
        self._carry_out(socket, outcome)

    def _lose(self, subscribers: Sequence[Subscriber]) -> None:
        for subscriber in subscribers:
            if isinstance(subscriber, Socket):
                self.shut(subscriber, RESYNC, "the topic cannot be continued here")

    # What comes round by itself

    async def _make_rounds(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            for socket in self._wheel.turn():
                if not socket.connection.closed:
                    self._attend(socket)

    def _attend(self, socket: Socket) -> None:
        seconds = 1.0
        try:
            effects, seconds = socket.connection.attend(time.monotonic())
            self._carry_out(socket, effects)
        except Exception:
            # Whatever is wrong with one socket, the others are looked after.
            _log.exception("connection.unattended", connection=socket.connection.id)
        self._wheel.put(socket, seconds)

    async def _register_forever(self) -> None:
        settings = self._settings
        while True:
            try:
                async with asyncio.timeout(settings.register_seconds):
                    await self._directory.register(settings.name, settings.url, int(settings.register_seconds * 3))
            except Exception as fault:
                # It holds what may be lost; the next round says it again.
                _log.warning("gateway.not_registered", gateway=settings.name, fault=str(fault))
            await asyncio.sleep(settings.register_seconds)


def _attends(connection: Connection, session_id: SessionId) -> bool:
    topics = (parse_topic(topic) for topic in connection.topics)
    return session_id in connection.present or any(
        isinstance(topic, LiveTopic) and topic.session_id == session_id for topic in topics
    )
