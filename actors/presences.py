"""Which connections of a gateway are present in which class: what it asked for, and was not refused."""

from itertools import count

from classroom.callers import Caller
from classroom.ids import ConnectionId, SessionId, UserId

LEAVERS = 10_000


class _Claim:
    __slots__ = ("asked", "caller", "granted")

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.asked: set[int] = set()
        self.granted = False


class Presences:
    """The only place where a gateway keeps them. A claim begins before the class hears of it, or a host that restarts
    meanwhile would take the connection for gone; it ends when every question was refused, or the connection is gone.
    Who leaves a class keeps the claims of what is still open: without a seat they mean nothing to the class."""

    def __init__(self) -> None:
        self._classes: dict[SessionId, dict[ConnectionId, _Claim]] = {}
        self._connections: dict[ConnectionId, set[SessionId]] = {}
        self._leavers: dict[tuple[SessionId, UserId], None] = {}
        self._versions: dict[SessionId, int] = {}
        self._numbers = count(1)

    def __len__(self) -> int:
        return sum(map(len, self._classes.values()))

    def ask(self, session_id: SessionId, connection: ConnectionId, caller: Caller) -> int:
        """The class is about to be asked to note this connection as present; the number of the question."""
        claims = self._classes.setdefault(session_id, {})
        claim = claims.get(connection)
        if claim is None:
            claim = claims[connection] = _Claim(caller)
            self._versions[session_id] = next(self._numbers)
            self._connections.setdefault(connection, set()).add(session_id)
        number = next(self._numbers)
        claim.asked.add(number)
        return number

    def hear(self, session_id: SessionId, connection: ConnectionId, number: int, granted: bool) -> bool:
        """The class has answered a question. False when the connection was gone by then, so that the class must be told."""
        claim = self._classes.get(session_id, {}).get(connection)
        if claim is None:
            return not granted
        if number not in claim.asked:
            return True  # asked before it went and came back: its going was told, its coming is another question
        claim.asked.discard(number)
        claim.granted |= granted
        if not claim.granted and not claim.asked:
            self.forget(session_id, connection)
        return True

    def leave(self, session_id: SessionId, user_id: UserId) -> None:
        """The class let this person go, with all their connections: it has forgotten those that are still open."""
        self._leavers[session_id, user_id] = None
        if len(self._leavers) > LEAVERS:
            del self._leavers[next(iter(self._leavers))]

    def is_back(self, session_id: SessionId, user_id: UserId) -> bool:
        """Whether this person left before, and has just come back: said once."""
        return self._leavers.pop((session_id, user_id), self) is None

    def forget(self, session_id: SessionId, connection: ConnectionId) -> None:
        """The connection is no longer present in the class, whatever it still asks."""
        claims = self._classes.get(session_id)
        if claims is None or claims.pop(connection, None) is None:
            return
        self._versions[session_id] = next(self._numbers)
        if not claims:
            del self._classes[session_id], self._versions[session_id]
        sessions = self._connections[connection]
        sessions.discard(session_id)
        if not sessions:
            del self._connections[connection]

    def held(self, session_id: SessionId) -> tuple[tuple[Caller, ConnectionId], ...]:
        """Who is present in the class, over which connections."""
        return tuple((claim.caller, connection) for connection, claim in self._classes.get(session_id, {}).items())

    def version(self, session_id: SessionId) -> int:
        """Another whenever `held` has changed, also when it changed back; 0 when nobody is present."""
        return self._versions.get(session_id, 0)

    def of(self, connection: ConnectionId) -> tuple[SessionId, ...]:
        """Where the connection is present."""
        return tuple(self._connections.get(connection, ()))

    def classes(self) -> tuple[SessionId, ...]:
        """Where anybody is."""
        return tuple(self._classes)
