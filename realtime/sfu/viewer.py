"""A session going out: its lanes, what it asks for again, how well it receives."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Protocol

from realtime.rates import Bucket
from realtime.sfu.desk import Participant
from realtime.sfu.lanes import CODES, Lane, shape_of
from realtime.sfu.layers import Layers
from realtime.sfu.mux import Faults
from realtime.sfu.peers import Peer
from realtime.sfu.reports import (
    BandwidthEstimate,
    KeyframeWanted,
    PacketsWanted,
    ReceiverReport,
    read_reports,
    write_receiver_report,
)
from realtime.sfu.sdp import ABS_SEND_TIME, AUDIO_LEVEL, SlotStreams, TakenLine
from realtime.sfu.srtp import Address, Receiver

_AGAIN_A_SECOND, _AGAIN_BURST = 300.0, 600
"""Packets sent again to one viewer; more than that is a link that does not carry them, or somebody who only asks."""

_KEYFRAMES_A_SECOND, _KEYFRAMES_BURST = 0.2, 3
_REPEATED_SECONDS = 1.0
_SIGN_OF_LIFE = write_receiver_report(1)  # as whom none of the slots sends


class Keyframes:
    """Which requests for a keyframe of one line are passed on: everybody who watches pays for it. Three while that is rare,
    then one in five seconds. A browser repeats itself until it sees one, which counts once a second."""

    __slots__ = ("_bucket", "_passed_at")

    def __init__(self, now: float) -> None:
        self._bucket = Bucket(_KEYFRAMES_A_SECOND, _KEYFRAMES_BURST, now)
        self._passed_at = now - _REPEATED_SECONDS

    def pass_on(self, now: float) -> bool:
        """Whether a request that comes at `now` is passed on."""
        if now - self._passed_at < _REPEATED_SECONDS or not self._bucket.take(now):
            return False
        self._passed_at = now
        return True


class Audience(Protocol):
    """The room of a viewer."""

    def end_viewer(self, viewer: "Viewer", why: str) -> None:
        """The browser is gone."""
        ...


class Viewer:
    """One session that watches."""

    def __init__(
        self,
        media_id: str,
        who: Participant,
        lines: Sequence[TakenLine],
        slots: Mapping[str, SlotStreams],
        room: Audience,
        faults: Faults,
        now: float,
    ) -> None:
        self.media_id = media_id
        self.who = who
        self.peer: Peer | None = None
        self.lanes: dict[str, Lane] = {}
        self.layers = Layers()
        self._lines = lines
        self._slots = slots
        self._room = room
        self._faults = faults
        self._by_ssrc: dict[int, Lane] = {}
        self._keyframes = {line.slot: Keyframes(now) for line in lines}
        self._again = Bucket(_AGAIN_A_SECOND, _AGAIN_BURST, now)

    @property
    def slots(self) -> list[tuple[str, str]]:
        """The slots that it asked for, each with its kind."""
        return [(line.slot, line.kind) for line in self._lines]

    def open_lanes(self, peer: Peer) -> None:
        """The peer is connected: there are keys to send with."""
        address = peer.address
        if address is None:
            raise RuntimeError("A connected peer has an address.")
        for line in self._lines:
            streams = self._slots[line.slot]
            wanted = AUDIO_LEVEL if line.kind == "audio" else ABS_SEND_TIME
            shape = shape_of(streams.ssrc, dict(line.payload_types), line.extensions.get(wanted, 0))
            again = {CODES[codec]: number for codec, number in line.retransmissions.items()}
            lane = Lane(line.slot, line.kind, shape, Receiver(peer.sender, address), again, streams.retransmissions)
            self.lanes[line.slot] = lane
            self._by_ssrc[streams.ssrc] = lane

    def on_rtp(self, data: bytes, now: float, arrived: float) -> None:
        """A viewer sends no media."""

    def on_rtcp(self, data: bytes, now: float) -> None:
        """Send again what is missing, ask for keyframes, note how it goes."""
        for report in read_reports(data):
            match report:
                case PacketsWanted(ssrc, sequences):
                    self._send_again(ssrc, sequences, now)
                case KeyframeWanted(ssrc):
                    self._want_keyframe(ssrc, now)
                case ReceiverReport(_, blocks):
                    for block in blocks:
                        lane = self._by_ssrc.get(block.ssrc)
                        if lane is not None and lane.kind == "video":
                            self.layers.note_loss(block.fraction_lost / 256, now)
                case BandwidthEstimate(bits_per_second, _):
                    self.layers.note_estimate(bits_per_second, now)
                case _:
                    pass

    def on_moved(self, address: Address) -> None:
        """Send there from now on."""
        for lane in self.lanes.values():
            lane.receiver.move(address)

    def on_ended(self, why: str) -> None:
        """Tell the room."""
        self._room.end_viewer(self, why)

    def show_way(self) -> None:
        """Send a sign of life, twice a second: by it a page tells a class that is silent from a way that is lost."""
        if self.peer is not None:
            self.peer.send_reports(_SIGN_OF_LIFE)

    def _send_again(self, ssrc: int, sequences: Sequence[int], now: float) -> None:
        lane = self._by_ssrc.get(ssrc)
        if lane is None or lane.stream is None or self.peer is None:
            self._faults.count("unknown_ssrc")
            return
        for sequence in sequences:
            if not self._again.take(now):
                self._faults.count("nack_flood")
                return
            packet = lane.stream.again(lane, sequence)
            if packet is not None:
                self.peer.send(packet)

    def _want_keyframe(self, ssrc: int, now: float) -> None:
        lane = self._by_ssrc.get(ssrc)
        stream = None if lane is None else lane.stream or lane.waits_for
        if lane is None or stream is None or stream.source is None:
            return
        if self._keyframes[lane.slot].pass_on(now):
            stream.source.want_keyframe(now)


def new_media_id() -> str:
    """An id that nobody guesses."""
    return secrets.token_urlsafe(16)
