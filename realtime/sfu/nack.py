"""Which packets of a stream are missing, and when to ask for them again."""

_FIRST_SECONDS = 0.02  # reordering on the way heals by itself
_AGAIN_SECONDS = 0.1  # before a round trip is known
_LONGEST_AGAIN = 0.5
_MOST_SECONDS = 1.0
_MOST_TRIES = 5
MOST = 250
_MOST_AHEAD, _MOST_BEHIND = 3000, 1024  # farther away is another stream, as in `reception.Reception`


class Missing:
    """The gaps of one stream: each is asked for after 20 ms, then each round trip and a half (100 ms before one was
    measured, by a packet that came when it had been asked for once), at most five times, and is given up after a second.
    At most 250 wait, of more the newest; a gap of more than that is nobody's."""

    __slots__ = ("_again", "_gaps", "_highest", "_next", "_strange")

    def __init__(self) -> None:
        self._highest: int | None = None  # unbounded: sequences of a stream counted through
        self._gaps: dict[int, tuple[float, float, int]] = {}  # when noticed, when asked last, how often; oldest first
        self._next = 0.0
        self._again = _AGAIN_SECONDS
        self._strange: int | None = None

    def __len__(self) -> int:
        """How many are missing and not given up."""
        return len(self._gaps)

    def add(self, sequence: int, now: float) -> None:
        """A packet came, for the first time or again."""
        highest = self._highest
        if highest is None:
            self._highest = sequence
            return
        ahead = ((sequence - highest + 0x8000) & 0xFFFF) - 0x8000
        if ahead == 1:
            self._highest = highest + 1
        elif -_MOST_BEHIND <= ahead <= 0:
            gap = self._gaps.pop(highest + ahead, None) if self._gaps else None
            if gap is not None and gap[2] == 1:  # it is the answer to what was asked once
                self._measure(now - gap[1])
            return
        elif 0 < ahead <= _MOST_AHEAD:
            self._note_gap(highest + 1, highest + ahead, now)
            self._highest = highest + ahead
        elif sequence == self._strange:  # two in a row from elsewhere: it began anew
            self._gaps.clear()
            self._highest = sequence
        else:
            self._strange = (sequence + 1) & 0xFFFF
            return
        self._strange = None

    def _measure(self, round_trip: float) -> None:
        self._again += (min(_LONGEST_AGAIN, max(_FIRST_SECONDS, 1.5 * round_trip)) - self._again) / 4

    def _note_gap(self, begin: int, end: int, now: float) -> None:
        if end - begin > MOST:
            self._gaps.clear()
            return
        due = now + _FIRST_SECONDS
        self._next = min(self._next, due) if self._gaps else due
        for number in range(begin, end):
            self._gaps[number] = (now, now, 0)
        while len(self._gaps) > MOST:
            del self._gaps[next(iter(self._gaps))]

    def due(self, now: float) -> list[int]:
        """The sequences to ask for at `now`, oldest first; each counts as asked for."""
        if not self._gaps or now < self._next:
            return []
        asked = []
        soonest = now + _MOST_SECONDS
        for number, (noticed, asked_at, tries) in list(self._gaps.items()):
            when = asked_at + (self._again if tries else _FIRST_SECONDS)
            if now - noticed > _MOST_SECONDS or (tries == _MOST_TRIES and now >= when):
                del self._gaps[number]
            elif now < when:
                soonest = min(soonest, when)
            else:
                asked.append(number & 0xFFFF)
                self._gaps[number] = (noticed, now, tries + 1)
                soonest = min(soonest, now + self._again)
        self._next = soonest
        return asked
