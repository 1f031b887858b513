"""The record must hold each acknowledged seat and place; each way of not holding it is named."""

from dataclasses import replace

import pytest

from loadtests.answers import SEATED, WAITLISTED, DoorAnswer
from loadtests.record import ClassRecord, NotOnRecord, check_record

_TOLD = {"a": DoorAnswer(SEATED, 1), "b": DoorAnswer(WAITLISTED, 1)}
_TRUE = ClassRecord({"a": 1}, {"b": 1}, frozenset({"a"}), 1, 1, frozenset())


def test_a_true_record_passes() -> None:
    check_record(_TRUE, _TOLD)


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (replace(_TRUE, seats={}), "a was told seat 1; the record says None"),
        (replace(_TRUE, seats={"a": 2}), "a was told seat 1; the record says 2"),
        (replace(_TRUE, places={}), "b was told place 1; the record says None"),
        (replace(_TRUE, seats={"a": 1, "z": 2}), "gives a seat to 1 students who were told otherwise"),
        (replace(_TRUE, inside=frozenset()), "Attendance and seats differ for 1 students, a among them"),
        (replace(_TRUE, current_students=2), "live_sessions counts 2 seated"),
        (replace(_TRUE, repeated=frozenset({"a"})), "lets 1 students in twice, a among them"),
    ],
)
def test_a_false_record_is_named(record: ClassRecord, sentence: str) -> None:
    with pytest.raises(NotOnRecord, match=sentence):
        check_record(record, _TOLD)
