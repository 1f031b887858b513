"""The twin of command keys."""

from persistence.idempotency import Request, Reused, Stored


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
