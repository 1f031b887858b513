"""Ids: how they are laid out and how they are told from other text."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.ids import is_uuid, uuid7


@given(st.integers(0, (1 << 48) - 1), st.integers(0, (1 << 74) - 1))
def test_a_version_7_id_holds_its_time_and_all_its_entropy(unix_ms: int, entropy: int) -> None:
    text = uuid7(unix_ms, entropy)
    parsed = uuid.UUID(text)
    assert is_uuid(text)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == unix_ms
    assert ((parsed.int >> 64 & 0xFFF) << 62) | parsed.int & (1 << 62) - 1 == entropy


@given(st.integers(0, (1 << 48) - 2), st.integers(0, (1 << 74) - 1), st.integers(0, (1 << 74) - 1))
def test_later_ids_sort_after_earlier_ones(unix_ms: int, one: int, other: int) -> None:
    assert uuid7(unix_ms, one) < uuid7(unix_ms + 1, other)


@given(st.uuids())
def test_every_canonical_uuid_is_one(value: uuid.UUID) -> None:
    assert is_uuid(str(value))
    assert not is_uuid(value.hex)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "019A0000-0000-7000-8000-000000000001",
        "019a0000-0000-7000-8000-00000000000",
        "019a0000-0000-7000-8000-0000000000011",
        "019a00000000-7000-8000-0000-00000001",
        "019a0000-0000-7000-8000-00000000000g",
        "{19a0000-0000-7000-8000-00000000000}",
        "019a0000-0000-7000-8000-0000000000٣1",
        "--------------------------------1234",
    ],
)
def test_other_text_is_none(text: str) -> None:
    assert not is_uuid(text)
