"""One connection's side of the protocol: what a client said goes in, what is to be done comes out. No clock, no socket."""

from collections.abc import Mapping, Sequence
from enum import Enum, auto

from classroom.answers import Accepted, Answer
from classroom.callers import Caller, Role
from classroom.ids import ConnectionId, SessionId, Topic
from classroom.live.commands import Command, Leave, TakeSeat
from classroom.refusals import Malformed, NotSeated, RateLimited, Refusal, TooMany, UnknownTopic
from classroom.topics import LiveTopic, parse_topic
from realtime import commands, frames
from realtime.closing import FLOODED, INVALID_TEXT, MALFORMED, SILENT, UNAUTHENTICATED, Close
from realtime.effects import Depart, Effect, Execute, Follow, Identify, Send, SendPing, SendPong, Shut, Unfollow
from realtime.rates import Bucket
from realtime.settings import GatewaySettings

_MISSED_PINGS = 2
_EARLY_FRAMES = 32
_NOTHING: Sequence[Effect] = ()


class _Stage(Enum):
    OPENING = auto()  # hello has not come
    CHECKING = auto()  # its token is being looked at
    OPEN = auto()
    CLOSED = auto()


class Connection:
    """The state of one socket from its opening to its end. Times are seconds of a clock that never goes back."""

    __slots__ = (
        "_answers",
        "_commands",
        "_early",
        "_frames",
        "_heard_at",
        "_leaving",
        "_missed",
        "_opened_at",
        "_pinged_at",
        "_running",
        "_settings",
        "_stage",
        "_topics",
        "attends",
        "caller",
        "id",
        "present",
    )

    def __init__(self, connection_id: ConnectionId, settings: GatewaySettings, now: float) -> None:
        self.id = connection_id
        self.caller: Caller | None = None
        self.present: frozenset[SessionId] = frozenset()
        """Classes whose owner noted this connection as present."""
        self.attends = False
        """Whether any class was ever asked to."""
        self._settings = settings
        self._stage = _Stage.OPENING
        self._opened_at = self._heard_at = now
        self._pinged_at: float | None = None
        self._missed = 0
        self._commands = Bucket(settings.commands_per_second, settings.commands_burst, now)
        self._frames = Bucket(settings.frames_per_second, settings.frames_burst, now)
        self._early: list[frames.Incoming] = []
        self._running: dict[str, int] = {}
        self._answers: dict[str, bytes] = {}
        self._topics: dict[Topic, str | None] = {}
        self._leaving: dict[str, dict[Topic, str | None]] = {}

    @property
    def closed(self) -> bool:
        """Whether the connection has ended, whatever its socket still does."""
        return self._stage is _Stage.CLOSED

    @property
    def topics(self) -> Sequence[Topic]:
        """What it follows or is about to follow."""
        return tuple(self._topics)

    def close(self) -> None:
        """The connection ends here: nothing is asked for or answered any more."""
        self._stage = _Stage.CLOSED

    # What the peer does

    def receive(self, message: bytes, now: float) -> Sequence[Effect]:
        """A whole text message came."""
        self._heard_at = now
        if self._stage is _Stage.CLOSED:
            return _NOTHING
        if not self._frames.take(now):
            return _shut(FLOODED)
        frame = frames.decode(message)
        if isinstance(frame, frames.BadFrame):
            return _shut(MALFORMED if frame.text else INVALID_TEXT, frame.why)
        if self._stage is _Stage.OPEN:
            return self._open_frame(frame, now)
        if self._stage is _Stage.CHECKING:
            self._early.append(frame)
            return _NOTHING if len(self._early) <= _EARLY_FRAMES else _shut(FLOODED, "wait for the welcome")
        if isinstance(frame, frames.Hello):
            self._stage = _Stage.CHECKING
            return (Identify(frame.token),)
        return _shut(UNAUTHENTICATED, "hello comes first")

    def fragment(self, now: float) -> Sequence[Effect]:
        """Part of a message came; it counts like a message."""
        self._heard_at = now
        return _NOTHING if self._frames.take(now) else _shut(FLOODED)

    def pinged(self, payload: bytes, now: float) -> Sequence[Effect]:
        """The peer sent a WebSocket ping."""
        self._heard_at = now
        return (SendPong(payload),) if self._frames.take(now) else _shut(FLOODED)

    def ponged(self, now: float) -> Sequence[Effect]:
        """The peer answered a WebSocket ping, or sent a pong of its own accord."""
        self._heard_at = now
        return _NOTHING if self._frames.take(now) else _shut(FLOODED)

    def attend(self, now: float) -> tuple[Sequence[Effect], float]:
        """Look after the connection; also says in how many seconds to look again."""
        settings = self._settings
        if self._stage in (_Stage.OPENING, _Stage.CHECKING):
            left = self._opened_at + settings.hello_seconds - now
            return (_NOTHING, left) if left > 0 else (_shut(UNAUTHENTICATED, "no hello in time"), 0.0)
        if self._pinged_at is None:
            self._pinged_at = now
            return (SendPing(),), settings.pong_seconds
        if self._heard_at >= self._pinged_at:
            self._missed, self._pinged_at = 0, None
            return _NOTHING, max(settings.heartbeat_seconds - settings.pong_seconds, 1.0)
        self._missed += 1
        if self._missed >= _MISSED_PINGS:
            return _shut(SILENT), 0.0
        self._pinged_at = now
        return (SendPing(),), settings.pong_seconds

    # What the shell found out

    def identified(self, caller: Caller | None, now: float) -> Sequence[Effect]:
        """Who the token spoke for, if anybody. What was said since hello is taken up now."""
        if self._stage is not _Stage.CHECKING:
            return _NOTHING
        if caller is None:
            return _shut(UNAUTHENTICATED, "this token is not good or no longer")
        self._stage = _Stage.OPEN
        self.caller = caller
        effects: list[Effect] = [Send(frames.welcome(self.id, caller, self._settings.heartbeat_seconds))]
        early, self._early = self._early, []
        for frame in early:
            effects += self._open_frame(frame, now)
        return effects

    def answered(self, request: Execute, answer: Answer) -> Sequence[Effect]:
        """The class decided."""
        times = self._running.pop(request.request_id, 1)
        left = self._note_presence(request.session_id, request.command, answer)
        asked = self._leaving.pop(request.request_id, None)
        if self._stage is _Stage.CLOSED:
            return left
        if isinstance(answer, Accepted) and asked is not None:
            left = (*left, *self._end_subscriptions(request.session_id, asked))
            if self.attends:
                # The class has forgotten it; so must the gateway, or it would be noted again when another tab comes back.
                left = (*left, Depart(request.session_id))
        reply = frames.reply(request.request_id, answer)
        if isinstance(answer, Accepted) or not answer.refusal.retry:
            self._answers[request.request_id] = reply
            if len(self._answers) > self._settings.remembered_replies:
                del self._answers[next(iter(self._answers))]
        return (*(Send(reply) for _ in range(times)), *left)

    def _note_presence(self, session_id: SessionId, command: Command, answer: Answer) -> Sequence[Effect]:
        if not isinstance(answer, Accepted):
            return _NOTHING
        if isinstance(command, TakeSeat):
            if self._stage is _Stage.CLOSED:
                return (Depart(session_id),)  # the seat was given to a socket that is gone
            self.present |= {session_id}
        return _NOTHING

    def _end_subscriptions(self, session_id: SessionId, asked: Mapping[Topic, str | None]) -> Sequence[Effect]:
        """Whoever gave back the seat follows the class no longer: its topics are for those inside."""
        effects: list[Effect] = []
        for topic, request_id in asked.items():
            if _presence(topic) != session_id or self._topics.get(topic, "") not in (None, request_id):
                continue
            if self._topics.pop(topic) is not None and self.caller is not None:
                effects.append(Send(frames.refusal(request_id or "", NotSeated(self.caller.user_id))))
            effects.append(Unfollow(topic))
        self.present -= {session_id}
        return effects

    def wants(self, request: Follow) -> bool:
        """Whether the subscription that is being made is still wanted."""
        return self._stage is _Stage.OPEN and self._topics.get(request.topic) == request.request_id

    def followed(self, request: Follow) -> Sequence[Effect]:
        """The owner let the connection in, and may have noted its presence."""
        session_id = _presence(request.topic)
        if not self.wants(request):
            if session_id is None:
                return _NOTHING
            here = self._stage is _Stage.OPEN and (session_id in self.present or self._follows(session_id))
            return _NOTHING if here else (Depart(session_id),)
        self._topics[request.topic] = None
        if session_id is not None:
            self.present |= {session_id}
        return _NOTHING

    def unfollowed(self, request: Follow, reason: Refusal) -> Sequence[Effect]:
        """The owner did not let the connection in, or could not be asked."""
        if not self.wants(request):
            return _NOTHING
        del self._topics[request.topic]
        return (Send(frames.refusal(request.request_id, reason)),)

    # What an open connection says

    def _open_frame(self, frame: frames.Incoming, now: float) -> Sequence[Effect]:
        match frame:
            case frames.CommandFrame():
                return self._command(frame, now)
            case frames.Ping():
                return (Send(frames.PONG),)
            case frames.Hello():
                return _shut(MALFORMED, "hello comes once")
            case frames.Subscribe():
                return self._subscribe(frame, now)
            case frames.Unsubscribe():
                return self._unsubscribe(frame)

    def _command(self, frame: frames.CommandFrame, now: float) -> Sequence[Effect]:
        known = self._answers.get(frame.id)
        if known is not None:
            return (Send(known),)
        if not self._commands.take(now):
            return _refuse(frame.id, RateLimited(1))
        if frame.id in self._running:
            self._running[frame.id] += 1
            return _NOTHING
        if len(self._running) >= self._settings.commands_in_flight:
            return _refuse(frame.id, RateLimited(1))
        request = commands.read(frame.name, frame.args, self.id)
        if isinstance(request, Refusal):
            return _refuse(frame.id, request)
        self._running[frame.id] = 1
        if isinstance(request.command, Leave) and self.caller is not None and self.caller.role is Role.STUDENT:
            # What was asked for so far ends with the seat; what is asked for behind it belongs to the next one.
            self._leaving[frame.id] = dict(self._topics)
        self.attends = self.attends or isinstance(request.command, TakeSeat)
        return (Execute(frame.id, request.session_id, request.command),)

    def _subscribe(self, frame: frames.Subscribe, now: float) -> Sequence[Effect]:
        if not self._commands.take(now):
            return _refuse(frame.id, RateLimited(1))
        if parse_topic(frame.topic) is None:
            return _refuse(frame.id, UnknownTopic(frame.topic))
        topic = Topic(frame.topic)
        self.attends = self.attends or _presence(topic) is not None
        follow = Follow(frame.id, topic, frame.position())
        if topic not in self._topics:
            if len(self._topics) >= self._settings.subscriptions_per_connection:
                return _refuse(frame.id, TooMany("subscriptions", self._settings.subscriptions_per_connection))
            self._topics[topic] = frame.id
            return (follow,)
        if self._topics[topic] is not None:
            return _refuse(frame.id, Malformed((("topic", "A subscription to it is already being made."),)))
        self._topics[topic] = frame.id
        return Unfollow(topic), follow

    def _unsubscribe(self, frame: frames.Unsubscribe) -> Sequence[Effect]:
        topic = Topic(frame.topic)
        if topic not in self._topics:
            return (Send(frames.done(frame.id)),)
        del self._topics[topic]
        session_id = _presence(topic)
        if session_id is None or session_id not in self.present or self._follows(session_id):
            return Unfollow(topic), Send(frames.done(frame.id))
        self.present -= {session_id}
        return Unfollow(topic), Depart(session_id), Send(frames.done(frame.id))

    def _follows(self, session_id: SessionId) -> bool:
        return any(_presence(topic) == session_id for topic in self._topics)


def _presence(topic: Topic) -> SessionId | None:
    """The class in which following `topic` makes one present."""
    parsed = parse_topic(topic)
    return parsed.session_id if isinstance(parsed, LiveTopic) and parsed.view != "staff" else None


def _shut(close: Close, detail: str = "") -> Sequence[Effect]:
    return (Shut(close, detail),)


def _refuse(request_id: str, reason: Refusal) -> Sequence[Effect]:
    return (Send(frames.refusal(request_id, reason)),)
