"""A class on its way from its origin to an edge: SRTP under keys that came over Ray, without ICE and DTLS; one copy of each
track and layer, and requests for keyframes and lost packets gathered on each side."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from struct import Struct

from pylibsrtp import Error as SrtpError
from pylibsrtp import Policy

from realtime.sfu.desk import LinkFrom, LinkOpened, LinkSource, LinkStream
from realtime.sfu.fan import fan
from realtime.sfu.gates import Gates
from realtime.sfu.lanes import CODES
from realtime.sfu.layers import HIGH, LOW
from realtime.sfu.packets import Header, is_rtcp, write_extensions
from realtime.sfu.publisher import Incoming, Publisher
from realtime.sfu.reports import KeyframeWanted, PacketsWanted, SenderReport, read_reports, write_sender_report
from realtime.sfu.ring import Ring
from realtime.sfu.room import Room
from realtime.sfu.sdp import AUDIO_LEVEL, TakenLine
from realtime.sfu.srtp import NUMBERS, Address, Packet, Receiver, session_of

KEY_BYTES = 28
_RTP = Struct("!BBHII")
KEPT_SECONDS = 5.0
"""So long a link goes on without being asked for again."""
_PROFILE = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
_LEVEL = 1  # the number of the audio level's extension on a link


class _Copy:
    """One encoding on a link. Its sequences begin low: an edge that hears of it late must not miss a wrap-around, which
    SRTP counts (RFC 3711, 3.3.1)."""

    __slots__ = ("encoding", "ring", "shift", "ssrc", "token")

    def __init__(self, encoding: Incoming) -> None:
        self.encoding = encoding
        self.token = encoding.token
        self.ssrc = secrets.randbelow(1 << 32)
        self.ring = Ring()
        self.shift: int | None = None

    def place(self, sequence: int) -> int:
        """The sequence on the link."""
        if self.shift is None:
            self.shift = secrets.randbelow(0x4000) + 0x1000 - sequence  # late ones go below the first, not around
        return (sequence + self.shift) & 0xFFFF


class OriginEnd:
    """The end that sends. `asked_at`: when the edge asked for it last."""

    def __init__(self, gates: Gates, room: Room, edge: LinkFrom, clock: Callable[[], float]) -> None:
        self.edge = edge
        self.key = secrets.token_bytes(KEY_BYTES)
        self.asked_at = clock()
        self._gates = gates
        self._room = room
        self._clock = clock
        self._address: Address = (edge.host, edge.port)
        self._sender = session_of(self.key, _PROFILE, outbound=True)
        self._receivers = (Receiver(self._sender, self._address),)
        self._receiver = session_of(edge.key, _PROFILE, outbound=False)
        self._copies: dict[Incoming, _Copy] = {}
        self._by_ssrc: dict[int, _Copy] = {}
        gates.join(self._address, edge.label, self)

    def opened(self, host: str, now: float) -> LinkOpened:
        """What to tell the edge."""
        self.asked_at = now
        sources = tuple(
            LinkSource(publisher.media_id, publisher.who, tuple(map(self._told, publisher.encodings)))
            for publisher in self._room.publishers.values()
        )
        here = {encoding for publisher in self._room.publishers.values() for encoding in publisher.encodings}
        for encoding in [one for one in self._copies if one not in here]:
            self._forget(self._copies.pop(encoding))
        holds = tuple((slot, *key) for slot, key in self._room.holds.items())
        return LinkOpened(host, self._gates.mux.port, self.key, sources, holds)

    def forward(self, encoding: Incoming, data: bytes, header: Header, level: int | None) -> None:
        """Send a packet of the room on, as it came."""
        copy = self._copy(encoding)
        extension = b"" if level is None else write_extensions({_LEVEL: bytes((level,))})
        kind = CODES[encoding.codec] | header.marker << 7
        sequence = copy.place(header.sequence)
        head = _RTP.pack(0x90 if extension else 0x80, kind, sequence, header.timestamp, copy.ssrc)
        packet = head + extension + data[header.payload_at : header.payload_end]
        if copy.ring.put(sequence, packet):
            self._send(packet)

    def report(self, encoding: Incoming, told: SenderReport) -> None:
        """Carry the sender's clock over."""
        ssrc = self._copy(encoding).ssrc
        raw = write_sender_report(ssrc, told.ntp, told.timestamp, told.packets, told.octets, "link")
        self._gates.mux.send(self._sender.protect_rtcp(raw), self._address)

    def on_media(self, data: bytes, age: float) -> None:
        """Reports of the edge: what it misses, and where it needs a keyframe."""
        if not is_rtcp(data):
            return
        try:
            plain = self._receiver.unprotect_rtcp(data)
        except (SrtpError, ValueError):
            self._gates.mux.faults.count("srtp_unread")
            return
        for report in read_reports(plain):
            if isinstance(report, KeyframeWanted) and report.ssrc in self._by_ssrc:
                self._by_ssrc[report.ssrc].encoding.want_keyframe(self._clock())
            elif isinstance(report, PacketsWanted) and report.ssrc in self._by_ssrc:
                found = map(self._by_ssrc[report.ssrc].ring.get, report.sequences)
                for packet in filter(None, found):
                    self._send(packet)

    def _send(self, packet: bytes) -> None:
        whole = Packet(packet, *NUMBERS.unpack_from(packet, 2))
        self._gates.mux.dropped += fan((whole,), self._receivers, self._gates.mux.socket)

    def close(self) -> None:
        """Send nothing more."""
        self._gates.part(self._address, self.edge.label)

    def _told(self, encoding: Incoming) -> LinkStream:
        return LinkStream(encoding.kind, encoding.layer, encoding.codec, self._copy(encoding).ssrc)

    def _copy(self, encoding: Incoming) -> _Copy:
        copy = self._copies.get(encoding)
        if copy is None or copy.token is not encoding.token:
            if copy is not None:
                self._forget(copy)
            copy = self._copies[encoding] = _Copy(encoding)
            self._by_ssrc[copy.ssrc] = copy
        return copy

    def _forget(self, copy: _Copy) -> None:
        """A copy's SSRC is not used again; SRTP would remember each for as long as the link lasts."""
        del self._by_ssrc[copy.ssrc]
        with suppress(SrtpError):  # nothing was sent under it
            self._sender.remove_stream(copy.ssrc)


class EdgeEnd:
    """The end that receives: its sources are publishers of the room, which ask the origin as they would ask a browser."""

    connected = True

    def __init__(self, gates: Gates, room: Room, name: str, host: str, clock: Callable[[], float]) -> None:
        key = secrets.token_bytes(KEY_BYTES)
        self.asks = LinkFrom(name, host, gates.mux.port, key, secrets.randbelow(1 << 32))
        self.opened_at = clock()
        self._gates = gates
        self._room = room
        self._clock = clock
        self._sender = session_of(key, _PROFILE, outbound=True)
        self._opened: LinkOpened | None = None
        self._publishers: dict[str, Publisher] = {}
        self._by_ssrc: dict[int, Publisher] = {}

    def take(self, opened: LinkOpened, now: float) -> None:
        """Carry what the origin has."""
        before = self._opened
        if before is None or (before.key, before.host, before.port) != (opened.key, opened.host, opened.port):
            self._forget_streams()
            self._receiver = session_of(opened.key, _PROFILE, outbound=False)
        self._opened = opened
        self.opened_at = now
        named = {source.media_id for source in opened.sources}
        for media_id in [one for one in self._publishers if one not in named]:
            self._room.remove_publisher(self._publishers.pop(media_id), now)
        wanted = {stream.ssrc: source for source in opened.sources for stream in source.streams}
        for ssrc in [one for one in self._by_ssrc if one not in wanted]:
            del self._by_ssrc[ssrc]
            self._gates.part((opened.host, opened.port), ssrc)
            with suppress(SrtpError):  # nothing came under it
                self._receiver.remove_stream(ssrc)
        for source in opened.sources:
            self._take_source(source, opened, now)
        self._room.pin({slot: (user_id, which) for slot, user_id, which in opened.holds}, now)

    def _take_source(self, source: LinkSource, opened: LinkOpened, now: float) -> None:
        publisher = self._publishers.get(source.media_id)
        if publisher is None:
            lines = _lines(source.streams)
            publisher = Publisher(source.media_id, source.who, lines, self._room, self._gates.mux.faults, now)
            publisher.peer = self
            self._publishers[source.media_id] = publisher
            self._room.add_publisher(publisher, now)
        for stream in source.streams:
            if stream.ssrc not in self._by_ssrc:
                publisher.expect(stream.kind, stream.layer, stream.ssrc, now)
                self._by_ssrc[stream.ssrc] = publisher
                self._gates.join((opened.host, opened.port), stream.ssrc, self)

    def send_reports(self, reports: bytes) -> None:
        """Ask the origin: as our label, by which it knows the link."""
        if self._opened is None:
            return
        labelled = reports[:4] + self.asks.label.to_bytes(4, "big") + reports[8:]
        self._gates.mux.send(self._sender.protect_rtcp(labelled), (self._opened.host, self._opened.port))

    def on_media(self, data: bytes, age: float) -> None:
        """Packets and reports of the origin."""
        at = 4 if is_rtcp(data) else 8
        publisher = self._by_ssrc.get(int.from_bytes(data[at : at + 4], "big"))
        if publisher is None:
            return
        try:
            plain = self._receiver.unprotect_rtcp(data) if at == 4 else self._receiver.unprotect(data)
        except (SrtpError, ValueError):
            self._gates.mux.faults.count("srtp_unread")
            return
        now = self._clock()
        if at == 4:
            publisher.on_rtcp(plain, now)
        else:
            publisher.on_rtp(plain, now, now - age)

    def close(self) -> None:
        """Carry nothing of the origin any more."""
        self._forget_streams()
        now = self._clock()
        for publisher in self._publishers.values():
            self._room.remove_publisher(publisher, now)
        self._publishers.clear()
        self._room.pin(None, now)

    def _forget_streams(self) -> None:
        if self._opened is not None:
            for ssrc in self._by_ssrc:
                self._gates.part((self._opened.host, self._opened.port), ssrc)
        self._by_ssrc.clear()


def _lines(streams: tuple[LinkStream, ...]) -> list[TakenLine]:
    """The lines of a publisher that sends these streams."""
    lines = []
    for kind in dict.fromkeys(stream.kind for stream in streams):
        same = [stream for stream in streams if stream.kind == kind]
        layers = tuple(layer for layer in (LOW, HIGH) if any(stream.layer == layer for stream in same))
        codec = same[0].codec
        extensions = {AUDIO_LEVEL: _LEVEL} if kind == "audio" else {}
        rids = layers if len(layers) > 1 else ()
        lines.append(TakenLine(kind, kind, "", {codec: CODES[codec]}, {}, extensions, rids))
    return lines
