"""Every refusal has a stable code, a sentence, and facts that are JSON."""

import json
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

import pytest

from classroom import refusals
from classroom.refusals import Refusal
from classroom.times import Moment

KINDS = sorted(
    (
        kind
        for kind in vars(refusals).values()
        if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
    ),
    key=lambda kind: kind.__name__,
)
CONTRACT = {
    "class_full",
    "doors_closed",
    "class_ended",
    "not_enrolled",
    "removed_from_class",
    "already_live",
    "not_live",
    "rate_limited",
}
SAMPLES: dict[Any, Any] = {str: "word", int: 3, bool: True, Moment: Moment(0), tuple[tuple[str, str], ...]: (("a", "b"),)}


def sample(kind: type[Refusal]) -> Refusal:
    assert is_dataclass(kind)
    hints = get_type_hints(kind)
    return kind(**{field.name: SAMPLES[hints[field.name]] for field in fields(kind)})


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_is_a_sentence_a_code_and_facts(kind: type[Refusal]) -> None:
    refusal = sample(kind)
    assert refusal.code == refusal.code.lower()
    assert " " in refusal.message()
    assert refusal.message().endswith(".")
    assert json.loads(json.dumps(refusal.details())) == refusal.details()
    assert refusal == sample(kind)
    assert hash(refusal) == hash(sample(kind))


def test_the_codes_of_the_contract_are_there() -> None:
    assert {kind.code for kind in KINDS} >= CONTRACT


def test_only_what_may_succeed_later_as_it_is_asks_for_a_retry() -> None:
    assert {kind.code for kind in KINDS if kind.retry} == {"rate_limited", "unavailable"}


def test_what_people_sent_is_cut_before_it_is_sent_back() -> None:
    assert len(refusals.UnknownCommand("x" * 5_000).details()["name"]) == 80
    assert len(refusals.UnknownTopic("x" * 5_000).details()["topic"]) == 120
