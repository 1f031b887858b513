"""From draft to the catalogue and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.catalogue.lifecycle import (
    APPROVE,
    PUBLISH,
    REJECT,
    SUBMIT,
    SUBMIT_WITHOUT_REVIEW,
    UNPUBLISH,
    ReviewNeeded,
    Step,
    WrongStatus,
    refusal_of,
)

STEPS = (SUBMIT, SUBMIT_WITHOUT_REVIEW, APPROVE, REJECT, UNPUBLISH, PUBLISH)
STATUSES = ("draft", "pending", "published", "rejected", "unpublished")


@given(st.sampled_from(STEPS), st.sampled_from(STATUSES), st.booleans())
def test_a_step_is_taken_from_where_it_may_and_again_it_changes_nothing(step: Step, status: str, changed: bool) -> None:
    refused = refusal_of(step, status, changed)
    if status == step.into:
        assert refused is None
    elif status not in step.out_of:
        assert refused == WrongStatus(status, step.out_of)
    else:
        assert refused == (ReviewNeeded() if step.reviewed and changed else None)


@given(st.lists(st.sampled_from((SUBMIT, REJECT, UNPUBLISH, PUBLISH))), st.booleans())
def test_nothing_comes_into_the_catalogue_unless_an_admin_once_approved(steps: list[Step], changed: bool) -> None:
    status = "draft"
    for step in steps:
        if refusal_of(step, status, changed) is None:
            status = step.into
        assert status != "published"


@pytest.mark.parametrize("changed", [True, False])
def test_what_changed_since_it_was_reviewed_does_not_come_back_by_itself(changed: bool) -> None:
    assert (refusal_of(PUBLISH, "unpublished", changed) is None) == (not changed)
    assert refusal_of(SUBMIT, "unpublished", changed) is None
