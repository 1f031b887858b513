"""What follows a turn once it may leave the host: replies, publications, notices, evictions, missed events, snapshots."""

from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from actors.archive import Archive
from actors.boxes import Box, Grain
from actors.envelopes import NotOwner, Reply
from actors.listeners import Listeners
from actors.live_grain import LiveGrain
from actors.postman import Postman
from actors.turns import Item, Resume, Turn
from classroom.answers import Refused
from classroom.ids import CourseId
from classroom.ports import Entered
from classroom.refusals import Unavailable
from persistence.errors import StoreAway

HELD_AT_MOST = 20_000

_AWAY = Refused(Unavailable())
_log = structlog.get_logger(__name__)


class Aftermath:
    """Sends out what turns brought. Those without a write never meet the fence: what they answer from memory is held while
    the host cannot be sure that it still is the owner."""

    def __init__(
        self,
        listeners: Listeners,
        postman: Postman,
        archive: Archive,
        spawn: Callable[[Coroutine[Any, Any, object]], object],
    ) -> None:
        self._listeners = listeners
        self._postman = postman
        self._archive = archive
        self._spawn = spawn
        self._held: deque[tuple[Box, Grain, Turn]] = deque()

    def hold(self, box: Box, grain: Grain, turn: Turn) -> None:
        """Keep the turn until it is known whose the grain is; more than 20,000 of them are refused."""
        if len(self._held) < HELD_AT_MOST:
            self._held.append((box, grain, turn))
        else:
            turn.refuse(_AWAY)

    def release(self) -> None:
        """The host knows what it owns: what it has lost it has forgotten."""
        held, self._held = self._held, deque()
        for box, grain, turn in held:
            if box.grain is grain:
                self.finish(box, grain, turn)
            else:
                turn.refuse(NotOwner(box.shard_id, None))

    def refuse_held(self) -> None:
        """The host cannot know what it owns."""
        held, self._held = self._held, deque()
        for _, _, turn in held:
            turn.refuse(_AWAY)

    def finish(self, box: Box, grain: Grain, turn: Turn) -> None:
        """Send out all that the turn brought."""
        for item, reply in turn.replies:
            item.answer(reply)
        if box.grain is grain:  # whoever followed one that is gone was told to catch up
            for view, batch in turn.batches:
                grain.rings[view].extend(batch.first_offset, batch.events)
                for gateway in grain.followers[view]:
                    self._listeners.publish(gateway, batch)
        if turn.evictions:
            self._listeners.evict(turn.evictions)
        for resume in turn.resumes:
            events = grain.rings[resume.view].between(resume.since.offset, resume.offset)
            if events is None:
                self._spawn(self._resume_from_log(box, resume))
            else:
                resume.recover(events)
        if turn.snapshot is not None and isinstance(grain, LiveGrain):
            self._spawn(self._archive.save(grain, *turn.snapshot))
        if turn.surveys:
            self._spawn(self._survey(box, grain.epoch, turn.surveys))
        self._postman.send(box, turn.notices)

    async def _survey(self, box: Box, epoch: int, items: Sequence[Item]) -> None:
        reply: Reply = _AWAY
        try:
            offset, snapshot = await self._archive.survey(CourseId(box.id))
            reply = Entered(epoch, offset, recovered=False, events=(), snapshot=snapshot)
        except StoreAway as error:
            _log.warning("survey_unread", grain=box.id, reason=str(error))
        except Exception:
            _log.exception("survey_unreadable", grain=box.id)
        for item in items:
            item.answer(reply)

    async def _resume_from_log(self, box: Box, resume: Resume) -> None:
        try:
            resume.recover(await self._archive.missed(box.kind, box.id, resume))
        except StoreAway as error:
            _log.warning("resume_unread", kind=box.kind, grain=box.id, reason=str(error))
            resume.item.answer(_AWAY)
        except Exception:
            _log.exception("resume_unreadable", kind=box.kind, grain=box.id)
            resume.item.answer(_AWAY)
