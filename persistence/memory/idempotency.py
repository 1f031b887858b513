"""The twin of idempotency keys."""

from dataclasses import dataclass

from classroom.times import SECOND, Moment
from persistence.idempotency import KEEP_SECONDS, LEASE_SECONDS, Busy, Fresh, Request, Reused, Stored
from persistence.memory.platform import PlatformTables


@dataclass
class _Held:
    fingerprint: bytes
    entity_id: str
    leased_until: Moment
    expires_at: Moment
    answer: Stored | None = None


class MemoryIdempotencyKeys:
    """An `IdempotencyKeys` in a dictionary."""

    def __init__(self, tables: PlatformTables) -> None:
        self._tables = tables
        self._held: dict[tuple[str, str], _Held] = {}

    async def claim(self, request: Request, entity_id: str, now: Moment) -> Fresh | Busy | Reused | Stored:
        """See `IdempotencyKeys.claim`."""
        self._tables.reach()
        leased_until = Moment(now + LEASE_SECONDS * SECOND)
        held = self._held.get((request.scope, request.key))
        if held is None:
            expires_at = Moment(now + KEEP_SECONDS * SECOND)
            self._held[(request.scope, request.key)] = _Held(request.fingerprint, entity_id, leased_until, expires_at)
            return Fresh(entity_id, leased_until)
        if held.fingerprint != request.fingerprint:
            return Reused()
        if held.answer is not None:
            return held.answer
        if held.leased_until >= now:
            return Busy()
        held.leased_until = leased_until
        return Fresh(held.entity_id, leased_until)

    async def complete(self, request: Request, lease: Moment, answer: Stored) -> None:
        """See `IdempotencyKeys.complete`."""
        held = self._find_held(request, lease)
        if held is not None:
            held.answer = answer

    async def release(self, request: Request, lease: Moment) -> None:
        """See `IdempotencyKeys.release`."""
        held = self._find_held(request, lease)
        if held is not None:
            held.leased_until = Moment(0)

    def _find_held(self, request: Request, lease: Moment) -> _Held | None:
        self._tables.reach()
        held = self._held.get((request.scope, request.key))
        return held if held is not None and held.leased_until == lease and held.answer is None else None

    async def forget_expired(self, now: Moment, limit: int = 1_000) -> int:
        """See `IdempotencyKeys.forget_expired`."""
        self._tables.reach()
        old = [key for key, held in self._held.items() if held.expires_at < now][:limit]
        for key in old:
            del self._held[key]
        return len(old)


class MemoryCommandKeys:
    """A `CommandKeys` in a dictionary. At most 10,000 at a time: the oldest go first."""

    _LIMIT = 10_000

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], tuple[bytes, Stored | None]] = {}

    async def claim(self, request: Request) -> Stored | Reused | None:
        """See `CommandKeys.claim`."""
        while len(self._held) >= self._LIMIT:
            del self._held[next(iter(self._held))]
        fingerprint, answer = self._held.setdefault((request.scope, request.key), (request.fingerprint, None))
        return answer if fingerprint == request.fingerprint else Reused()

    def keep(self, request: Request, answer: Stored) -> None:
        """See `CommandKeys.keep`."""
        self._held[(request.scope, request.key)] = (request.fingerprint, answer)

    def lose(self) -> None:
        """Forget everything, as a Redis that was started anew."""
        self._held.clear()
