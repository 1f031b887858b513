"""The share of a course that is done."""

from hypothesis import given
from hypothesis import strategies as st

from classroom.ids import LessonId
from classroom.progress.course import MILESTONES, WHOLE, Outline, Part, reached

IDS = [LessonId(f"l{number}") for number in range(8)]
PARTS = st.lists(
    st.builds(Part, st.sampled_from(IDS), st.integers(1, 9), st.booleans()), max_size=8, unique_by=lambda part: part.id
)
DONE = st.frozensets(st.sampled_from(IDS))


@given(PARTS, DONE, DONE)
def test_doing_more_never_lowers_it(parts: list[Part], done: frozenset[LessonId], more: frozenset[LessonId]) -> None:
    outline = Outline(tuple(parts))
    assert 0 <= outline.done_of(done) <= outline.done_of(done | more) <= WHOLE


@given(PARTS, DONE)
def test_all_of_it_is_all_that_is_required_and_nothing_less(parts: list[Part], done: frozenset[LessonId]) -> None:
    outline, required = Outline(tuple(parts)), {part.id for part in parts if part.required}
    assert (outline.done_of(done) == WHOLE) == (bool(required) and required <= done)


@given(PARTS, DONE)
def test_one_goes_on_where_something_is_left_required_first(parts: list[Part], done: frozenset[LessonId]) -> None:
    following = Outline(tuple(parts)).next_of(done)
    left = [part for part in parts if part.id not in done]
    if following is None:
        assert not left
    else:
        [part] = [each for each in left if each.id == following]
        assert part.required or not any(each.required for each in left)


def test_weights_count() -> None:
    outline = Outline((Part(IDS[0], 3), Part(IDS[1]), Part(IDS[2], 5, required=False)))
    assert outline.done_of({IDS[0]}) == 750
    assert outline.done_of({IDS[1], IDS[2]}) == 250


@given(st.integers(0, WHOLE), st.frozensets(st.sampled_from(MILESTONES)))
def test_each_milestone_is_told_once_and_not_before_it_is_reached(thousandths: int, told: frozenset[int]) -> None:
    now = reached(thousandths, told)
    assert list(now) == sorted(now)
    assert not set(now) & told
    assert {*now, *told} >= {each for each in MILESTONES if thousandths >= each * 10}
    assert all(thousandths >= each * 10 for each in now)
    assert reached(thousandths, told | set(now)) == ()
