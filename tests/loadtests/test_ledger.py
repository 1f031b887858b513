"""The ledger of a class lets a true history pass and names each way in which the `:staff` topic can break a promise."""

from typing import Any

import pytest

from loadtests.ledger import ClassLedger
from loadtests.promises import BrokenPromise

Happening = tuple[str, dict[str, Any]]


def _ledger(capacity: int = 2) -> ClassLedger:
    ledger = ClassLedger()
    session = {"maxStudents": capacity, "status": "live"}
    ledger.open({"session": session, "seats": [], "waitlist": [], "more": {"seats": 0, "waitlist": 0}})
    return ledger


def _seat(user: str, seat: int) -> Happening:
    return "seat.taken", {"userId": user, "seat": seat}


def _free(user: str, seat: int) -> Happening:
    return "seat.released", {"userId": user, "seat": seat, "reason": "left"}


def _wait(user: str, ticket: int, position: int) -> Happening:
    return "waitlist.joined", {"userId": user, "ticket": ticket, "position": position}


def _move_up(user: str, ticket: int, seat: int) -> Happening:
    return "seat.promoted", {"userId": user, "ticket": ticket, "seat": seat}


_FULL = [_seat("a", 1), _seat("b", 2), _wait("c", 1, 1), _wait("d", 2, 2)]


def _take(ledger: ClassLedger, happenings: list[Happening]) -> None:
    for kind, data in happenings:
        ledger.take(kind, data)


def test_a_true_history_passes() -> None:
    ledger = _ledger()
    _take(ledger, [*_FULL, ("presence.lost", {"userId": "a"}), _free("a", 1), _move_up("c", 1, 1)])
    _take(ledger, [("capacity.changed", {"maxStudents": 3}), _move_up("d", 2, 3), _wait("a", 3, 1)])
    _take(ledger, [("waitlist.left", {"userId": "a", "ticket": 3, "reason": "left"}), ("session.ended", {})])
    ledger.close()
    assert ledger.seats == {"b": 2, "c": 1, "d": 3}
    assert ledger.seated_ever == {("a", 1), ("b", 2), ("c", 1), ("d", 3)}
    assert ledger.queued_ever == {("c", 1), ("d", 2), ("a", 1)}


@pytest.mark.parametrize(
    ("happenings", "sentence"),
    [
        ([*_FULL, _seat("e", 3)], "e was seated past 2 who waited"),
        ([*_FULL, ("capacity.changed", {"maxStudents": 2}), _seat("d", 3)], "d was seated past 2 who waited"),
        ([_seat("a", 1), _seat("b", 2), _seat("c", 3)], "3 students were seated, but there are 2 seats"),
        ([_seat("a", 1), _seat("b", 1)], "Seat 1 was given to b and was not free"),
        ([_seat("a", 1), _seat("a", 2)], "a was given seat 2 and has seat 1"),
        ([*_FULL, _free("a", 1), _move_up("d", 2, 1)], "d with ticket 2 was promoted before ticket 1"),
        ([*_FULL, _free("a", 1), _free("b", 2)], "while a seat was free and c was at the head"),
        ([*_FULL, _free("a", 2)], "seat 2, which was somebody else's"),
        ([_seat("a", 1), _seat("b", 2), _wait("c", 1, 2)], "told place 2 as number 1"),
        ([*_FULL, _wait("e", 2, 3)], "Ticket 2 was drawn after ticket 2"),
        ([_seat("a", 1), _wait("a", 1, 1)], "was inside already"),
        ([_move_up("a", 1, 1)], "had no place"),
        ([("waitlist.left", {"userId": "a"})], "was not in it"),
        ([("session.ended", {}), _seat("a", 1)], "a was seated after the end"),
    ],
)
def test_a_broken_promise_is_named(happenings: list[Happening], sentence: str) -> None:
    with pytest.raises(BrokenPromise, match=sentence):
        _take(_ledger(), happenings)


def test_a_promotion_that_never_comes_is_missed() -> None:
    ledger = _ledger()
    _take(ledger, [*_FULL, _free("a", 1)])
    with pytest.raises(BrokenPromise, match="stayed free"):
        ledger.close()


def test_a_snapshot_that_is_not_whole_is_not_begun_with() -> None:
    session = {"maxStudents": 2, "status": "live"}
    with pytest.raises(ValueError, match="too large for one snapshot"):
        ClassLedger().open({"session": session, "seats": [], "waitlist": [], "more": {"seats": 1, "waitlist": 0}})


def test_a_snapshot_with_a_free_seat_and_somebody_who_waits_owes_a_promotion() -> None:
    ledger = ClassLedger()
    session = {"maxStudents": 2, "status": "live"}
    waits = [{"userId": "c", "ticket": 1, "position": 1}]
    ledger.open({"session": session, "seats": [], "waitlist": waits, "more": {"seats": 0, "waitlist": 0}})
    with pytest.raises(BrokenPromise, match="a seat was free and c was at the head"):
        ledger.take(*_wait("d", 2, 2))
