"""The media server: browsers publish and watch, classes decide who may; one event loop, one UDP port."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

import structlog

from realtime.sfu import dtls, srtp
from realtime.sfu.cascade import Cascade
from realtime.sfu.desk import (
    LinkFrom,
    LinkOpened,
    LinkTo,
    Load,
    MediaClosed,
    MediaDesk,
    MediaFull,
    MediaSettings,
    Opened,
    Participant,
    Verdict,
)
from realtime.sfu.dtls import Certificate, HandshakeFailed
from realtime.sfu.link import Gates
from realtime.sfu.mux import Mux
from realtime.sfu.peers import Listener, Peer
from realtime.sfu.publisher import Publisher
from realtime.sfu.recorder import Pieces
from realtime.sfu.recordings import Recordings
from realtime.sfu.room import Room
from realtime.sfu.sdp import (
    BadOffer,
    Ends,
    Offer,
    SlotStreams,
    answer_publisher,
    answer_viewer,
    read_offer,
    take_publisher,
    take_viewer,
)
from realtime.sfu.slots import CAMERAS, LOUDEST, MAIN, MICROPHONES, SCREEN
from realtime.sfu.streams import Sent
from realtime.sfu.viewer import Viewer, new_media_id
from realtime.tasks import Tasks

_TICK_SECONDS = 0.02
_ASK_SECONDS = 5.0
_TELL_AGAIN_SECONDS = 5.0
_EMPTY_SECONDS = 10.0
_STALE_SECONDS = 5.0
"""Browsers are heard each second or two; one that was not for so long gives way to its own person."""
_SLOTS = {
    slot: SlotStreams(1000 + 2 * number, 1001 + 2 * number)
    for number, slot in enumerate((MAIN, LOUDEST, SCREEN, *CAMERAS, *MICROPHONES))
}
"""Each session has keys of its own, so the streams of a slot may have the same number everywhere: viewers share packets."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Session:
    """One browser's session, and the task that connects it."""

    who: Participant
    room: Room
    member: Publisher | Viewer
    peer: Peer


class MediaServer:
    """Carries classes. Whoever is here may be (the class is asked once a second); a class that is away changes nothing."""

    def __init__(self, settings: MediaSettings, desk: MediaDesk, files: Pieces | None, clock: Callable[[], float]) -> None:
        """`files`: where recordings go, None: nowhere. `clock`: seconds that never go back."""
        self._settings = settings
        self._desk = desk
        self._clock = clock
        self._tasks = Tasks()
        self._recordings = Recordings(files, clock)
        self._sent = Sent()
        self._sessions: dict[str, _Session] = {}
        self._rooms: dict[str, Room] = {}
        self._packets_in = 0
        self._mux: Mux | None = None
        self._certificate: Certificate | None = None
        self._cascade: Cascade | None = None
        self._closing = False

    @property
    def port(self) -> int:
        """The UDP port. Raises MediaClosed unless it is open."""
        return self._up()[0].port

    async def start(self) -> None:
        """Open the port. Raises OSError when it cannot be, and dtls.TransportUnusable."""
        dtls.self_test()
        if not srtp.FAST:
            _log.warning("media.slow_encryption", why="pylibsrtp is not the version that requirements/ pins")
        self._certificate = Certificate()
        settings = self._settings
        self._mux = Mux(settings.address, settings.udp_port, settings.receive_buffer, settings.send_buffer)
        self._mux.start()
        self._cascade = Cascade(Gates(self._mux), settings.public_address, self._clock, self._tasks)
        self._tasks.start(self._tick(), "media.tick")

    async def publish(self, who: Participant, offer: str) -> Opened:
        """Take a source in; one of the same person and kind is replaced as soon as this one is connected.

        Raises BadOffer, MediaFull and MediaClosed.
        """
        read = read_offer(offer)
        lines = [line for line in take_publisher(read) if line is not None]
        await self._admit(who, Publisher)
        room = await self._followed(who.session_id, None)
        member = Publisher(new_media_id(), who, lines, room, self._up()[0].faults, self._clock())
        return self._open(who, room, member, read, answer_publisher)

    async def watch(self, who: Participant, offer: str, origin: LinkTo | None) -> Opened:
        """Send the class out to one more. `origin`: the way to the node that has the class, None: this one has it.

        Raises BadOffer, MediaFull, MediaClosed, and LinkRefused or ConnectionError when the origin does not send it.
        """
        read = read_offer(offer)
        lines = [line for line in take_viewer(read) if line is not None]
        await self._admit(who, Viewer)
        room = await self._followed(who.session_id, origin)
        member = Viewer(new_media_id(), who, lines, _SLOTS, room, self._up()[0].faults, self._clock())
        return self._open(who, room, member, read, partial(answer_viewer, slots=_SLOTS))

    async def open_link(self, session_id: str, edge: LinkFrom) -> LinkOpened:
        """Send a class to an edge, or go on doing so. Raises LinkRefused and MediaClosed."""
        self._up()
        return self._links().open_link(self._room(session_id), edge)

    async def close_session(self, session_id: str, media_id: str, user_id: str) -> bool:
        """End one's own session; whether it was there."""
        session = self._sessions.get(media_id)
        if session is None or session.who.session_id != session_id or session.who.user_id != user_id:
            return False
        await self._end(session, "closed")
        return True

    async def dismiss(self, user_ids: Collection[str]) -> None:
        """End every session of these people, staff too: they may not be anywhere any more, whatever a class says."""
        for session in [each for each in self._sessions.values() if each.who.user_id in user_ids]:
            await self._end(session, "its person is turned away")

    def load(self) -> Load:
        """What is carried now."""
        members = [session.member for session in self._sessions.values()]
        viewers = sum(isinstance(member, Viewer) for member in members)
        return Load(
            viewers=viewers,
            publishers=len(members) - viewers,
            rooms=len(self._rooms),
            classes=tuple(self._rooms),
            packets_in=self._packets_in + sum(room.packets_in for room in self._rooms.values()),
            packets_out=self._sent.packets,
            bytes_out=self._sent.octets,
            dropped=self._sent.dropped + (0 if self._mux is None else self._mux.dropped),
        )

    async def close(self) -> None:
        """Take nobody new, end every session, close the port."""
        if self._closing:
            return
        self._closing = True
        for session in list(self._sessions.values()):
            await self._end(session, "the server closes")
        self._rooms.clear()
        await self._recordings.close()
        await self._tasks.finish(0.0)
        if self._mux is not None:
            self._mux.close()

    # Sessions

    def _up(self) -> tuple[Mux, Certificate]:
        if self._mux is None or self._certificate is None or self._closing:
            raise MediaClosed("This media server does not listen. Try again: another one answers.")
        return self._mux, self._certificate

    async def _admit(self, who: Participant, kind: type[Publisher | Viewer]) -> None:
        same = [session for session in self._sessions.values() if isinstance(session.member, kind)]
        most = self._settings.most_viewers if kind is Viewer else self._settings.most_publishers
        if len(same) >= most:
            raise MediaFull(f"This media server carries {most} {'viewers' if kind is Viewer else 'sources'}, and no more.")
        mine = [s for s in self._sessions.values() if s.who.user_id == who.user_id and s.who.session_id == who.session_id]
        if len(mine) < self._settings.sessions_a_person:
            return
        stalest = min(mine, key=lambda session: session.peer.seen)
        if self._clock() - stalest.peer.seen < _STALE_SECONDS:
            raise MediaFull(f"You have {len(mine)} media sessions in this class already: close one first.")
        await self._end(stalest, "its person began another")

    def _links(self) -> Cascade:
        if self._cascade is None:
            raise MediaClosed("This media server was never started.")
        return self._cascade

    async def _followed(self, session_id: str, origin: LinkTo | None) -> Room:
        """The class's room, with the class in it; a new one when it ended while its origin was asked."""
        while True:
            room = self._room(session_id)
            if origin is None:
                self._links().leave(room)
            else:
                await self._links().follow(room, origin)
            if self._rooms.get(session_id) is room:
                return room

    def _room(self, session_id: str) -> Room:
        room = self._rooms.get(session_id)
        if room is None:
            room = Room(session_id, self._up()[0].socket, self._sent, time.time, self._left, self._clock())
            self._rooms[session_id] = room
            self._tasks.start(self._keep(room), f"media.room.{session_id}")
        return room

    def _open(
        self, who: Participant, room: Room, member: Publisher | Viewer, offer: Offer, answer: Callable[[Offer, Ends], str]
    ) -> Opened:
        """Answer the offer, and wait for the browser beside."""
        mux, certificate = self._up()
        listener: Listener = member
        peer = Peer(mux, certificate, self._clock, listener, sends_media=isinstance(member, Publisher))
        addresses = (self._settings.public_address,)
        try:
            text = answer(offer, Ends(peer.ufrag, peer.password_text, (certificate.fingerprint,), addresses, mux.port))
        except BadOffer:
            mux.remove(peer)
            raise
        member.peer = peer
        session = self._sessions[member.media_id] = _Session(who, room, member, peer)
        self._tasks.start(self._connect(session, offer.fingerprints), f"media.connect.{member.media_id}")
        return Opened(member.media_id, text)

    async def _connect(self, session: _Session, fingerprints: tuple[str, ...]) -> None:
        try:
            await session.peer.connect(fingerprints, timeout_seconds=self._settings.connect_seconds)
        except HandshakeFailed as failed:
            await self._end(session, str(failed))
            return
        if session.member.media_id not in self._sessions:
            return  # closed meanwhile
        now, member = self._clock(), session.member
        if isinstance(member, Viewer):
            member.open_lanes(session.peer)
            session.room.add_viewer(member, now)
            return
        before = session.room.add_publisher(member, now)
        if before is not None:
            replaced = self._sessions.get(before.media_id)
            if replaced is not None:
                await self._end(replaced, "replaced")

    def _left(self, _room: Room, member: Publisher | Viewer, why: str) -> None:
        session = self._sessions.get(member.media_id)
        if session is not None:
            self._tasks.start(self._end(session, why), f"media.end.{member.media_id}")

    async def _end(self, session: _Session, why: str) -> None:
        member = session.member
        if self._sessions.pop(member.media_id, None) is None:
            return
        if isinstance(member, Viewer):
            session.room.remove_viewer(member)
        else:
            session.room.remove_publisher(member, self._clock())
        _log.info(
            "media.session_ended",
            session_id=session.who.session_id,
            user_id=session.who.user_id,
            kind="watch" if isinstance(member, Viewer) else session.who.source,
            why=why,
        )
        member.peer = None
        await session.peer.close()

    # Time

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = self._clock()
            for room in self._rooms.values():
                room.tick(now)

    async def _keep(self, room: Room) -> None:
        """Tell the class what is shown, ask it who may be here, and end who is silent, until nobody is here."""
        settings = self._settings
        empty_since: float | None = None
        told_at, checked_at = -_TELL_AGAIN_SECONDS, self._clock()
        while not self._closing:
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
            for session in self._of(room):
                if now - session.peer.seen >= settings.silence_seconds:
                    await self._end(session, f"silent for {settings.silence_seconds:.0f} s")
            has_edges = self._links().expire(room)
            if has_edges or self._of(room):
                empty_since = None
                if await self._check(room) and not self._of(room):
                    break
            elif empty_since is None:
                empty_since = now
            elif now - empty_since >= _EMPTY_SECONDS:
                break
        self._links().end(room)
        self._recordings.follow(room, None)
        if self._rooms.get(room.session_id) is room:
            del self._rooms[room.session_id]
            self._packets_in += room.packets_in

    def _of(self, room: Room) -> list[_Session]:
        return [session for session in self._sessions.values() if session.room is room]

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
        asked = [s for s in self._of(room) if s.who.part != "staff"]  # a class does not know its admins by their ids
        viewers = sorted({s.who.user_id for s in asked if isinstance(s.member, Viewer)})
        publishers = sorted({s.who.user_id for s in asked if isinstance(s.member, Publisher)})
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                verdict = await self._desk.check(room.session_id, viewers, publishers)
        except Exception as fault:  # whatever it is, a class that cannot be asked changes nothing
            _log.warning("media.class_not_asked", session_id=room.session_id, exc_info=fault)
            verdict = None
        if verdict is None:
            return False
        self._recordings.follow(room, None if verdict.over or verdict.moved or room.is_edge else verdict.recording)
        for session in self._of(room):
            why = _why_gone(session, verdict)
            if why is not None:
                await self._end(session, why)
        return verdict.over or verdict.moved


def _why_gone(session: _Session, verdict: Verdict) -> str | None:
    if verdict.over:
        return "the class is over"
    if verdict.moved:
        return "the class is on another node"
    gone = verdict.viewers_gone if isinstance(session.member, Viewer) else verdict.publishers_gone
    return "no longer in the class, or on the stage" if session.who.user_id in gone else None
