"""The media server: browsers publish and watch, classes decide who may; one event loop, one UDP port."""

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

import structlog

from realtime.sfu import dtls
from realtime.sfu.cascade import Cascade
from realtime.sfu.desk import (
    LinkFrom,
    LinkOpened,
    LinkRefused,
    LinkTo,
    Load,
    MediaClosed,
    MediaDesk,
    MediaSettings,
    Opened,
    Participant,
)
from realtime.sfu.dtls import Certificate, HandshakeFailed
from realtime.sfu.egress import Sent
from realtime.sfu.fan import SLOW
from realtime.sfu.gates import Gates
from realtime.sfu.keeper import Keeper
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
from realtime.sfu.sessions import Session, Sessions
from realtime.sfu.slots import CAMERAS, LOUDEST, MAIN, MICROPHONES, SCREEN
from realtime.sfu.viewer import Viewer, new_media_id
from realtime.tasks import Tasks

_TICK_SECONDS = 0.02
_SLOTS = {
    slot: SlotStreams(1000 + 2 * number, 1001 + 2 * number)
    for number, slot in enumerate((MAIN, LOUDEST, SCREEN, *CAMERAS, *MICROPHONES))
}
"""Each session has keys of its own, so the streams of a slot may have the same number everywhere: viewers share packets."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Open:
    """What there is once the port is open."""

    mux: Mux
    certificate: Certificate
    cascade: Cascade
    keeper: Keeper


class MediaServer:
    """Carries classes. Whoever is here may be (the class is asked once a second); a class that is away changes nothing."""

    def __init__(self, settings: MediaSettings, desk: MediaDesk, files: Pieces | None, clock: Callable[[], float]) -> None:
        """`files`: where recordings go, None: nowhere. `clock`: seconds that never go back."""
        self._settings = settings
        self._desk = desk
        self._clock = clock
        self._tasks = Tasks()
        self._recordings = Recordings(files, clock)
        self._sessions = Sessions(settings, clock)
        self._rooms: dict[str, Room] = {}
        self._packets_in = 0
        self._open: _Open | None = None
        self._closing = False

    @property
    def port(self) -> int:
        """The UDP port. Raises MediaClosed unless it is open."""
        return self._up().mux.port

    async def start(self) -> None:
        """Open the port. Raises OSError when it cannot be, and dtls.TransportUnusable."""
        dtls.self_test()
        if SLOW:
            _log.warning("media.slow_sending", why=SLOW)
        settings = self._settings
        certificate = Certificate()
        mux = Mux(settings.address, settings.udp_port, settings.receive_buffer, settings.send_buffer)
        mux.start()
        cascade = Cascade(Gates(mux), settings.public_address, self._clock, self._tasks)
        keeper = Keeper(settings, self._desk, self._clock, self._sessions, cascade, self._recordings)
        self._open = _Open(mux, certificate, cascade, keeper)
        self._tasks.start(self._tick(), "media.tick")

    async def publish(self, who: Participant, offer: str) -> Opened:
        """Take a source in; one of the same person and kind is replaced as soon as this one is connected.

        Raises BadOffer, MediaFull and MediaClosed.
        """
        read = read_offer(offer)
        lines = [line for line in take_publisher(read) if line is not None]
        await self._sessions.admit(who, Publisher)
        room = await self._followed(who.session_id, None)
        member = Publisher(new_media_id(), who, lines, room, self._up().mux.faults, self._clock())
        return self._answer(who, room, member, read, answer_publisher)

    async def watch(self, who: Participant, offer: str, origin: LinkTo | None) -> Opened:
        """Send the class out to one more. `origin`: the way to the node that has the class, None: this one has it.

        Raises BadOffer, MediaFull, MediaClosed, and what `LinkTo.open_link` does when the origin does not send it.
        """
        read = read_offer(offer)
        lines = [line for line in take_viewer(read) if line is not None]
        await self._sessions.admit(who, Viewer)
        room = await self._followed(who.session_id, origin)
        await self._sessions.admit(who, Viewer)  # again: many may have waited for the origin
        member = Viewer(new_media_id(), who, lines, _SLOTS, room, self._up().mux.faults, self._clock())
        opened = self._answer(who, room, member, read, partial(answer_viewer, slots=_SLOTS))
        room.expect_viewer(member, self._clock())
        return opened

    async def open_link(self, session_id: str, edge: LinkFrom) -> LinkOpened:
        """Send a class to an edge, or go on doing so. Raises LinkRefused and MediaClosed."""
        return self._up().cascade.open_link(self._room(session_id), edge)

    async def close_session(self, session_id: str, media_id: str, user_id: str) -> bool:
        """End one's own session; whether it was there."""
        session = self._sessions.find(media_id)
        if session is None or session.who.session_id != session_id or session.who.user_id != user_id:
            return False
        await self._sessions.end(session, "closed")
        return True

    async def dismiss(self, user_ids: Collection[str]) -> None:
        """End every session of these people, staff too: they may not be anywhere any more, whatever a class says."""
        for session in self._sessions:
            if session.who.user_id in user_ids:
                await self._sessions.end(session, "its person is turned away")

    def load(self) -> Load:
        """What is carried now."""
        sent = Sent() if self._open is None else self._open.mux.egress.sent
        members = [session.member for session in self._sessions]
        viewers = sum(isinstance(member, Viewer) for member in members)
        return Load(
            viewers=viewers,
            publishers=len(members) - viewers,
            rooms=len(self._rooms),
            classes=tuple(self._rooms),
            packets_in=self._packets_in + sum(room.packets_in for room in self._rooms.values()),
            packets_out=sent.packets,
            bytes_out=sent.octets,
            dropped=sent.dropped + (0 if self._open is None else self._open.mux.dropped),
        )

    async def close(self) -> None:
        """Take nobody new, end every session, close the port."""
        if self._closing:
            return
        self._closing = True
        if self._open is not None:
            self._open.keeper.stop()
        for session in self._sessions:
            await self._sessions.end(session, "the server closes")
        self._rooms.clear()
        await self._recordings.close()
        await self._tasks.finish(0.0)
        if self._open is not None:
            self._open.mux.close()

    # Sessions

    def _up(self) -> _Open:
        if self._open is None or self._closing:
            raise MediaClosed("This media server does not listen. Try again: another one answers.")
        return self._open

    async def _followed(self, session_id: str, origin: LinkTo | None) -> Room:
        """The class's room, with the class in it; a new one when it ended while its origin was asked."""
        while True:
            room, cascade = self._room(session_id), self._up().cascade
            if origin is None:
                cascade.leave(room)
                return room
            is_from_there = await cascade.follow(room, origin)
            if self._rooms.get(session_id) is not room:
                continue
            if not is_from_there:
                raise LinkRefused("The class came from elsewhere meanwhile.")
            return room

    def _room(self, session_id: str) -> Room:
        room = self._rooms.get(session_id)
        if room is None:
            up = self._up()
            room = Room(session_id, up.mux.egress, time.time, self._left, self._clock())
            self._rooms[session_id] = room
            self._tasks.start(self._keep(room, up.keeper), f"media.room.{session_id}")
        return room

    def _answer(
        self, who: Participant, room: Room, member: Publisher | Viewer, offer: Offer, answer: Callable[[Offer, Ends], str]
    ) -> Opened:
        """Answer the offer, and wait for the browser beside."""
        up = self._up()
        listener: Listener = member
        peer = Peer(up.mux, up.certificate, self._clock, listener, sends_media=isinstance(member, Publisher))
        addresses = (self._settings.public_address,)
        try:
            text = answer(offer, Ends(peer.ufrag, peer.password_text, (up.certificate.fingerprint,), addresses, up.mux.port))
        except BadOffer:
            up.mux.remove(peer)
            raise
        member.peer = peer
        session = Session(who, room, member, peer)
        self._sessions.add(session)
        self._tasks.start(self._connect(session, offer.fingerprints), f"media.connect.{member.media_id}")
        return Opened(member.media_id, text)

    async def _connect(self, session: Session, fingerprints: tuple[str, ...]) -> None:
        try:
            await session.peer.connect(fingerprints, timeout_seconds=self._settings.connect_seconds)
        except HandshakeFailed as failed:
            await self._sessions.end(session, str(failed))
            return
        except Exception:
            await self._sessions.end(session, "a fault of ours")
            raise  # to whoever owns the tasks, who says so
        if self._sessions.find(session.member.media_id) is None:
            return  # closed meanwhile
        now, member = self._clock(), session.member
        if isinstance(member, Viewer):
            member.open_lanes(session.peer)
            session.room.add_viewer(member, now)
            return
        before = session.room.add_publisher(member, now)
        if before is not None:
            replaced = self._sessions.find(before.media_id)
            if replaced is not None:
                await self._sessions.end(replaced, "replaced")

    def _left(self, _room: Room, member: Publisher | Viewer, why: str) -> None:
        session = self._sessions.find(member.media_id)
        if session is not None:
            self._end(session, why)

    def _end(self, session: Session, why: str) -> None:
        self._tasks.start(self._sessions.end(session, why), f"media.end.{session.member.media_id}")

    # Time

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = self._clock()
            for room in list(self._rooms.values()):
                try:
                    room.tick(now)
                except Exception as fault:  # whatever it is, it is this class's: the others go on
                    self._give_up(room, fault)

    async def _keep(self, room: Room, keeper: Keeper) -> None:
        try:
            await keeper.keep(room)
        except Exception as fault:  # nobody stays in a class that is not asked any more who may
            self._give_up(room, fault)
        else:
            self._forget(room)

    def _forget(self, room: Room) -> bool:
        """Whether it was there."""
        if self._rooms.get(room.session_id) is not room:
            return False
        del self._rooms[room.session_id]
        self._packets_in += room.packets_in
        return True

    def _give_up(self, room: Room, fault: Exception) -> None:
        """A class that a fault of ours has broken ends on this node: its people begin anew, and it with them."""
        if not self._forget(room):
            return
        _log.error("media.class_broke", session_id=room.session_id, exc_info=fault)
        if self._open is not None:
            self._open.keeper.end(room)
        for session in self._sessions.of(room):
            self._end(session, "the class broke")
