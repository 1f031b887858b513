from typing import get_args

import pytest

from classroom.moderation import POSSIBLE, Action, ActionImpossible, TargetType, refusal_of


def test_every_kind_of_target_can_be_dismissed() -> None:
    assert set(POSSIBLE) == set(get_args(TargetType))
    for target_type in get_args(TargetType):
        assert refusal_of(target_type, "dismiss") is None


@pytest.mark.parametrize("target_type", get_args(TargetType))
@pytest.mark.parametrize("action", get_args(Action))
def test_what_is_not_possible_is_refused_with_what_is(target_type: TargetType, action: Action) -> None:
    refusal = refusal_of(target_type, action)
    if action in POSSIBLE[target_type]:
        assert refusal is None
    else:
        assert refusal == ActionImpossible(action, target_type, POSSIBLE[target_type])
        assert all(word in refusal.message() for word in (target_type, action, *POSSIBLE[target_type]))


def test_nobody_is_banned_and_no_lesson_hidden_by_a_report() -> None:
    assert POSSIBLE["user"] == ("dismiss",)
    assert "hide" not in POSSIBLE["lesson"]
