"""The door of a class as one would explain it on a blackboard: two lists, everything looked up from the start each time."""

from dataclasses import dataclass, field

Answer = str


@dataclass
class PlainClass:
    """Answers like the real one: `seated 3`, `waiting 2`, `done`, or the code of a refusal."""

    capacity: int
    opens_at: int
    minutes: int
    waitlist_on: bool = True
    grace: int = 60
    status: str = "scheduled"
    ends_at: int = 0
    locked: bool = False
    seats: list[tuple[str, int]] = field(default_factory=list)
    queue: list[str] = field(default_factory=list)
    sockets: dict[str, list[str]] = field(default_factory=dict)
    lost: list[tuple[str, int]] = field(default_factory=list)
    banned: list[str] = field(default_factory=list)

    def join(self, who: str, now: int, *, wait: bool, socket: str | None, enrolled: bool) -> Answer:
        if not self.inside(who):
            for refusal, applies in (
                ("not_enrolled", not enrolled),
                ("removed_from_class", who in self.banned),
                ("class_ended", self.status == "ended"),
                ("class_cancelled", self.status == "cancelled"),
                ("class_ended", self.status == "live" and now >= self.ends_at),
                ("doors_closed", self.status == "scheduled" and now < self.opens_at),
                ("class_locked", self.locked),
                ("class_full", len(self.seats) >= self.capacity and not (wait and self.waitlist_on)),
            ):
                if applies:
                    return refusal
            self.queue.append(who)
            self.promote(now)
        if socket is not None:
            self.connect(who, socket)
        return self.standing(who)

    def standing(self, who: str) -> Answer:
        for name, number in self.seats:
            if name == who:
                return f"seated {number}"
        return f"waiting {self.queue.index(who) + 1}" if who in self.queue else "done"

    def inside(self, who: str) -> bool:
        return who in self.queue or who in [name for name, _ in self.seats]

    def promote(self, now: int) -> None:
        over = self.status in ("ended", "cancelled") or (self.status == "live" and now >= self.ends_at)
        while self.queue and len(self.seats) < self.capacity and not self.locked and not over:
            taken = [number for _, number in self.seats]
            lowest = next(number for number in range(1, len(taken) + 2) if number not in taken)
            self.seats.append((self.queue.pop(0), lowest))

    def out(self, who: str, now: int) -> Answer:
        self.seats = [(name, number) for name, number in self.seats if name != who]
        self.queue = [name for name in self.queue if name != who]
        self.lost = [(name, since) for name, since in self.lost if name != who]
        self.sockets.pop(who, None)
        self.promote(now)
        return "done"

    def remove(self, who: str, now: int, *, ban: bool) -> Answer:
        if not ban and not self.inside(who) and who not in self.banned:
            return "not_seated"
        if ban and who not in self.banned:
            self.banned.append(who)
        return self.out(who, now)

    def connect(self, who: str, socket: str) -> Answer:
        if self.inside(who):
            held = self.sockets.setdefault(who, [])
            self.sockets[who] = [*held, socket] if socket not in held else held
            self.lost = [(name, since) for name, since in self.lost if name != who]
        return "done"

    def disconnect(self, who: str, socket: str, now: int) -> Answer:
        held = self.sockets.get(who, [])
        if socket in held:
            held.remove(socket)
            if not held:
                self.lost.append((who, now))
        return "done"

    def tick(self, now: int) -> Answer:
        if self.status == "live" and now >= self.ends_at:
            return self.finish("ended")
        for who, since in list(self.lost):
            if since + self.grace <= now and self.status in ("scheduled", "live"):
                self.out(who, now)
        return "done"

    def start(self, now: int) -> Answer:
        if self.status in ("ended", "cancelled"):
            return f"class_{self.status}"
        if self.status == "live":
            return "class_ended" if now >= self.ends_at else "done"
        self.status, self.ends_at = "live", now + self.minutes * 60
        return "done"

    def end(self) -> Answer:
        refusal = {"scheduled": "not_live", "cancelled": "class_cancelled"}.get(self.status)
        return refusal if refusal is not None else self.finish("ended")

    def cancel(self) -> Answer:
        refusal = {"live": "already_live", "ended": "class_ended"}.get(self.status)
        return refusal if refusal is not None else self.finish("cancelled")

    def finish(self, status: str) -> Answer:
        self.status = status
        self.seats, self.queue, self.lost = [], [], []
        self.sockets.clear()
        return "done"

    def over(self, now: int) -> Answer | None:
        if self.status == "live" and now >= self.ends_at:
            return "class_ended"
        return f"class_{self.status}" if self.status in ("ended", "cancelled") else None

    def lock(self, now: int, *, locked: bool) -> Answer:
        refusal = self.over(now)
        if refusal is None:
            self.locked = locked
            self.promote(now)
        return refusal or "done"

    def resize(self, capacity: int, now: int) -> Answer:
        refusal = self.over(now)
        if refusal is None:
            self.capacity = capacity
            self.promote(now)
        return refusal or "done"
