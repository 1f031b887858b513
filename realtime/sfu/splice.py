"""One outgoing stream made of successive sources, so that a viewer's decoder sees one sender that never stops."""

from collections.abc import Hashable

from realtime.sfu.payloads import PayloadFacts

_LATE_SECONDS = 1.0  # for so long a source that was switched away may still fill its gaps
_FARTHEST = 3000  # sequences: what is farther away is a stray packet, or a beginning that `want` has not been told of

Placed = tuple[int, int, int, int]
"""Sequence, timestamp, VP8 picture id and tl0picidx of a packet as it goes out; the last two -1 when it has none."""


class _Stretch:
    """One source from its first packet on. Sequences count from that first one, as `reached` does."""

    __slots__ = ("base", "newest", "picture_shift", "reached", "source", "timestamp_shift", "tl0_shift", "when")

    def __init__(
        self,
        source: Hashable,
        sequence: int,
        base: int,
        timestamp_shift: int,
        picture_shift: int,
        tl0_shift: int,
        when: float,
    ) -> None:
        self.source = source
        self.newest = sequence
        self.reached = 0
        self.base = base
        self.timestamp_shift = timestamp_shift
        self.picture_shift = picture_shift
        self.tl0_shift = tl0_shift
        self.when = when


class Splice:
    """Places the packets of the source that is shown, and of the one that is wanted from its keyframe on.

    A source is any value that names one stream of RTP: a layer, a person's camera, the same camera after it began anew.
    Sequences go on by one at a switch, VP8's picture id and tl0picidx too, timestamps by the time that passed. A gap of the
    source stays a gap; a packet that comes late or twice gets the number that it had, from the source before as well
    for a second; a stray packet from 3,000 sequences away goes nowhere."""

    __slots__ = (
        "_after",
        "_before",
        "_current",
        "_picture_id",
        "_rate",
        "_sequence",
        "_timestamp",
        "_tl0picidx",
        "_wanted",
        "_when",
    )

    def __init__(self, clock_rate: int, sequence: int, timestamp: int) -> None:
        """The first packet will have this sequence and timestamp: chosen at random, the sequence below 2^15, so that SRTP
        does not wrap around before the other end has heard of it (RFC 3711 section 3.3.1)."""
        self._rate = clock_rate
        self._sequence = (sequence - 1) & 0xFFFF
        self._timestamp = timestamp
        self._picture_id = self._tl0picidx = -1
        self._when: float | None = None
        self._current: _Stretch | None = None
        self._before: _Stretch | None = None
        self._wanted: Hashable | None = None
        self._after = -1  # the newest sequence of the wanted source that nobody listened to

    @property
    def current(self) -> Hashable | None:
        """The source that is sent, None when nothing is."""
        return self._current.source if self._current else None

    @property
    def wanted(self) -> Hashable | None:
        """The source that is waited for: somebody should ask it for a keyframe. None when nothing is."""
        return self._wanted

    @property
    def sequence(self) -> int:
        """The highest sequence that went out (before the first packet the one before it)."""
        return self._sequence

    def want(self, source: Hashable, after: int = -1) -> None:
        """Switch to `source` with its next keyframe after the sequence `after` (-1: with any): of an earlier one, what
        follows may have passed unheard. What is current goes on until then."""
        if self._current and self._current.source == source:
            self._wanted = None
        elif self._wanted != source:
            self._wanted, self._after = source, after

    def drop(self) -> None:
        """Send nothing more of the current source and wait for none: its person left the slot."""
        if self._current:
            self._before, self._current = self._current, None
        self._wanted = None

    def place(self, source: Hashable, sequence: int, timestamp: int, facts: PayloadFacts, now: float) -> Placed | None:
        """The numbers with which this packet goes out at `now` (seconds of any clock), None when it does not."""
        stretch = self._current
        if stretch is None or stretch.source != source:
            if source == self._wanted and source is not None and self._may_begin(sequence, facts):
                stretch = self._begin(source, sequence, timestamp, facts, now)
            else:
                stretch = self._before
                if stretch is None or stretch.source != source or not self._is_owed(stretch, sequence, now):
                    return None
        ahead = ((sequence - stretch.newest + 0x8000) & 0xFFFF) - 0x8000
        place = stretch.reached + ahead
        if place < 0 or not -_FARTHEST <= ahead <= _FARTHEST:
            return None  # from before the keyframe that it began with, or from elsewhere
        out = (stretch.base + place) & 0xFFFF
        time = (timestamp + stretch.timestamp_shift) & 0xFFFFFFFF
        picture_id, tl0picidx = facts[2], facts[5]
        if picture_id >= 0:
            picture_id = (picture_id + stretch.picture_shift) & (0x7FFF if facts[4] else 0x7F)
        if tl0picidx >= 0:
            tl0picidx = (tl0picidx + stretch.tl0_shift) & 0xFF
        if ahead > 0:
            stretch.newest, stretch.reached, stretch.when = sequence, place, now
            self._sequence, self._timestamp, self._when = out, time, now
            if picture_id >= 0:
                self._picture_id = picture_id
            if tl0picidx >= 0:
                self._tl0picidx = tl0picidx
        return out, time, picture_id, tl0picidx

    def timestamp_of(self, source: Hashable, timestamp: int) -> int | None:
        """A timestamp of the current source as it goes out, for sender reports; None of another source."""
        if self._current is None or self._current.source != source:
            return None
        return (timestamp + self._current.timestamp_shift) & 0xFFFFFFFF

    @staticmethod
    def _is_owed(stretch: _Stretch, sequence: int, now: float) -> bool:
        """Whether a source that was switched away was past this sequence, and lately: its numbers go around while it is
        not listened to."""
        return (stretch.newest - sequence) & 0xFFFF < 0x8000 and now - stretch.when < _LATE_SECONDS

    def _may_begin(self, sequence: int, facts: PayloadFacts) -> bool:
        after = self._after
        return facts.starts_keyframe and (after < 0 or 0 < (sequence - after) & 0xFFFF < 0x8000)

    def _begin(self, source: Hashable, sequence: int, timestamp: int, facts: PayloadFacts, now: float) -> _Stretch:
        if self._when is not None:
            passed = max(1, round((now - self._when) * self._rate))
            self._timestamp = (self._timestamp + passed) & 0xFFFFFFFF
        self._when = now
        self._sequence = (self._sequence + 1) & 0xFFFF
        picture_shift = tl0_shift = 0
        if facts.picture_id >= 0:
            if self._picture_id >= 0:
                picture_shift = self._picture_id + 1 - facts.picture_id
            self._picture_id = (facts.picture_id + picture_shift) & (0x7FFF if facts.picture_id_wide else 0x7F)
        if facts.tl0picidx >= 0:
            if self._tl0picidx >= 0:
                tl0_shift = self._tl0picidx + 1 - facts.tl0picidx
            self._tl0picidx = (facts.tl0picidx + tl0_shift) & 0xFF
        if self._current:
            self._before = self._current
        stretch = _Stretch(source, sequence, self._sequence, self._timestamp - timestamp, picture_shift, tl0_shift, now)
        self._current, self._wanted = stretch, None
        return stretch
