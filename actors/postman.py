"""Brings what single persons are told into their inboxes, until it is there; each notice once, by its id, in order."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import structlog

from actors.boxes import Box
from actors.envelopes import INBOX, Deliver, Envelope, NotOwner, Reply
from actors.turns import Call, Item, Notice
from classroom.answers import Refused
from classroom.callers import Caller, Role
from classroom.ids import UserId

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
WAITING_AT_MOST = 500
"""How many notices to one person may wait; an inbox knows its last 1,000 again, so a crash repeats none of them."""
SUPERSEDED = "waitlist.moved"
"""Of these only the latest of a class is worth telling."""

_POSTMAN = Caller(UserId("host"), "host", Role.ADMIN)
_log = structlog.get_logger(__name__)


class Mail(Protocol):
    """The way to grains of other hosts."""

    async def execute(self, envelope: Envelope) -> Reply:
        """Have the owner of a grain on any host do something."""
        ...


class _Letter(NamedTuple):
    """A notice and the class that it comes from."""

    box: Box
    notice: Notice

    @property
    def envelope(self) -> Envelope:
        """What the inbox is asked to do."""
        user_id, kind, data, command_id = self.notice
        return Envelope(INBOX, user_id, _POSTMAN, Deliver(kind, data), command_id)


class Postman:
    """`take` hands an item to a grain of this host, `False` when it has no such grain. One notice to a person is on its way
    at a time and the next ones wait, so that none overtakes another; when too many wait the oldest is given up. While a
    notice waits or is on its way its class counts as `notifying`, so that no snapshot hides the event it comes from: a
    crash sends it again."""

    def __init__(
        self, mail: Mail, take: Callable[[Item], bool], spawn: Callable[[Coroutine[Any, Any, None]], object]
    ) -> None:
        self._mail = mail
        self._take = take
        self._spawn = spawn
        self._letters: dict[UserId, dict[str, _Letter]] = {}
        """By person and the notice's id; the first is on its way."""

    def send(self, box: Box, notices: Sequence[Notice]) -> None:
        """Begin to deliver what the class in `box` has to tell."""
        for notice in notices:
            box.notifying += 1
            letters = self._letters.get(notice.user_id)
            if letters is None:
                self._letters[notice.user_id] = {notice.command_id: _Letter(box, notice)}
                self._leave(notice.user_id)
            else:
                self._queue(letters, _Letter(box, notice))

    def _queue(self, letters: dict[str, _Letter], letter: _Letter) -> None:
        known = letters.get(letter.notice.command_id)
        if known is not None:
            known.box.notifying -= 1  # read back from the log meanwhile: the same again, in its place
        letters[letter.notice.command_id] = letter
        _, *waiting = letters.values()
        if known is None and letter.notice.type == SUPERSEDED:
            for earlier in waiting[:-1]:
                if earlier.notice.type == SUPERSEDED and earlier.box.id == letter.box.id:
                    _give_up(letters, earlier)
        if len(letters) > WAITING_AT_MOST:
            _log.warning("notice_given_up", user=letter.notice.user_id, waiting=len(letters))
            _give_up(letters, waiting[0])

    def _leave(self, user_id: UserId) -> None:
        letter = next(iter(self._letters[user_id].values()))
        call = Call(1, asyncio.get_running_loop())
        if self._take(Item(letter.envelope, call, 0)):
            call.done.add_done_callback(partial(self._taken, user_id))
        else:
            self._spawn(self._deliver(user_id))

    def _taken(self, user_id: UserId, future: "asyncio.Future[Sequence[Reply]]") -> None:
        if isinstance(future.result()[0], Refused | NotOwner):
            self._spawn(self._deliver(user_id))
        else:
            self._delivered(user_id)

    async def _deliver(self, user_id: UserId) -> None:
        pause = FIRST_PAUSE_SECONDS
        envelope = next(iter(self._letters[user_id].values())).envelope
        while isinstance(await self._mail.execute(envelope), Refused | NotOwner):
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        self._delivered(user_id)

    def _delivered(self, user_id: UserId) -> None:
        letters = self._letters[user_id]
        _give_up(letters, next(iter(letters.values())))
        if letters:
            self._leave(user_id)
        else:
            del self._letters[user_id]


def _give_up(letters: dict[str, _Letter], letter: _Letter) -> None:
    del letters[letter.notice.command_id]
    letter.box.notifying -= 1
