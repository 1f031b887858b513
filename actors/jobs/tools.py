"""What a job's handler is given, and what it may say when it fails. Modules with handlers import from here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from actors.config import JobValues
from actors.envelopes import INBOX, Deliver, Envelope, NotOwner, Reply
from classroom.answers import Refused
from classroom.callers import Caller, Role
from classroom.ids import UserId
from classroom.times import Moment
from persistence.database import Database
from persistence.object_store import ObjectStore

WORKER = Caller(UserId("job-worker"), "job-worker", Role.ADMIN)


class GiveUp(Exception):
    """Trying again will not help: the job becomes a dead letter at once. The message says why, for the operator."""


class Untold(Exception):
    """A grain could not be told now."""


class Undelivered(Exception):
    """An inbox could not be reached now."""


@dataclass(frozen=True)
class Mail:
    """One mail to one person. `html` is made from `text` where it is None."""

    to: str
    subject: str
    text: str
    html: str | None = None


class Mailer(Protocol):
    """Sends mail."""

    async def send(self, mail: Mail, message_id: str) -> None:
        """Hand the mail over. Raises `GiveUp` when it is refused for good, anything else when it may be tried again."""
        ...


class GrainCalls(Protocol):
    """The way to grains: a `Dispatcher`."""

    async def execute(self, envelope: Envelope) -> Reply:
        """Have the owner of a grain do something."""
        ...


@dataclass(frozen=True)
class JobTools:
    """Everything a handler may use."""

    database: Database
    mailer: Mailer
    values: JobValues
    clock: Callable[[], Moment]
    new_id: Callable[[], str]
    grains: GrainCalls
    objects: ObjectStore

    async def deliver(self, user_id: UserId, kind: str, data: dict[str, Any], command_id: str) -> None:
        """Put an event into `user:{user_id}`; the same `command_id` again puts none. Raises `Undelivered`."""
        envelope = Envelope(INBOX, user_id, WORKER, Deliver(kind, msgspec.json.encode(data)), command_id)
        reply = await self.grains.execute(envelope)
        if isinstance(reply, Refused | NotOwner):
            raise Undelivered(f"{kind} to {user_id}: {reply}")

    async def tell(self, envelope: Envelope) -> None:
        """Have a grain do something. What it refuses for good stays undone; raises `Untold` when it may be asked again."""
        heard(envelope, await self.grains.execute(envelope))


def heard(envelope: Envelope, reply: Reply) -> None:
    """Raises `Untold` when this reply means that the grain may be asked again."""
    if isinstance(reply, NotOwner) or (isinstance(reply, Refused) and reply.refusal.retry):
        raise Untold(f"{envelope.kind} {envelope.grain_id}: {reply}")


Handler = Callable[[JobTools, dict[str, Any]], Awaitable[None]]
"""Does a job. It may run more than once for one cause, also after it succeeded: make it idempotent. What it raises means
that it is tried again. It must not block the loop: other jobs run beside it, and one that shows no sign of life for ten
seconds is taken for lost."""


@dataclass(frozen=True)
class Care:
    """How a kind of job is treated."""

    tries: int = 8
    """After so many failures it is a dead letter. The pauses between them double, from two seconds on."""
    seconds: float = 60.0
    """Then it is cancelled, which counts as a failure."""
    at_once: int = 0
    """So many run at the same time, over all workers; 0: as many as there is room for."""
    every_seconds: float | None = None
    """A worker enqueues one with an empty payload so often, starting when it starts; None: only who has a cause does."""
