"""A source coming in: whose packet it is, how it arrives, what is asked of who sends it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from realtime.rates import Bucket
from realtime.sfu.desk import Participant
from realtime.sfu.lanes import CLOCK_RATES
from realtime.sfu.layers import HIGH, LOW
from realtime.sfu.mux import Faults
from realtime.sfu.nack import Missing
from realtime.sfu.packets import Header, extensions, from_retransmission, parse_header
from realtime.sfu.reception import Reception
from realtime.sfu.reports import (
    Goodbye,
    SenderReport,
    read_reports,
    write_lost,
    write_picture_loss,
    write_receiver_report,
    write_transport_feedback,
)
from realtime.sfu.sdp import AUDIO_LEVEL, MID, REPAIRED_RID, RID, TRANSPORT_CC, TakenLine
from realtime.sfu.srtp import Address
from realtime.sfu.streams import Stream
from realtime.sfu.transport_cc import Arrivals

OWN_SSRC = 1
"""As whom we report; we send nothing to a publisher, so no stream has it."""
_OTHER_SECONDS = 0.5
_BEGINNINGS_A_SECOND, _BEGINNINGS_BURST = 1.0, 10
"""Beginnings of one publisher's numbers, under the same SSRC or another: each costs its viewers a keyframe."""
_KEYFRAME_SECONDS = 1.0
_REPORT_SECONDS = 1.0
_FEEDBACK_SECONDS = 0.06


class Asked(Protocol):
    """Who is asked for what a publisher needs: a browser, or a link's other end."""

    connected: bool

    def send_reports(self, reports: bytes) -> None:
        """Send one compound packet of RTCP."""
        ...


class Forwarder(Protocol):
    """The room of a publisher."""

    def forward(self, encoding: "Incoming", data: bytes, header: Header, level: int | None, now: float) -> None:
        """Send a packet on. `level`: the audio level (RFC 6464) if it says one."""
        ...

    def begin_anew(self, encoding: "Incoming", now: float) -> None:
        """The encoding has another token: its numbers begin anew."""
        ...

    def note_report(self, encoding: "Incoming", told: SenderReport) -> None:
        """The sender's clock of this encoding was told."""
        ...

    def end_publisher(self, publisher: "Publisher", why: str) -> None:
        """The browser is gone."""
        ...


class Incoming:
    """One layer of one track of a publisher."""

    __slots__ = (
        "asked_at",
        "codec",
        "heard_at",
        "is_another",
        "kind",
        "layer",
        "missing",
        "octets",
        "payload_type",
        "publisher",
        "rate",
        "reception",
        "ssrc",
        "streams",
        "token",
        "wanted",
    )

    def __init__(self, publisher: "Publisher", kind: str, codec: str, payload_type: int, layer: str) -> None:
        self.publisher = publisher
        self.kind = kind
        self.codec = codec
        self.payload_type = payload_type
        self.layer = layer
        self.ssrc = 0
        self.streams: tuple[Stream, ...] = ()
        self.heard_at = 0.0
        self.octets = 0
        self.rate = 0
        """Bits a second, over the last second or so."""
        self.wanted = False
        self.asked_at = -_KEYFRAME_SECONDS
        self.begin(0)

    @property
    def sender(self) -> str:
        """Whose clock its reports tell."""
        return self.publisher.media_id

    @property
    def newest(self) -> int:
        """The newest sequence that came, -1 before the first."""
        return self.reception.newest

    def begin(self, ssrc: int) -> None:
        """It comes under this SSRC from now on."""
        self.ssrc = ssrc
        self.reception = Reception(ssrc, CLOCK_RATES[self.kind])
        self.anew()

    def anew(self) -> None:
        """What it numbers now has nothing to do with what it numbered."""
        self.missing = Missing()
        self.token: object = object()
        self.is_another = False
        """Whether it began anew, and nobody was told so yet."""

    def want_keyframe(self, now: float) -> None:
        """Ask for a keyframe now, or as soon as the last request is a second old; sound has none."""
        if self.kind == "video":
            self.wanted = True
            self.publisher.ask(self, now)


class Publisher:
    """One source of one person."""

    def __init__(
        self, media_id: str, who: Participant, lines: Sequence[TakenLine], room: Forwarder, faults: Faults, now: float
    ) -> None:
        self.media_id = media_id
        self.who = who
        self.peer: Asked | None = None
        self.encodings: list[Incoming] = []
        self._room = room
        self._faults = faults
        self._lines = {line.kind: line for line in lines}
        self._by_line: dict[tuple[str, str], Incoming] = {}
        self._by_ssrc: dict[int, Incoming] = {}
        self._again: dict[int, Incoming] = {}
        self._numbers: dict[str, int] = {}
        self._beginnings = Bucket(_BEGINNINGS_A_SECOND, _BEGINNINGS_BURST, now)
        self._arrivals = Arrivals()
        self._reported_at = self._fed_back_at = now
        for line in lines:
            self._numbers.update(line.extensions)
            ((codec, payload_type),) = line.payload_types.items()
            for layer in _layers(line.rids).values() if line.rids else (HIGH,):
                self._by_line[line.kind, layer] = incoming = Incoming(self, line.kind, codec, payload_type, layer)
                self.encodings.append(incoming)
        self._extension_level = self._numbers.get(AUDIO_LEVEL, 0)
        self._extension_arrival = self._numbers.get(TRANSPORT_CC, 0)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it sends: audio, video or both."""
        return tuple(self._lines)

    def find(self, kind: str, layer: str) -> Incoming | None:
        """The encoding of this kind and layer, if the publisher sends one."""
        return self._by_line.get((kind, layer))

    def expect(self, kind: str, layer: str, ssrc: int, now: float) -> None:
        """This encoding comes under this SSRC from now on, and its numbers begin anew."""
        encoding = self._by_line[kind, layer]
        self._by_ssrc.pop(encoding.ssrc, None)
        self._by_ssrc[ssrc] = encoding
        encoding.begin(ssrc)
        self._room.begin_anew(encoding, now)

    def on_rtp(self, data: bytes, now: float, arrived: float) -> None:
        """Count a packet and hand it on. The publisher is told when it `arrived`: our own delay is not the path's."""
        header = parse_header(data)
        if header is None:
            self._faults.count("rtp_unread")
            return
        values = extensions(data, header)
        arrival = values.get(self._extension_arrival)
        if arrival is not None and len(arrival) == 2:
            self._arrivals.add(int.from_bytes(arrival, "big"), arrived)
        encoding = self._by_ssrc.get(header.ssrc)
        if encoding is None:
            encoding = self._again.get(header.ssrc) or self._learn(header, values, now)
            if encoding is None:
                self._faults.count("unknown_ssrc")
                return
            if header.ssrc in self._again:
                restored = from_retransmission(data, header, encoding.payload_type, encoding.ssrc)
                again = None if restored is None else parse_header(restored)
                if restored is None or again is None:
                    return  # padding, sent to measure the path
                data, header = restored, again
        if header.payload_type != encoding.payload_type:
            self._faults.count("unknown_payload_type")
            return
        encoding.heard_at = now
        encoding.octets += len(data)
        if not self._is_taken(encoding, header, now):
            self._faults.count("too_many_beginnings")
            return
        if encoding.kind == "video":
            encoding.missing.add(header.sequence, now)
        level = None
        if encoding.kind == "audio" and (told := values.get(self._extension_level)):
            level = told[0] & 0x7F
        self._room.forward(encoding, data, header, level, now)

    def _is_taken(self, encoding: Incoming, header: Header, now: float) -> bool:
        """Count the packet. Numbers that begin anew are followed as soon as they may; until then they are not taken."""
        if encoding.reception.add(header.sequence, header.timestamp, now):
            encoding.is_another = True
        if encoding.is_another:
            if not self._beginnings.take(now):
                return False
            encoding.anew()
            self._room.begin_anew(encoding, now)
        return True

    def on_rtcp(self, data: bytes, now: float) -> None:
        """Keep the sender's reports, which say when its media was taken."""
        for report in read_reports(data):
            if isinstance(report, SenderReport):
                encoding = self._by_ssrc.get(report.ssrc)
                if encoding is not None:
                    encoding.reception.note_report(report, now)
                    self._room.note_report(encoding, report)
            elif isinstance(report, Goodbye):
                for ssrc in report.ssrcs:
                    self._again.pop(ssrc, None)

    def on_moved(self, address: Address) -> None:
        """Reports go to the peer's address; nothing else is kept of it."""

    def on_ended(self, why: str) -> None:
        """Tell the room."""
        self._room.end_publisher(self, why)

    def ask(self, encoding: Incoming, now: float) -> None:
        """Send the request for a keyframe that is wanted, if the last one is a second old."""
        if encoding.ssrc and self.peer is not None and now - encoding.asked_at >= _KEYFRAME_SECONDS:
            encoding.wanted, encoding.asked_at = False, now
            self.peer.send_reports(write_picture_loss(OWN_SSRC, encoding.ssrc))

    def tick(self, now: float) -> None:
        """Send what is due: requests for what is missing and for keyframes, feedback, reports."""
        peer = self.peer
        if peer is None or not peer.connected:
            return
        out = []
        for encoding in self.encodings:
            if encoding.kind == "video" and (due := encoding.missing.due(now)):  # a hole in sound is concealed, not awaited
                out.append(write_lost(OWN_SSRC, encoding.ssrc, due))
            if encoding.wanted:
                self.ask(encoding, now)
        if now - self._fed_back_at >= _FEEDBACK_SECONDS:
            self._fed_back_at = now
            media = self.encodings[-1].ssrc
            out += [write_transport_feedback(OWN_SSRC, media, body) for body in self._arrivals.flush()]
        if now - self._reported_at >= _REPORT_SECONDS:
            for encoding in self.encodings:
                encoding.rate = int(encoding.octets * 8 / (now - self._reported_at))
                encoding.octets = 0
            self._reported_at = now
            blocks = [block for encoding in self.encodings if (block := encoding.reception.block(now)) is not None]
            if blocks:
                out.append(write_receiver_report(OWN_SSRC, blocks))
        for report in out:
            peer.send_reports(report)

    def _learn(self, header: Header, values: Mapping[int, bytes], now: float) -> Incoming | None:
        """The encoding that a new SSRC belongs to (RFC 8843, 9.2; RFC 8852), None when nothing says so."""
        line = self._line_of(header, values)
        if line is None:
            return None
        again = header.payload_type in line.retransmissions.values()
        rid = values.get(self._numbers.get(REPAIRED_RID if again else RID, 0), b"").decode("ascii", "replace")
        layer = _layers(line.rids).get(rid) if line.rids else HIGH
        encoding = None if layer is None else self._by_line.get((line.kind, layer))
        if encoding is None:
            return None
        if again:  # one for each encoding: a browser that begins anew has another, and says no goodbye
            self._again = {ssrc: other for ssrc, other in self._again.items() if other is not encoding}
            self._again[header.ssrc] = encoding
        elif encoding.ssrc and now - encoding.heard_at < _OTHER_SECONDS:
            return None  # two at once for one encoding: the one that is there stays
        elif header.payload_type == encoding.payload_type:
            if encoding.ssrc and not self._beginnings.take(now):
                return None
            self.expect(line.kind, encoding.layer, header.ssrc, now)
        return encoding

    def _line_of(self, header: Header, values: Mapping[int, bytes]) -> TakenLine | None:
        mid = values.get(self._numbers.get(MID, 0))
        for line in self._lines.values():
            types = (*line.payload_types.values(), *line.retransmissions.values())
            if header.payload_type in types and (mid is None or mid.decode("ascii", "replace") == line.mid):
                return line
        return None


def _layers(rids: Sequence[str]) -> dict[str, str]:
    """The layer of each rid: those called so, else the first is low and the last high; ones between are not taken."""
    if LOW in rids and HIGH in rids:
        return {LOW: LOW, HIGH: HIGH}
    return {rids[-1]: HIGH} if len(rids) == 1 else {rids[0]: LOW, rids[-1]: HIGH}
