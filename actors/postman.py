"""Brings what single persons are told into their inboxes, until it is there; each notice once, by its id."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Protocol

from actors.boxes import Box
from actors.envelopes import INBOX, Deliver, Envelope, NotOwner, Reply
from actors.turns import Call, Item, Notice
from classroom.answers import Refused
from classroom.callers import Caller, Role
from classroom.ids import UserId

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0

_POSTMAN = Caller(UserId("host"), "host", Role.ADMIN)


class Mail(Protocol):
    """The way to grains of other hosts."""

    async def execute(self, envelope: Envelope) -> Reply:
        """Have the owner of a grain on any host do something."""
        ...


class Postman:
    """`take` hands an item to a grain of this host, `False` when it has no such grain. While a notice is on its way its
    class counts as `notifying`, so that no snapshot hides the event it comes from: a crash sends it again."""

    def __init__(
        self, mail: Mail, take: Callable[[Item], bool], spawn: Callable[[Coroutine[Any, Any, None]], object]
    ) -> None:
        self._mail = mail
        self._take = take
        self._spawn = spawn

    def send(self, box: Box, notices: Sequence[Notice]) -> None:
        """Begin to deliver what the class in `box` has to tell."""
        for notice in notices:
            envelope = Envelope(INBOX, notice.user_id, _POSTMAN, Deliver(notice.type, notice.data), notice.command_id)
            box.notifying += 1
            call = Call(1, asyncio.get_running_loop())
            if self._take(Item(envelope, call, 0)):
                call.done.add_done_callback(partial(self._taken, box, envelope))
            else:
                self._spawn(self._deliver(box, envelope))

    def _taken(self, box: Box, envelope: Envelope, future: "asyncio.Future[Sequence[Reply]]") -> None:
        if isinstance(future.result()[0], Refused | NotOwner):
            self._spawn(self._deliver(box, envelope))
        else:
            box.notifying -= 1

    async def _deliver(self, box: Box, envelope: Envelope) -> None:
        pause = FIRST_PAUSE_SECONDS
        while isinstance(await self._mail.execute(envelope), Refused | NotOwner):
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        box.notifying -= 1
