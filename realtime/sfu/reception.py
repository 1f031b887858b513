"""How one stream arrives: loss, jitter, and whether it began anew (RFC 3550 sections A.1, A.3, A.8)."""

from realtime.sfu.packets import Unwrap16
from realtime.sfu.reports import Block, SenderReport


class Reception:
    """How one stream arrives: loss by RFC 3550 A.3, jitter by A.8. A stream that begins anew (A.1: two packets in a row
    far from what was expected) is counted anew, and `add` says so."""

    __slots__ = (
        "_expected_before",
        "_first",
        "_highest",
        "_jitter",
        "_rate",
        "_received",
        "_received_before",
        "_report_at",
        "_report_ntp",
        "_strange",
        "_transit",
        "_unwrap",
        "ssrc",
    )

    _MOST_AHEAD, _MOST_BEHIND = 3000, 1024  # A.1: MAX_DROPOUT; behind: as much as a viewer's ring holds

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self._rate = clock_rate
        self._report_ntp = 0
        self._report_at = 0.0
        self._begin()

    def _begin(self) -> None:
        self._unwrap = Unwrap16()
        self._first: int | None = None
        self._highest = 0
        self._received = self._received_before = self._expected_before = 0
        self._jitter = 0.0
        self._transit: int | None = None
        self._strange: int | None = None

    @property
    def newest(self) -> int:
        """The newest sequence that came, -1 before the first."""
        return -1 if self._first is None else self._highest & 0xFFFF

    def add(self, sequence: int, timestamp: int, now: float) -> bool:
        """Count a packet that came at `now` (seconds of any clock); whether the stream began anew with it."""
        anew = False
        if self._first is not None:
            ahead = ((sequence - self._highest + 0x8000) & 0xFFFF) - 0x8000
            if ahead > self._MOST_AHEAD or ahead < -self._MOST_BEHIND:
                if sequence != self._strange:
                    self._strange = (sequence + 1) & 0xFFFF
                    return False
                self._begin()
                anew = True
        self._strange = None
        number = self._unwrap.unwrap(sequence)
        if self._first is None:
            self._first = self._highest = number
        elif number > self._highest:
            self._highest = number
        self._received += 1
        transit = (int(now * self._rate) - timestamp) & 0xFFFFFFFF
        if self._transit is not None:
            away = (transit - self._transit) & 0xFFFFFFFF
            self._jitter += (min(away, 0x100000000 - away) - self._jitter) / 16
        self._transit = transit
        return anew

    def note_report(self, report: SenderReport, now: float) -> None:
        """Remember the sender's last report, from which the round trip is told."""
        self._report_ntp = report.ntp >> 16 & 0xFFFFFFFF
        self._report_at = now

    def block(self, now: float) -> Block | None:
        """What to tell the sender, None before the first packet; the loss since the last call is counted from here."""
        if self._first is None:
            return None
        expected = self._highest - self._first + 1
        newly = expected - self._expected_before
        missed = newly - (self._received - self._received_before)
        self._expected_before, self._received_before = expected, self._received
        delay = int((now - self._report_at) * 65536) if self._report_ntp else 0
        return Block(
            self.ssrc,
            min(255, (missed << 8) // newly) if newly > 0 and missed > 0 else 0,
            expected - self._received,
            self._highest & 0xFFFFFFFF,
            int(self._jitter),
            self._report_ntp,
            max(0, delay),
        )
