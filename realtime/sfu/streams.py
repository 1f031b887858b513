"""What is in one slot, in one layer, on its way to everybody who watches it: spliced once, written once for each group of
viewers with like payload types, encrypted once for each viewer."""

import secrets
from collections import deque
from collections.abc import Callable

from realtime.sfu.around_streams import Encoding, Tap
from realtime.sfu.canonical import canonical, places_in, places_of, stamp_of, written
from realtime.sfu.egress import Egress
from realtime.sfu.lanes import CLOCK_RATES, CODES, Group, Lane, Numbers, Shape
from realtime.sfu.packets import Header, to_retransmission
from realtime.sfu.payloads import PayloadFacts
from realtime.sfu.reports import SenderReport, write_sender_report
from realtime.sfu.ring import Ring
from realtime.sfu.splice import Splice
from realtime.sfu.srtp import NUMBERS, Packet, patch

FRESH_SECONDS = 1.0
"""So long a keyframe is good to begin with: as long as nobody may ask for another one."""
FRESH_PACKETS = 256
"""So many packets at most are sent at once to who begins with it."""

_MOST_HELD = 128  # packets of a source whose keyframe is waited for


class Stream:
    """One slot in one layer. A viewer's lane follows from a keyframe on; nobody else notices that it came."""

    def __init__(self, slot: str, kind: str, layer: str, egress: Egress, wall: Callable[[], float]) -> None:
        """`wall`: Unix seconds, for the send time that browsers estimate by."""
        self.slot = slot
        self.kind = kind
        self.layer = layer
        self.source: Encoding | None = None
        self.previous: Encoding | None = None
        """What goes on until the keyframe of the source."""
        self.newest = Numbers(-1, 0, 0, 0, 0.0)
        """Its sequence does not go around: it counts on."""
        self.packets = 0
        self.octets = 0
        self.waiting: list[Lane] = []
        self.taps: list[Tap] = []
        self.lanes: set[Lane] = set()
        self._keyframe: Numbers | None = None
        self._groups: dict[Shape, Group] = {}
        self._ring = Ring()
        self._held: deque[tuple[Encoding, bytes, Header, PayloadFacts, int | None, float]] = deque(maxlen=_MOST_HELD)
        self._splice = Splice(CLOCK_RATES[kind], secrets.randbelow(0x4000), secrets.randbelow(1 << 32))
        self._egress = egress
        self._wall = wall

    @property
    def is_watched(self) -> bool:
        """Whether anybody follows it or waits for it."""
        return bool(self.lanes or self.waiting or self.taps)

    def bind(self, source: Encoding | None, now: float) -> None:
        """Carry this source from its next keyframe on; without one, nothing more."""
        if source is self.source:
            return
        self.previous, self.source, self._keyframe = self.source, source, None
        if source is None:
            self.previous = None
            self._splice.drop()
            self._held.clear()
        elif self.is_watched:
            self._want(source, source.newest)
            source.want_keyframe(now)

    def begin_anew(self, source: Encoding, now: float) -> None:
        """The source numbers its packets anew: what comes is spliced like another one."""
        if source is not self.source:
            return
        self._keyframe = None
        if self.is_watched:
            self._want(source, -1)
            source.want_keyframe(now)

    def look_after(self, now: float) -> bool:
        """Ask again for a keyframe that is still waited for; whether what was carried before can be forgotten."""
        waits = self._splice.wanted is not None
        if self.source is not None and self.is_watched and (waits or self.waiting):
            self.source.want_keyframe(now)
        if self.previous is not None and not waits:
            self.previous = None
            return True
        return False

    def wait(self, lane: Lane, now: float) -> None:
        """Have the lane follow from the next keyframe on, or from a fresh one if it never followed any; sound at once."""
        if lane.stream is None and lane.last is None and self._catch_up(lane, now):
            return
        self._attend(now)
        lane.waits_for = self
        self.waiting.append(lane)

    def stop_waiting(self, lane: Lane) -> None:
        """Have the lane stay where it is."""
        lane.waits_for = None
        self.waiting.remove(lane)
        self._rest()

    def leave(self, lane: Lane) -> None:
        """Send the lane nothing more."""
        group = self._groups[lane.shape]
        self._egress.flush(group)
        lane.leave()
        self.lanes.discard(lane)
        group.receivers.remove(lane.receiver)
        if not group.receivers:
            del self._groups[lane.shape]
        self._rest()

    def tap(self, tap: Tap, now: float) -> None:
        """Have a tap follow; it is for it to wait for a keyframe."""
        self._attend(now)
        self.taps.append(tap)

    def expect(self, tap: Tap, now: float) -> None:
        """Have a tap follow for somebody who comes soon: a keyframe that they can begin with is there by then."""
        if not self._is_fresh(now):
            self._attend(now)
        self.taps.append(tap)

    def untap(self, tap: Tap) -> None:
        """Have the tap follow no more."""
        self.taps.remove(tap)
        self._rest()

    def forward(
        self, encoding: Encoding, data: bytes, header: Header, facts: PayloadFacts, level: int | None, now: float
    ) -> None:
        """Send a packet of the encoding to everybody who follows, and with a keyframe to those who wait."""
        wanted = self._splice.wanted
        placed = self._splice.place(encoding.token, header.sequence, header.timestamp, facts, now)
        if placed is None:
            if encoding.token == wanted:
                self._held.append((encoding, data, header, facts, level, now))
            return
        sequence, timestamp, picture, zero = placed
        code = CODES[encoding.codec]
        payload = data[header.payload_at : header.payload_end]
        packet = canonical(code, header.marker, placed, stamp_of(code, level, self._wall()), payload, facts)
        if not self._ring.put(sequence, packet):
            return
        newest = self.newest
        number = newest.sequence + ((sequence - newest.sequence + 0x8000) & 0xFFFF) - 0x8000
        if facts.starts_keyframe and encoding is self.source and self._splice.current == encoding.token:
            self._note_keyframe(Numbers(number, timestamp, max(picture, 0), max(zero, 0), now))
        late = number < newest.sequence
        if not late:
            newest.sequence, newest.timestamp, newest.at = number, timestamp, now
            if picture >= 0:
                newest.picture = picture
            if zero >= 0:
                newest.zero = zero
        self.packets += 1
        self.octets += len(payload)
        self._fan_out(packet, sequence, timestamp, facts, picture, zero, number if late else None)
        for tap in self.taps:
            tap.on_packet(encoding.codec, packet, now)
        if self._held and self._splice.wanted is None:
            self._release(header.sequence)

    def _fan_out(
        self,
        packet: bytes,
        sequence: int,
        timestamp: int,
        facts: PayloadFacts,
        picture: int,
        zero: int,
        late: int | None,
    ) -> None:
        """Send to everybody; what comes late, only to those who were here before it: from a lane that came after it, the
        same number went out with another stream."""
        for group in self._groups.values():
            out = written(group.shape, packet, int.from_bytes(packet[8:12], "big"))
            if out is None:
                continue
            places = places_of(len(out) - len(packet) + 12, facts, picture, zero)
            whole = Packet(out, sequence, timestamp, places)
            if late is None:
                self._egress.put(whole, group)
            else:
                self._egress.flush(group)
                before = [one.receiver for one in self.lanes if one.shape == group.shape and one.first <= late]
                self._egress.send((whole,), before)

    def again(self, lane: Lane, sequence: int) -> bytes | None:
        """The packet that the lane had under this sequence, to be sent again: byte for byte, or in a stream of its own
        (RFC 4588). None when the lane had none, or it is gone."""
        receiver, newest = lane.receiver, self.newest.sequence
        number = (sequence - receiver.add_sequence) & 0xFFFF
        packet = self._ring.get(number)
        if packet is None or newest - ((newest - number) & 0xFFFF) < lane.first:
            return None
        code = packet[1] & 0x7F
        again_type = lane.rtx_types.get(code)
        stamp = int.from_bytes(packet[8:12], "big")
        if again_type is not None and code != CODES["opus"]:
            # browsers estimate their bandwidth by when it was sent, not first sent
            stamp = stamp_of(code, None, self._wall())
        out = written(lane.shape, packet, stamp)
        if out is None:
            return None
        changed = bytearray(out)
        NUMBERS.pack_into(changed, 2, sequence, (int.from_bytes(packet[4:8], "big") + receiver.add_timestamp) & 0xFFFFFFFF)
        if receiver.patched:
            places = places_in(packet, out)
            if places is not None:
                patch(changed, places, receiver)
        if again_type is None:
            return bytes(changed)
        lane.rtx_sequence = (lane.rtx_sequence + 1) & 0xFFFF
        return to_retransmission(bytes(changed), again_type, lane.rtx_sequence, lane.rtx_ssrc)

    def report(self, encoding: Encoding, told: SenderReport) -> None:
        """Carry the sender's clock over to everybody who follows."""
        timestamp = self._splice.timestamp_of(encoding.token, told.timestamp)
        if timestamp is None:
            return
        for tap in self.taps:
            tap.on_report(encoding.sender, told.ntp, timestamp)
        for group in self._groups.values():
            self._egress.flush(group)  # a report counts what was sent
        for lane in self.lanes:
            receiver = lane.receiver
            shifted = (timestamp + receiver.add_timestamp) & 0xFFFFFFFF
            raw = write_sender_report(lane.shape.ssrc, told.ntp, shifted, lane.packets, lane.octets, self.slot)
            self._egress.send_reports(raw, receiver)

    def _note_keyframe(self, found: Numbers) -> None:
        """A packet could begin a keyframe: the first of several does, and who waits begins there."""
        begin = self._keyframe
        if begin is None or (found.sequence > begin.sequence and found.timestamp != begin.timestamp):
            begin = self._keyframe = found
        elif found.timestamp != begin.timestamp:
            return  # an older one, which comes late
        begin.sequence = min(begin.sequence, found.sequence)
        if not self.waiting or self.newest.sequence - begin.sequence >= FRESH_PACKETS:
            return
        waiting, self.waiting = self.waiting, []
        for lane in waiting:
            lane.waits_for = None
            if lane.stream is not None:
                lane.stream.leave(lane)
            self._take(lane, begin, found.sequence)

    def _take(self, lane: Lane, begin: Numbers, but: int | None = None) -> None:
        """Have the lane follow, and send it what others had since `begin`, `but` one packet that goes out next."""
        group = self._groups.get(lane.shape)
        if group is None:
            group = self._groups[lane.shape] = Group(lane.shape)
        self._egress.flush(group)
        lane.enter(self, begin)
        self.lanes.add(lane)
        group.receivers.append(lane.receiver)
        since = []
        for number in range(begin.sequence, self.newest.sequence + 1):
            packet = self._ring.get(number & 0xFFFF)
            if packet is None or number == but:  # lost on its way to us: sent to this lane, too, when it comes
                continue
            lane.packets_before += 1
            lane.octets_before += len(packet) - 12
            out = written(lane.shape, packet, int.from_bytes(packet[8:12], "big"))
            if out is not None:
                places = places_in(packet, out) if lane.receiver.patched else None
                since.append(Packet(out, number & 0xFFFF, int.from_bytes(packet[4:8], "big"), places))
        if since:
            self._egress.send(since, (lane.receiver,))

    def _catch_up(self, lane: Lane, now: float) -> bool:
        """Have a lane begin with the newest keyframe, if that is fresh."""
        begin = self._keyframe
        if begin is None or not self._is_fresh(now):
            return False
        self._take(lane, begin)
        return True

    def _is_fresh(self, now: float) -> bool:
        begin = self._keyframe
        if begin is None or now - begin.at > FRESH_SECONDS:
            return False
        return self.newest.sequence - begin.sequence < FRESH_PACKETS

    def _want(self, source: Encoding, after: int) -> None:
        self._held.clear()
        self._splice.want(source.token, after)

    def _release(self, begin: int) -> None:
        """Send what overtook the keyframe that was waited for: its packets come at once, and not always in order."""
        held = sorted(self._held, key=lambda one: (one[2].sequence - begin) & 0xFFFF)
        self._held.clear()
        for one in held:
            if one[0].token == self._splice.current and (one[2].sequence - begin) & 0xFFFF < 0x8000:
                self.forward(*one)

    def _attend(self, now: float) -> None:
        """Somebody comes: take the source in again if nobody was here, and ask for what they need to begin."""
        if self.source is None:
            return
        if not self.is_watched:
            self._want(self.source, self.source.newest)
        self.source.want_keyframe(now)

    def _rest(self) -> None:
        """Nobody is here any more: whoever comes next begins with a keyframe."""
        if not self.is_watched:
            self._splice.drop()
            self._held.clear()
            self._ring.clear()
            self._keyframe = None
