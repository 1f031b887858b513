"""What one turn of a grain brings: replies held until its commit, a write, publications, and what follows after."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from actors.deferred import Deferred, Slot
from actors.envelopes import Envelope, EvictNotice, Later, Reply
from classroom.ids import UserId
from classroom.ports import Batch, Entered
from classroom.topics import Position
from persistence.batches import Write


class Call:
    """One incoming call with several envelopes: its future resolves when the last of them is answered."""

    __slots__ = ("_late", "_left", "_replies", "done")

    def __init__(self, size: int, loop: asyncio.AbstractEventLoop) -> None:
        self._replies: list[Any] = [None] * size
        self._left = size
        self._late: dict[int, Slot] = {}
        self.done: asyncio.Future[Sequence[Reply]] = loop.create_future()
        if size == 0:
            self.done.set_result(())

    def answer(self, index: int, reply: Reply) -> None:
        """The answer to one envelope; a second one for the same envelope is ignored."""
        if index in self._late:
            self._late.pop(index).reply = reply
        elif self._replies[index] is None:
            self._replies[index] = reply
            self._left -= 1
            if self._left == 0 and not self.done.done():
                self.done.set_result(self._replies)

    def put_off(self, deferred: Deferred) -> Sequence[Reply]:
        """The answers that are there; for each of the others a ticket."""
        for index, reply in enumerate(self._replies):
            if reply is None:
                ticket, self._late[index] = deferred.issue()
                self._replies[index] = Later(ticket)
        return self._replies


class Item(NamedTuple):
    """An envelope and where its answer goes; `call` is None for what a host tells itself."""

    envelope: Envelope
    call: Call | None
    position: int

    def answer(self, reply: Reply) -> None:
        """Answer whoever asked."""
        if self.call is not None:
            self.call.answer(self.position, reply)


class Notice(NamedTuple):
    """An event for one person's inbox; the id makes its delivery repeatable."""

    user_id: UserId
    type: str
    data: bytes
    command_id: str


class Resume(NamedTuple):
    """A subscriber who asked for the events after `since`: they are read once the turn is durable."""

    item: Item
    view: str
    since: Position
    epoch: int
    offset: int

    def recover(self, events: Sequence[bytes]) -> None:
        """Answer with what was missed."""
        self.item.answer(Entered(self.epoch, self.offset, recovered=True, events=events, snapshot=None))


@dataclass(eq=False)
class Turn:
    """Everything that waits for one commit. Nothing in it has left the host before."""

    taken: list[Item] = field(default_factory=list)
    """What was taken from the mailbox, answered or not."""
    replies: list[tuple[Item, Reply]] = field(default_factory=list)
    write: Write | None = None
    batches: list[tuple[str, Batch]] = field(default_factory=list)
    """The view and its batch; views without followers have none."""
    notices: list[Notice] = field(default_factory=list)
    resumes: list[Resume] = field(default_factory=list)
    evictions: list[EvictNotice] = field(default_factory=list)
    snapshot: tuple[int, bytes] | None = None
    surveys: list[Item] = field(default_factory=list)
    """Who is to be told how all learners of a course are doing: read once the turn is durable."""

    def absorb(self, later: "Turn") -> None:
        """A turn without a write saw what this one wrote, so it waits for the same commit."""
        self.replies.extend(later.replies)
        self.resumes.extend(later.resumes)
        self.notices.extend(later.notices)
        self.surveys.extend(later.surveys)

    def refuse(self, reply: Reply) -> None:
        """The same to everybody who waits for it."""
        for item, _ in self.replies:
            item.answer(reply)
        for resume in self.resumes:
            resume.item.answer(reply)
        for item in self.surveys:
            item.answer(reply)
