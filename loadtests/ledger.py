"""A class as its `:staff` topic tells it: every seat and place, checked against the promises with every event."""

from typing import Any

from loadtests.promises import BrokenPromise


class ClassLedger:
    """Fed with the snapshot and the events of `live:{id}:staff`. Promises 1 and 3 of the contract must hold after each.

    A free seat with somebody waiting is allowed only between an event and the promotion that follows it.
    """

    def __init__(self) -> None:
        self.capacity = 0
        self.seats: dict[str, int] = {}
        """The seat of each student who has one now."""
        self.waiting: dict[str, int] = {}
        """The ticket of each student who waits now."""
        self.ended = False
        self.seated_ever: set[tuple[str, int]] = set()
        self.queued_ever: set[tuple[str, int]] = set()
        """Every place with which a student ever joined the waitlist."""
        self._promotion_due = False

    def open(self, snapshot: dict[str, Any]) -> None:
        """Begin with a snapshot. Raises BrokenPromise; ValueError when it does not hold the whole class."""
        more = snapshot["more"]
        if more["seats"] or more["waitlist"]:
            raise ValueError("The class is too large for one snapshot: begin to watch it before the students come.")
        self.capacity = int(snapshot["session"]["maxStudents"])
        self.ended = snapshot["session"]["status"] == "ended"
        self.seats = {each["userId"]: int(each["seat"]) for each in snapshot["seats"]}
        self.waiting = {each["userId"]: int(each["ticket"]) for each in snapshot["waitlist"]}
        self.seated_ever |= set(self.seats.items())
        self.queued_ever |= {(each["userId"], int(each["position"])) for each in snapshot["waitlist"]}
        self._look_for_a_promotion()
        if len(set(self.seats.values())) != len(self.seats):
            raise BrokenPromise("A snapshot gives one seat to two students.")

    def take(self, kind: str, data: Any) -> None:
        """The next event. Raises BrokenPromise."""
        if kind == "session.ended":
            self.ended = True
            return
        if kind == "capacity.changed":
            self.capacity = int(data["maxStudents"])
            self._look_for_a_promotion()
            return
        if kind not in _EVENTS:
            return
        if self._promotion_due and kind != "seat.promoted":
            head = min(self.waiting, key=lambda user: self.waiting[user])
            raise BrokenPromise(f"{kind} came while a seat was free and {head} was at the head of the waitlist.")
        _EVENTS[kind](self, data)
        self._look_for_a_promotion()

    def close(self) -> None:
        """Nothing more comes. Raises BrokenPromise when a promotion is still owed."""
        if self._promotion_due and not self.ended:
            raise BrokenPromise("A seat stayed free while somebody was waiting.")

    def _taken(self, data: Any) -> None:
        if self.waiting:
            raise BrokenPromise(f"{data['userId']} was seated past {len(self.waiting)} who waited.")
        self._sit(data["userId"], int(data["seat"]))

    def _promoted(self, data: Any) -> None:
        user = data["userId"]
        ticket = self.waiting.pop(user, None)
        if ticket is None:
            raise BrokenPromise(f"{user} was promoted and had no place in the waitlist.")
        if self.waiting and min(self.waiting.values()) < ticket:
            raise BrokenPromise(f"{user} with ticket {ticket} was promoted before ticket {min(self.waiting.values())}.")
        self._sit(user, int(data["seat"]))

    def _released(self, data: Any) -> None:
        if self.seats.pop(data["userId"], None) != int(data["seat"]):
            raise BrokenPromise(f"{data['userId']} gave back seat {data['seat']}, which was somebody else's.")

    def _waits(self, data: Any) -> None:
        user, ticket = data["userId"], int(data["ticket"])
        if user in self.seats or user in self.waiting:
            raise BrokenPromise(f"{user} joined the waitlist and was inside already.")
        if self.waiting and ticket <= max(self.waiting.values()):
            raise BrokenPromise(f"Ticket {ticket} was drawn after ticket {max(self.waiting.values())}.")
        self.waiting[user] = ticket
        if int(data["position"]) != len(self.waiting):
            raise BrokenPromise(f"{user} was told place {data['position']} as number {len(self.waiting)} of the waitlist.")
        self.queued_ever.add((user, int(data["position"])))

    def _waits_no_longer(self, data: Any) -> None:
        if self.waiting.pop(data["userId"], None) is None:
            raise BrokenPromise(f"{data['userId']} left the waitlist and was not in it.")

    def _sit(self, user: str, seat: int) -> None:
        if self.ended:
            raise BrokenPromise(f"{user} was seated after the end.")
        if user in self.seats:
            raise BrokenPromise(f"{user} was given seat {seat} and has seat {self.seats[user]}.")
        if seat < 1 or seat in self.seats.values():
            raise BrokenPromise(f"Seat {seat} was given to {user} and was not free.")
        if len(self.seats) >= self.capacity:
            raise BrokenPromise(f"{len(self.seats) + 1} students were seated, but there are {self.capacity} seats.")
        self.seats[user] = seat
        self.seated_ever.add((user, seat))

    def _look_for_a_promotion(self) -> None:
        self._promotion_due = bool(self.waiting) and len(self.seats) < self.capacity and not self.ended


_EVENTS = {
    "seat.taken": ClassLedger._taken,
    "seat.promoted": ClassLedger._promoted,
    "seat.released": ClassLedger._released,
    "waitlist.joined": ClassLedger._waits,
    "waitlist.left": ClassLedger._waits_no_longer,
}
