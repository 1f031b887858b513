"""Who speaks, from the audio levels that browsers send with each packet (RFC 6464)."""

from math import exp

MOST_SPEAKERS = 6
_MOST_PEOPLE = 256
_SILENCE = 80.0  # -dBov; what is quieter counts alike, so that who begins to speak is noticed soon
_RISING_SECONDS, _FALLING_SECONDS = 0.3, 1.0  # of smoothing: words begin at once, pauses between them pass
_BEGINS, _ENDS = 50.0, 60.0  # smoothed -dBov: speaks when louder than the first, until quieter than the second
_LOUDER = 6.0  # dB by which one must be louder to come before another
_CHANGE_SECONDS = 1.0
_UNHEARD_SECONDS = 1.0  # without a packet it is silence: browsers stop sending it
_FORGOTTEN_SECONDS = 30.0


class _Voice:
    __slots__ = ("heard_at", "level")

    def __init__(self, now: float) -> None:
        self.level = _SILENCE
        self.heard_at = now

    def at(self, now: float) -> float:
        return self.level if now - self.heard_at < _UNHEARD_SECONDS else _SILENCE


class Levels:
    """The order of who speaks. Levels are smoothed (0.3 s up, 1 s down); who speaks keeps the place until another is
    clearly louder (6 dB), and the order changes at most once a second. At most 256 people are listened to."""

    def __init__(self) -> None:
        self._voices: dict[str, _Voice] = {}
        self._order: tuple[str, ...] = ()
        self._changed_at: float | None = None

    def note(self, user_id: str, level: int, now: float) -> None:
        """A packet of this person came with `level` (0 loudest to 127 silence, in -dBov)."""
        voice = self._voices.get(user_id)
        if voice is None:
            if len(self._voices) >= _MOST_PEOPLE:
                return
            voice = self._voices[user_id] = _Voice(now - 0.02)
        passed = min(now - voice.heard_at, _UNHEARD_SECONDS)
        told = min(float(level), _SILENCE)
        smoothing = _RISING_SECONDS if told < voice.level else _FALLING_SECONDS
        if passed > 0:
            voice.level += (told - voice.level) * (1 - exp(-passed / smoothing))
            voice.heard_at = now

    def forget(self, user_id: str) -> None:
        """This person sends no sound any more."""
        self._voices.pop(user_id, None)
        self._order = tuple(one for one in self._order if one != user_id)

    def order(self, now: float) -> tuple[str, ...]:
        """Who speaks at `now`, the loudest first, at most six."""
        if self._changed_at is not None and now - self._changed_at < _CHANGE_SECONDS:
            return self._order
        self._voices = {
            user_id: voice for user_id, voice in self._voices.items() if now - voice.heard_at < _FORGOTTEN_SECONDS
        }
        levels = {user_id: voice.at(now) for user_id, voice in self._voices.items()}
        staying = [user_id for user_id in self._order if levels.get(user_id, _SILENCE) < _ENDS]
        coming = sorted(
            (user_id for user_id, level in levels.items() if level < _BEGINS and user_id not in staying),
            key=levels.__getitem__,
        )
        order = tuple(_arranged(staying + coming, levels)[:MOST_SPEAKERS])
        if order != self._order:
            self._order, self._changed_at = order, now
        return order


def _arranged(order: list[str], levels: dict[str, float]) -> list[str]:
    """`order` with everybody who is clearly louder moved before who is not, else as it was."""
    arranged: list[str] = []
    for user_id in order:
        place = len(arranged)
        while place and levels[user_id] + _LOUDER <= levels[arranged[place - 1]]:
            place -= 1
        arranged.insert(place, user_id)
    return arranged
