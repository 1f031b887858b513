"""Lists that are longer than what they may take up."""

from collections.abc import Iterator

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from classroom.live.fitting import Room

TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=20)


def test_what_fits_is_taken_from_the_front_and_the_rest_is_not_looked_at() -> None:
    looked_at = []

    def letters() -> Iterator[str]:
        for letter in "abcdefgh":
            looked_at.append(letter)
            yield letter

    room = Room(10)
    assert room.take(letters()) == ["a", "b"], "each takes two quotes and a comma"
    assert looked_at == ["a", "b", "c"]
    assert room.left == 2


def test_a_share_bounds_what_is_taken_and_what_it_leaves_is_for_others() -> None:
    room = Room(100)
    assert room.take("abcdef", at_most=9) == ["a", "b"]
    assert room.take("abcdef", at_most=-5) == []
    assert room.take("abcdef", at_most=1_000) == [*"abcdef"]
    assert room.left == 100 - 8 * 4


@given(st.lists(st.fixed_dictionaries({"text": TEXT, "more": st.lists(TEXT, max_size=3), "at": st.integers(0, 10**9)})))
def test_what_is_taken_is_never_larger_on_the_wire_than_it_was_counted(items: list[object]) -> None:
    room = Room(300)
    taken = room.take(items)
    assert len(msgspec.json.encode(taken)) <= 300 - room.left + 2
    assert taken == items[: len(taken)]
