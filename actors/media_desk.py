"""What a media node tells and asks the classes that it carries: `MediaDesk` over the grains."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import structlog

from classroom.answers import Accepted, Answer, Refused
from classroom.ids import SessionId, UserId
from classroom.live.commands import CheckMedia, ShowMedia, ShowSpeakers
from classroom.live.media import MEDIA_NODE
from classroom.live.people import Person as Somebody
from classroom.ports import LiveSessions
from realtime.sfu.desk import Person, Recording, Shown, Verdict

_log = structlog.get_logger(__name__)


class _Recording(msgspec.Struct, frozen=True, rename="camel"):
    recording_id: str
    title: str


class _Verdict(msgspec.Struct, frozen=True, rename="camel"):
    over: bool
    moved: bool
    viewers_gone: frozenset[str]
    publishers_gone: frozenset[str]
    recording: _Recording | None = None


class GrainDesk:
    """`realtime.sfu.desk.MediaDesk` of one node (`name@run`)."""

    def __init__(self, live: LiveSessions, node: str) -> None:
        self._live = live
        self._node = node

    async def check(
        self, session_id: str, origin: str | None, viewers: Sequence[str], publishers: Sequence[str]
    ) -> Verdict | None:
        """See `MediaDesk`. A class that does not exist is over."""
        node = origin or self._node
        command = CheckMedia(node, tuple(map(UserId, viewers)), tuple(map(UserId, publishers)))
        answer = await self._live.execute(SessionId(session_id), MEDIA_NODE, command)
        if isinstance(answer, Accepted):
            said = _verdict(msgspec.json.decode(answer.body, type=_Verdict))
            return said if node == self._node else replace(said, recording=None)  # the origin records
        if answer.refusal.retry:
            return None
        _log.warning("media_check_refused", session_id=session_id, reason=answer.refusal.code)
        return Verdict(over=True)

    async def show(self, session_id: str, shown: Shown) -> None:
        """See `MediaDesk`."""
        cameras, microphones = (tuple(map(_somebody, slots)) for slots in (shown.cameras, shown.microphones))
        command = ShowMedia(self._node, _somebody(shown.screen), cameras, microphones)
        self._note(session_id, await self._live.execute(SessionId(session_id), MEDIA_NODE, command))

    async def speakers(self, session_id: str, user_ids: Sequence[str]) -> None:
        """See `MediaDesk`."""
        command = ShowSpeakers(self._node, tuple(map(UserId, user_ids)))
        self._note(session_id, await self._live.execute(SessionId(session_id), MEDIA_NODE, command))

    def _note(self, session_id: str, answer: Answer) -> None:
        if isinstance(answer, Refused):
            _log.warning("media_not_told", session_id=session_id, reason=answer.refusal.code)


def _somebody(person: Person | None) -> Somebody | None:
    return None if person is None else Somebody(UserId(person.user_id), person.name)


def _verdict(said: _Verdict) -> Verdict:
    runs = said.recording
    recording = None if runs is None else Recording(runs.recording_id, runs.title)
    return Verdict(said.over, said.moved, said.viewers_gone, said.publishers_gone, recording)
