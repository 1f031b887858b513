from actors.rings import KEPT, Ring


def events(first: int, last: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, last + 1)]


def test_what_was_added_is_found_between_any_two_offsets() -> None:
    ring = Ring()
    ring.extend(1, events(1, 10))
    ring.extend(11, events(11, 20))
    assert ring.between(0, 20) == events(1, 20)
    assert ring.between(7, 13) == events(8, 13)
    assert ring.between(20, 20) == []


def test_what_is_not_all_there_is_not_given_in_part() -> None:
    ring = Ring()
    ring.extend(1, events(1, KEPT + 5))
    assert ring.between(4, KEPT + 5) is None
    assert ring.between(5, KEPT + 5) == events(6, KEPT + 5)
    assert ring.between(5, KEPT + 6) is None
    assert Ring().between(0, 1) is None


def test_a_hole_starts_the_ring_anew() -> None:
    ring = Ring()
    ring.extend(1, events(1, 10))
    ring.extend(15, events(15, 16))
    assert ring.between(9, 16) is None
    assert ring.between(14, 16) == events(15, 16)
    assert ring.between(10, 10) == []


def test_more_than_fits_at_once_keeps_the_last() -> None:
    ring = Ring()
    ring.extend(1, events(1, 3 * KEPT))
    assert ring.between(2 * KEPT, 3 * KEPT) == events(2 * KEPT + 1, 3 * KEPT)
