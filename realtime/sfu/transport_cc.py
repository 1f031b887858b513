"""What a publisher is told about each packet that came, so that it finds out how much the path carries
(draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1)."""

from collections.abc import Sequence
from struct import Struct

from realtime.sfu.packets import Unwrap16

_HEAD = Struct("!HHI")
_CHUNK = Struct("!H")
_LARGE = Struct("!h")
_TICKS = 4000  # a second, in 250 µs
_REFERENCE = 256  # ticks in the 64 ms that the reference time counts
_MOST_WAITING = 2048
_MOST_STATUSES = 400  # of one feedback: it stays below a datagram's size
_MOST_FEEDBACKS = 8
_REMEMBERED = 64  # told arrivals before the next one, told again when a late packet came among them
_ABSENT, _SMALL_DELTA, _LARGE_DELTA = 0, 1, 2


class Arrivals:
    """When the packets of one browser came, by their transport-wide sequence (all its streams together)."""

    __slots__ = ("_arrived", "_count", "_next", "_unwrap", "_waiting")

    def __init__(self) -> None:
        self._unwrap = Unwrap16()
        self._arrived: dict[int, int] = {}  # ticks by unbounded sequence: what waits and what is remembered
        self._waiting: list[int] = []
        self._next: int | None = None  # the first that no feedback has told of
        self._count = 0

    def add(self, sequence: int, now: float) -> None:
        """A packet came at `now` (seconds of any clock that does not go back). What comes twice counts once; beyond 2,048
        packets between two feedbacks nothing is noted."""
        number = self._unwrap.unwrap(sequence)
        if number in self._arrived or len(self._waiting) >= _MOST_WAITING:
            return
        self._arrived[number] = int(now * _TICKS)
        self._waiting.append(number)

    def flush(self) -> list[bytes]:
        """The feedback about all that came since the last time, as bodies for `reports.write_transport_feedback`, with
        what is missing between; empty when nothing came. To be called some ten times a second."""
        if not self._waiting:
            return []
        first, last = min(self._waiting), max(self._waiting)
        if self._next is not None and self._next < first <= self._next + _MOST_STATUSES:
            first = self._next  # what is missing since the last feedback is told as well
        numbers = sorted(number for number in self._arrived if number >= first)
        bodies: list[bytes] = []
        begin = first
        while numbers and len(bodies) < _MOST_FEEDBACKS:
            told = self._one_feedback(begin, numbers)
            bodies.append(self._write(begin, numbers[:told]))
            numbers = numbers[told:]
            if numbers:
                begin = numbers[0]
        self._next = max(last + 1, self._next or 0)
        self._waiting.clear()
        self._arrived = {number: tick for number, tick in self._arrived.items() if number >= self._next - _REMEMBERED}
        return bodies

    def _one_feedback(self, begin: int, numbers: Sequence[int]) -> int:
        """How many of `numbers` (at least one) one feedback that begins with `begin` can tell."""
        before = self._arrived[numbers[0]]
        for index, number in enumerate(numbers):
            tick = self._arrived[number]
            if number - begin >= _MOST_STATUSES or not -0x8000 <= tick - before <= 0x7FFF:
                return max(1, index)
            before = tick
        return len(numbers)

    def _write(self, begin: int, numbers: Sequence[int]) -> bytes:
        reference = self._arrived[numbers[0]] // _REFERENCE
        before = reference * _REFERENCE
        statuses = [_ABSENT] * (numbers[-1] - begin + 1)
        deltas = bytearray()
        for number in numbers:
            tick = self._arrived[number]
            delta, before = tick - before, tick
            if 0 <= delta < 256:
                statuses[number - begin] = _SMALL_DELTA
                deltas.append(delta)
            else:
                statuses[number - begin] = _LARGE_DELTA
                deltas += _LARGE.pack(delta)
        head = _HEAD.pack(begin & 0xFFFF, len(statuses), (reference & 0xFFFFFF) << 8 | self._count)
        self._count = (self._count + 1) & 0xFF
        body = head + _chunks(statuses) + deltas
        return body + bytes(-len(body) % 4)


def _chunks(statuses: Sequence[int]) -> bytes:
    """Runs of seven and more alike as one chunk (section 3.1.3), else seven statuses of two bits (3.1.4)."""
    out = bytearray()
    at, size = 0, len(statuses)
    while at < size:
        status, end = statuses[at], at + 1
        while end < size and statuses[end] == status:
            end += 1
        if end - at >= 7:
            out += _CHUNK.pack(status << 13 | end - at)
            at = end
            continue
        chunk = 0xC000
        for place, one in enumerate(statuses[at : at + 7]):
            chunk |= one << 12 - 2 * place
        out += _CHUNK.pack(chunk)
        at += 7
    return bytes(out)
