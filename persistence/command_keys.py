"""What was answered at the class door under an idempotency key, in Redis.

It may be lost: the class itself does a command once by the same key. What is lost then is only that a repeated request
hears the first answer word for word, and that a key used for something else is noticed.
"""

from typing import Protocol

from persistence.idempotency import KEEP_SECONDS, Request, Reused, Stored
from persistence.redis_store import Together

_FINGERPRINT_BYTES = 32


class CommandKeys(Protocol):
    """Keys of commands to classes. Costs no SQL; while the store is away every key is new."""

    async def claim(self, request: Request) -> Stored | Reused | None:
        """What was answered before, or that the key stands for another request; None when the command is to be sent."""
        ...

    def keep(self, request: Request, answer: Stored) -> None:
        """Remember the answer for a day. Nobody waits for it."""
        ...


class RedisCommandKeys:
    """`CommandKeys` on Redis. A value is the request's fingerprint, then, once there is one, the answer's status in two
    bytes and the answer itself."""

    def __init__(self, together: Together) -> None:
        self._together = together

    async def claim(self, request: Request) -> Stored | Reused | None:
        """See `CommandKeys.claim`."""
        new = await self._together.ask("SET", _key(request), request.fingerprint, "NX", "EX", KEEP_SECONDS)
        if new is not None:
            return None
        # Not set: known, or Redis is away, which the next question finds out as well.
        known = await self._together.ask("GET", _key(request))
        if known is None:
            return None
        if known[:_FINGERPRINT_BYTES] != request.fingerprint:
            return Reused()
        answer = known[_FINGERPRINT_BYTES:]
        return Stored(int.from_bytes(answer[:2], "big"), answer[2:]) if answer else None

    def keep(self, request: Request, answer: Stored) -> None:
        """See `CommandKeys.keep`."""
        value = request.fingerprint + answer.status.to_bytes(2, "big") + answer.sealed
        self._together.tell("SET", _key(request), value, "EX", KEEP_SECONDS)


def _key(request: Request) -> str:
    return f"lyceum:command:{request.scope}:{request.key}"
