"""How busy the load processes were: the highest share of a core each of them used for two seconds or more."""

_WINDOW_SECONDS = 2.0
_SHORTEST_SECONDS = 0.2


class GeneratorShare:
    """Fed with what each process has used so far; what it used before the moment `began` does not count."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._since: dict[str, tuple[float, float]] = {}
        self._last: dict[str, tuple[float, float]] = {}
        self._highest: dict[str, float] = {}

    def note(self, who: str, moment: float, cpu_seconds: float) -> None:
        """At `moment`, this process had used so many seconds of processor time since it began to live."""
        if moment < self._began:
            return
        self._last[who] = (moment, cpu_seconds)
        since, used = self._since.setdefault(who, (moment, cpu_seconds))
        if moment - since >= _WINDOW_SECONDS:
            self._highest[who] = max(self._highest.get(who, 0.0), (cpu_seconds - used) / (moment - since))
            self._since[who] = (moment, cpu_seconds)

    def shares(self) -> list[float]:
        """One share of a core a process. A run too short for one window is its own window."""
        return [self._share(who) for who in self._last]

    def _share(self, who: str) -> float:
        if who in self._highest:
            return self._highest[who]
        (since, used), (moment, cpu_seconds) = self._since[who], self._last[who]
        return (cpu_seconds - used) / (moment - since) if moment - since >= _SHORTEST_SECONDS else 0.0
