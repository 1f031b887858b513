"""Orders that name everything once, and others."""

from hypothesis import given
from hypothesis import strategies as st

from classroom.catalogue.arrangement import OrderIncomplete, insert, rearrange

IDS = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)


@given(IDS, st.randoms(use_true_random=False))
def test_any_order_of_all_is_taken(current: list[str], chance: object) -> None:
    wanted = list(current)
    chance.shuffle(wanted)  # type: ignore[attr-defined]  # hypothesis' own Random
    assert rearrange(current, wanted) == tuple(wanted)


@given(IDS, st.lists(st.sampled_from("abcdefghxy"), max_size=10))
def test_what_is_missing_foreign_or_repeated_is_named(current: list[str], wanted: list[str]) -> None:
    result = rearrange(current, wanted)
    if sorted(wanted) == sorted(current):
        assert result == tuple(wanted)
    else:
        assert isinstance(result, OrderIncomplete)
        assert set(result.missing) == set(current) - set(wanted)
        assert set(result.foreign) == set(wanted) - set(current)
        assert all(wanted.count(each) > 1 for each in result.repeated)
        assert result.missing or result.foreign or result.repeated


@given(IDS, st.none() | st.integers(-3, 12))
def test_one_more_comes_where_it_is_wanted_and_moves_nobody_else(current: list[str], at: int | None) -> None:
    result = insert(current, "new", at)
    assert [each for each in result if each != "new"] == current
    place = result.index("new")
    assert place == (len(current) if at is None else min(max(at, 0), len(current)))
    assert insert(result, "new", 0) == result
