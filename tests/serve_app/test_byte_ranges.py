from hypothesis import given
from hypothesis import strategies as st

from serve_app.byte_ranges import Span, asked_span

SIZES = st.integers(1, 2_000)


@given(st.text(max_size=30), SIZES)
def test_no_header_troubles_it(header: str, size: int) -> None:
    try:
        span = asked_span(header, size)
    except ValueError:
        return
    assert span is None or 0 <= span.start < span.end <= size


@given(st.integers(0, 3_000), st.integers(0, 3_000), SIZES)
def test_a_range_is_what_slicing_gives(first: int, last: int, size: int) -> None:
    data = bytes(each % 251 for each in range(size))
    try:
        span = asked_span(f"bytes={first}-{last}", size)
    except ValueError:
        assert data[first : last + 1] == b""
        return
    if last < first:
        assert span is None
    else:
        assert span is not None
        assert data[span.start : span.end] == data[first : last + 1] != b""


@given(st.integers(1, 3_000), SIZES)
def test_open_and_suffix_ranges_reach_to_the_end(count: int, size: int) -> None:
    assert asked_span(f"bytes=-{count}", size) == Span(max(0, size - count), size)
    if count < size:
        assert asked_span(f"bytes={count}-", size) == Span(count, size)
