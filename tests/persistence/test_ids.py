from itertools import pairwise
from uuid import UUID

from classroom.ids import is_uuid
from persistence.ids import new_id


def test_ids_are_version_7_and_differ() -> None:
    ids = [new_id() for _ in range(1_000)]
    assert len(set(ids)) == 1_000
    assert {UUID(one).version for one in ids} == {7}
    assert all(is_uuid(one) for one in ids)


def test_ids_made_later_sort_later() -> None:
    ids = [new_id() for _ in range(1_000)]
    # Two within the same quarter of a microsecond may change places; a thousand in a row do not.
    assert sum(earlier[:18] <= later[:18] for earlier, later in pairwise(ids)) == 999
