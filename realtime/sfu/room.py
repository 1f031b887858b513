"""A class on this node: who sends, who watches, what is in which slot, and the way of each packet."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from realtime.sfu.desk import Person, Shown
from realtime.sfu.egress import Egress
from realtime.sfu.layers import HIGH, LOW, NONE
from realtime.sfu.levels import Levels
from realtime.sfu.packets import Header
from realtime.sfu.payloads import describe
from realtime.sfu.publisher import Incoming, Publisher
from realtime.sfu.reports import SenderReport
from realtime.sfu.slots import CAMERAS, LOUDEST, MAIN, MICROPHONES, SCREEN, Key, Slots
from realtime.sfu.streams import Stream
from realtime.sfu.viewer import Viewer

_LAYER_SILENT_SECONDS = 1.0
"""A browser that lacks bandwidth stops a layer without a word; after this its viewers get the other one."""
_LOOK_SECONDS = 0.5
_LAYERS = (HIGH, LOW)
_PICTURES = (MAIN, SCREEN, *CAMERAS)
_SOUNDS = (LOUDEST, *MICROPHONES)

_NOBODY: Key = ("", "")


class _Early:
    """Keeps a stream going for who is on the way."""

    def on_packet(self, codec: str, packet: bytes, now: float) -> None:
        """Nobody is here yet."""

    def on_report(self, sender: str, ntp: int, timestamp: int) -> None:
        """Nobody is here yet."""


_EARLY = _Early()


class Onward(Protocol):
    """A link to an edge, which takes everything as it comes."""

    def forward(self, encoding: Incoming, data: bytes, header: Header, level: int | None) -> None:
        """A packet of an encoding of this room."""
        ...

    def report(self, encoding: Incoming, told: SenderReport) -> None:
        """The sender's clock of an encoding."""
        ...


class Room:
    """One class. Its time comes from outside; its packets leave by the egress that it is given."""

    def __init__(
        self,
        session_id: str,
        egress: Egress,
        wall: Callable[[], float],
        gone: Callable[["Room", Publisher | Viewer, str], None],
        now: float,
    ) -> None:
        """`gone` is told of a browser that ended its connection."""
        self.session_id = session_id
        self.publishers: dict[Key, Publisher] = {}
        self.viewers: dict[str, Viewer] = {}
        self.packets_in = 0
        self.speakers: tuple[str, ...] = ()
        self.changed = asyncio.Event()
        """Set when there is something to tell the class: who is in which slot, or who speaks."""
        self._gone = gone
        self._slots = Slots()
        self._levels = Levels()
        self._streams: dict[tuple[str, str], Stream] = {}
        for slot in _PICTURES:
            for layer in _LAYERS:
                self._streams[slot, layer] = Stream(slot, "video", layer, egress, wall)
        for slot in _SOUNDS:
            self._streams[slot, HIGH] = Stream(slot, "audio", HIGH, egress, wall)
        self.links: list[Onward] = []
        self.holds: dict[str, Key] = {}
        """What is in each slot."""
        self._expected: dict[str, list[Stream]] = {}
        self._pinned: dict[str, Key] | None = None
        self._looked_at = now

    @property
    def is_edge(self) -> bool:
        """Whether another node decides what is in which slot."""
        return self._pinned is not None

    @property
    def shown(self) -> Shown:
        """Who is in which slot."""
        return Shown(self._person(SCREEN), tuple(map(self._person, CAMERAS)), tuple(map(self._person, MICROPHONES)))

    def _person(self, slot: str) -> Person | None:
        publisher = self.publishers.get(self.holds.get(slot, _NOBODY))
        return None if publisher is None else Person(publisher.who.user_id, publisher.who.name)

    # Sources

    def add_publisher(self, publisher: Publisher, now: float) -> Publisher | None:
        """A source is connected; the one of the same person and kind that it replaces, if there is one."""
        key = (publisher.who.user_id, publisher.who.source)
        before = self.publishers.get(key)
        self.publishers[key] = publisher
        self._slots.put(key, publisher.who.part == "staff", publisher.kinds)
        self._arrange(now)
        return before

    def remove_publisher(self, publisher: Publisher, now: float) -> None:
        """A source is gone; one that was replaced is not there to be removed."""
        key = (publisher.who.user_id, publisher.who.source)
        if self.publishers.get(key) is not publisher:
            return
        del self.publishers[key]
        self._slots.remove(key)
        self._levels.forget(key[0])
        self._arrange(now)

    def pin(self, holds: dict[str, Key] | None, now: float) -> None:
        """What is in which slot is decided elsewhere: by the class's origin. None: here again."""
        if holds != self._pinned:
            self._pinned = holds
            self._arrange(now)

    def expect_viewer(self, viewer: Viewer, now: float) -> None:
        """A viewer is answered, and about to connect."""
        targets = (self._target(viewer, slot, kind, now) for slot, kind in viewer.slots if kind == "video")
        self._expected[viewer.media_id] = streams = [stream for stream in targets if stream is not None]
        for stream in streams:
            stream.expect(_EARLY, now)

    def add_viewer(self, viewer: Viewer, now: float) -> None:
        """A viewer is connected and has its lanes."""
        self.viewers[viewer.media_id] = viewer
        self._place(viewer, now)
        self._expect_no_more(viewer)

    def remove_viewer(self, viewer: Viewer) -> None:
        """A viewer is gone."""
        self._expect_no_more(viewer)
        if self.viewers.pop(viewer.media_id, None) is None:
            return
        for lane in viewer.lanes.values():
            if lane.waits_for is not None:
                lane.waits_for.stop_waiting(lane)
            if lane.stream is not None:
                lane.stream.leave(lane)

    def _expect_no_more(self, viewer: Viewer) -> None:
        for stream in self._expected.pop(viewer.media_id, ()):
            stream.untap(_EARLY)

    def stream(self, slot: str, layer: str = HIGH) -> Stream:
        """What goes out in a slot; for taps."""
        return self._streams[slot, layer]

    def best_layer(self, slot: str, now: float) -> str:
        """The layer of its pictures that comes: the low one only while the high one does not, as browsers without bandwidth
        stop that."""
        high, low = (self._streams[slot, layer] for layer in _LAYERS)
        return LOW if _flows(low, now) and not _flows(high, now) else HIGH

    # Packets

    def forward(self, encoding: Incoming, data: bytes, header: Header, level: int | None, now: float) -> None:
        """See `publisher.Forwarder`."""
        self.packets_in += 1
        for link in self.links:
            link.forward(encoding, data, header, level)
        if level is not None:
            self._levels.note(encoding.publisher.who.user_id, level, now)
        facts = None
        for stream in encoding.streams:
            if stream.lanes or stream.waiting or stream.taps:
                if facts is None:
                    facts = describe(encoding.codec, data[header.payload_at : header.payload_end])
                stream.forward(encoding, data, header, facts, level, now)

    def begin_anew(self, encoding: Incoming, now: float) -> None:
        """See `publisher.Forwarder`."""
        for stream in encoding.streams:
            stream.begin_anew(encoding, now)

    def note_report(self, encoding: Incoming, told: SenderReport) -> None:
        """See `publisher.Forwarder`."""
        for link in self.links:
            link.report(encoding, told)
        for stream in encoding.streams:
            stream.report(encoding, told)

    def end_publisher(self, publisher: Publisher, why: str) -> None:
        """See `publisher.Forwarder`."""
        self._gone(self, publisher, why)

    def end_viewer(self, viewer: Viewer, why: str) -> None:
        """See `viewer.Audience`."""
        self._gone(self, viewer, why)

    # Time

    def tick(self, now: float) -> None:
        """What is due: at most 50 times a second."""
        for publisher in self.publishers.values():
            publisher.tick(now)
        if now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            self._look(now)

    def _look(self, now: float) -> None:
        for viewer in self.viewers.values():
            viewer.show_way()
        speakers = self._levels.order(now)
        again = speakers != self.speakers
        if again:
            self.speakers = speakers
            self._slots.hear(speakers)
            self.changed.set()
        for stream in self._streams.values():
            if stream.look_after(now):
                again = True
        if again:
            self._arrange(now)
            return
        rates = {slot: self._rates(slot) for slot in self.holds if slot in _PICTURES}
        for viewer in self.viewers.values():
            taken = [rates[slot] for slot in viewer.lanes if slot in rates]
            viewer.layers.look(now, sum(low for low, _ in taken), sum(high for _, high in taken))
            self._place(viewer, now)

    def _rates(self, slot: str) -> tuple[int, int]:
        """What the low and the high layer in a slot take, in bits a second; one that is not there, as the other."""
        low, high = (self._streams[slot, layer].source for layer in (LOW, HIGH))
        rates = [0 if source is None else source.rate for source in (low, high)]
        return rates[0] or rates[1], rates[1] or rates[0]

    # Slots

    def _arrange(self, now: float) -> None:
        """Bind every stream to what its slot holds, and every lane to its stream."""
        before = self.holds
        self.holds = self._slots.held() if self._pinned is None else self._pinned
        if before != self.holds:
            self.changed.set()
        carriers: dict[Incoming, list[Stream]] = {}
        for (slot, layer), stream in self._streams.items():
            publisher = self.publishers.get(self.holds.get(slot, _NOBODY))
            encoding = None if publisher is None else publisher.find(stream.kind, layer)
            stream.bind(encoding, now)
            for carried in (encoding, stream.previous):
                if isinstance(carried, Incoming):
                    carriers.setdefault(carried, []).append(stream)
        for publisher in self.publishers.values():
            for encoding in publisher.encodings:
                encoding.streams = tuple(carriers.get(encoding, ()))
        for viewer in self.viewers.values():
            self._place(viewer, now)

    def _target(self, viewer: Viewer, slot: str, kind: str, now: float) -> Stream | None:
        """The stream that a line should follow: of the layer that fits, or the one that is there."""
        holder = self.holds.get(slot)
        if holder is not None and holder[0] == viewer.who.user_id:
            return None  # nobody is sent their own
        if kind == "audio":
            return self._streams[slot, HIGH]
        layer = viewer.layers.layer
        if layer == NONE:
            return None
        wanted, other = (self._streams[slot, name] for name in (layer, LOW if layer == HIGH else HIGH))
        return wanted if _flows(wanted, now) or not _flows(other, now) else other

    def _place(self, viewer: Viewer, now: float) -> None:
        for lane in viewer.lanes.values():
            target = self._target(viewer, lane.slot, lane.kind, now)
            if target is lane.stream:
                if lane.waits_for is not None:
                    lane.waits_for.stop_waiting(lane)
                continue
            if target is lane.waits_for:
                continue
            if lane.waits_for is not None:
                lane.waits_for.stop_waiting(lane)
            if target is not None:
                target.wait(lane, now)
            elif lane.stream is not None:
                lane.stream.leave(lane)


def _flows(stream: Stream, now: float) -> bool:
    return stream.source is not None and now - stream.source.heard_at < _LAYER_SILENT_SECONDS
