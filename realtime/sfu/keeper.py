"""What a media server and the classes say to each other: what is shown, who may be here, whether it is recorded."""

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from realtime.sfu.cascade import Cascade
from realtime.sfu.desk import MediaDesk, MediaSettings, Verdict
from realtime.sfu.publisher import Publisher
from realtime.sfu.recordings import Recordings
from realtime.sfu.room import Room
from realtime.sfu.sessions import Session, Sessions
from realtime.sfu.viewer import Viewer

_ASK_SECONDS = 5.0
_TELL_AGAIN_SECONDS = 5.0
_EMPTY_SECONDS = 10.0

_log = structlog.get_logger(__name__)


class Keeper:
    """Keeps the rooms of one server. A class that is away changes nothing: it is told and asked again."""

    def __init__(
        self,
        settings: MediaSettings,
        desk: MediaDesk,
        clock: Callable[[], float],
        sessions: Sessions,
        cascade: Cascade,
        recordings: Recordings,
    ) -> None:
        self._settings = settings
        self._desk = desk
        self._clock = clock
        self._sessions = sessions
        self._cascade = cascade
        self._recordings = recordings
        self._stopped = False
        self._kept: set[Room] = set()

    def stop(self) -> None:
        """Ask nothing more; what is under way comes to its end."""
        self._stopped = True

    async def keep(self, room: Room) -> None:
        """Tell the class what is shown, ask it who may be here, and end who is silent, until nobody is here."""
        settings = self._settings
        empty_since: float | None = None
        told_at, checked_at = -_TELL_AGAIN_SECONDS, self._clock()
        self._kept.add(room)
        while not self._stopped and room in self._kept:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, checked_at + settings.check_seconds - self._clock())):
                    await room.changed.wait()
            now = self._clock()
            if room.changed.is_set() or now - told_at >= _TELL_AGAIN_SECONDS:
                room.changed.clear()
                told_at = now
                await self._tell(room)
            if now - checked_at < settings.check_seconds:
                continue
            checked_at = now
            for session in self._sessions.of(room):
                if now - session.peer.seen >= settings.silence_seconds:
                    await self._sessions.end(session, f"silent for {settings.silence_seconds:.0f} s")
            has_edges = self._cascade.expire(room)
            if has_edges or self._sessions.of(room):
                empty_since = None
                if await self._check(room) and not self._sessions.of(room):
                    break
            elif empty_since is None:
                empty_since = now
            elif now - empty_since >= _EMPTY_SECONDS:
                break
        self.end(room)

    def end(self, room: Room) -> None:
        """Keep it no longer: no link carries it, and nothing records it."""
        if room in self._kept:
            self._kept.discard(room)
            room.changed.set()
            self._cascade.end(room)
            self._recordings.follow(room, None)

    async def _tell(self, room: Room) -> None:
        """A class that is away is told again after some seconds. An edge has nothing to tell."""
        if room.is_edge:
            return
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                await self._desk.show(room.session_id, room.shown)
                await self._desk.speakers(room.session_id, room.speakers)
        except Exception as fault:  # whatever it is, it is told again, and media goes on
            _log.warning("media.class_not_told", session_id=room.session_id, exc_info=fault)

    async def _check(self, room: Room) -> bool:
        """Have the class say who may be here; whether nobody may any more."""
        # a class does not know its admins by their ids
        asked = [session for session in self._sessions.of(room) if session.who.part != "staff"]
        viewers = sorted({s.who.user_id for s in asked if isinstance(s.member, Viewer)})
        publishers = sorted({s.who.user_id for s in asked if isinstance(s.member, Publisher)})
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                origin = self._cascade.origin_of(room.session_id)
                verdict = await self._desk.check(room.session_id, origin, viewers, publishers)
        except Exception as fault:  # whatever it is, a class that cannot be asked changes nothing
            _log.warning("media.class_not_asked", session_id=room.session_id, exc_info=fault)
            verdict = None
        if verdict is None or room not in self._kept:
            return False
        self._recordings.follow(room, None if verdict.over or verdict.moved or room.is_edge else verdict.recording)
        for session in self._sessions.of(room):
            why = _why_gone(session, verdict)
            if why is not None:
                await self._sessions.end(session, why)
        return verdict.over or verdict.moved


def _why_gone(session: Session, verdict: Verdict) -> str | None:
    if verdict.over:
        return "the class is over"
    if verdict.moved:
        return "the class is on another node"
    gone = verdict.viewers_gone if isinstance(session.member, Viewer) else verdict.publishers_gone
    return "no longer in the class, or on the stage" if session.who.user_id in gone else None
