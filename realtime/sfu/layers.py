"""Which layer of the pictures a viewer gets, by how well it receives: sound comes through when pictures do not."""

HIGH, LOW, NONE = "high", "low", "none"

_ORDER = (NONE, LOW, HIGH)
_WORST_LOSS = {HIGH: 0.10, LOW: 0.25}  # above it, for as long as below, one layer down
_WORST_SHARE = {HIGH: 0.8, LOW: 0.5}  # an estimate below this share of what is sent counts alike
_BAD_SECONDS = {HIGH: 2.0, LOW: 4.0}
_GOOD_LOSS = 0.02
_WAIT_SECONDS, _MOST_WAIT_SECONDS = 10.0, 120.0
_SAMPLE_SECONDS = 0.5
_PROVEN_SECONDS = 20.0
_ESTIMATE_SECONDS = 5.0  # for so long an estimate counts


class Layers:
    """The layer of one viewer: high at first. Down by one when loss (RFC 3550) or the estimate of its bandwidth (REMB) is
    bad for two seconds, from low to none for four; up by one after ten good seconds, and as an estimate follows what is
    sent this is a try: each that fails doubles the wait for the next, to two minutes."""

    def __init__(self) -> None:
        self.layer = HIGH
        self._settled = self._worst = 0.0
        self._sampled_at = self._estimated_at = float("-inf")
        self._estimate = 0
        self._bad_since: float | None = None
        self._good_since: float | None = None
        self._up_at: float | None = None
        self._wait = _WAIT_SECONDS

    @property
    def loss(self) -> float:
        """The share of packets lost, smoothed over two reports."""
        return (self._settled + self._worst) / 2

    def note_loss(self, fraction: float, now: float) -> None:
        """A report says that this share of a stream's packets was lost; of several at a time the worst counts."""
        if now - self._sampled_at >= _SAMPLE_SECONDS:
            self._settled, self._worst, self._sampled_at = self.loss, 0.0, now
        self._worst = max(self._worst, fraction)

    def note_estimate(self, bits_per_second: int, now: float) -> None:
        """The viewer thinks that it can take so much, of all streams together."""
        self._estimate, self._estimated_at = bits_per_second, now

    def look(self, now: float, low: int, high: int) -> str:
        """The layer from now on, when this viewer's streams take `low` or `high` bits a second (0: not known)."""
        if self._is_bad(now, {LOW: low, HIGH: high}.get(self.layer, 0)):
            self._good_since = None
            self._bad_since = now if self._bad_since is None else self._bad_since
            if now - self._bad_since >= _BAD_SECONDS[self.layer]:
                self._down()
        else:
            self._bad_since = None
            self._good_since = now if self._good_since is None else self._good_since
            if self._up_at is not None and now - self._up_at >= _PROVEN_SECONDS:
                self._up_at, self._wait = None, _WAIT_SECONDS
            if self.loss > _GOOD_LOSS and self.layer != NONE:
                self._good_since = now
            if self.layer != HIGH and now - self._good_since >= self._wait:
                self._up(now)
        return self.layer

    def _is_bad(self, now: float, sent: int) -> bool:
        if self.layer == NONE:
            return False  # nothing is sent that could show it
        if self.loss > _WORST_LOSS[self.layer]:
            return True
        return now - self._estimated_at < _ESTIMATE_SECONDS and 0 < self._estimate < sent * _WORST_SHARE[self.layer]

    def _down(self) -> None:
        if self._up_at is not None:  # the try failed
            self._wait = min(_MOST_WAIT_SECONDS, 2 * self._wait)
        self._move(-1)
        self._up_at = None

    def _up(self, now: float) -> None:
        self._move(1)
        self._up_at = now

    def _move(self, step: int) -> None:
        self.layer = _ORDER[_ORDER.index(self.layer) + step]
        self._bad_since = self._good_since = None
        self._settled = self._worst = 0.0
        self._estimated_at = float("-inf")  # it followed what was sent before
