"""The sessions of one media server: who is here with what, who may still come, and how a session ends."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from realtime.sfu.desk import MediaFull, MediaSettings, Participant
from realtime.sfu.peers import Peer
from realtime.sfu.publisher import Publisher
from realtime.sfu.room import Room
from realtime.sfu.viewer import Viewer

_STALE_SECONDS = 5.0
"""Browsers are heard each second or two; one that was not for so long gives way to its own person."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Session:
    """One browser's session."""

    who: Participant
    room: Room
    member: Publisher | Viewer
    peer: Peer


class Sessions:
    """All of one server, by their ids."""

    def __init__(self, settings: MediaSettings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._by_id: dict[str, Session] = {}

    def __iter__(self) -> Iterator[Session]:
        """Those of now: sessions may end meanwhile."""
        return iter(list(self._by_id.values()))

    def find(self, media_id: str) -> Session | None:
        """The session with this id, as long as it lasts."""
        return self._by_id.get(media_id)

    def of(self, room: Room) -> list[Session]:
        """Those in this room."""
        return [session for session in self._by_id.values() if session.room is room]

    def add(self, session: Session) -> None:
        """It begins."""
        self._by_id[session.member.media_id] = session

    async def admit(self, who: Participant, kind: type[Publisher | Viewer]) -> None:
        """See that there is room for one more; a silent session of the same person gives way. Raises MediaFull."""
        settings = self._settings
        same = [session for session in self if isinstance(session.member, kind)]
        most = settings.most_viewers if kind is Viewer else settings.most_publishers
        if len(same) >= most:
            raise MediaFull(f"This media server carries {most} {'viewers' if kind is Viewer else 'sources'}, and no more.")
        mine = [each for each in self if each.who.user_id == who.user_id and each.who.session_id == who.session_id]
        if len(mine) < settings.sessions_a_person:
            return
        stalest = min(mine, key=lambda session: session.peer.seen)
        if self._clock() - stalest.peer.seen < _STALE_SECONDS:
            raise MediaFull(f"You have {len(mine)} media sessions in this class already: close one first.")
        await self.end(stalest, "its person began another")

    async def end(self, session: Session, why: str) -> None:
        """It is over: nobody is sent what it sent. Nothing when it has ended before."""
        member = session.member
        if self._by_id.pop(member.media_id, None) is None:
            return
        try:
            if isinstance(member, Viewer):
                session.room.remove_viewer(member)
            else:
                session.room.remove_publisher(member, self._clock())
        finally:  # the connection ends, whatever has happened to the class
            member.peer = None
            await session.peer.close()
        _log.info(
            "media.session_ended",
            session_id=session.who.session_id,
            user_id=session.who.user_id,
            kind="watch" if isinstance(member, Viewer) else session.who.source,
            why=why,
        )
