"""Words, and words with a slip."""

from hypothesis import given
from hypothesis import strategies as st

from classroom.catalogue.spelling import MOST_WORDS, is_slip, words_of

WORDS = st.text("abcd", max_size=7)


def distance(a: str, b: str) -> int:
    """Optimal string alignment: insertions, deletions, substitutions and changes of neighbours, by the book."""
    rows = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) + 1):
        for j in range(len(b) + 1):
            if not i or not j:
                rows[i][j] = i + j
                continue
            best = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                best = min(best, rows[i - 2][j - 2] + 1)
            rows[i][j] = best
    return rows[-1][-1]


@given(WORDS, WORDS)
def test_a_slip_is_a_distance_of_at_most_one(typed: str, meant: str) -> None:
    assert is_slip(typed, meant) == (distance(typed, meant) <= 1)


def variants(word: str) -> set[str]:
    """What `word_variants` of migration 0013 makes of a word."""
    return {word, *(word[:place] + word[place + 1 :] for place in range(len(word)))}


@given(WORDS, WORDS)
def test_words_that_are_a_slip_apart_share_a_variant(typed: str, meant: str) -> None:
    if is_slip(typed, meant):
        assert variants(typed) & variants(meant)


@given(st.text(max_size=200))
def test_words_are_letters_and_digits_and_few(text: str) -> None:
    words = words_of(text)
    assert len(words) <= MOST_WORDS
    assert all(word and word.isalnum() and "_" not in word and len(word) <= 40 for word in words)


def test_words_are_what_people_take_for_words() -> None:
    assert words_of("  Tides, the Moon's & 100%_sure: C++ 東京") == ("tides", "the", "moon", "s", "100", "sure", "c", "東京")
    assert words_of("!!! --") == ()
