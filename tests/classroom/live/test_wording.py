"""What may be written and what not."""

import pytest

from classroom.live.wording import is_fit


@pytest.mark.parametrize("text", ["a", "Grüße", "👍🏽", "x" * 20, "two\nlines", " a "])
def test_words_within_the_bound_are_fit(text: str) -> None:
    assert is_fit(text, 20)


@pytest.mark.parametrize("text", ["", " \t\n", "x" * 21, " " * 20 + "x", "nul\0", "half \ud83d", "\udc4d half"])
def test_nothing_too_much_and_the_unstorable_are_not(text: str) -> None:
    assert not is_fit(text, 20)
