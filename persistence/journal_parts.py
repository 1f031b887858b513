"""Pieces of a commit's statement, and what all logs have in common."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from persistence.batches import Bundle

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Part:
    """One piece of the statement: `sql` over `$rows`, an array of the composite type `journal_<name>`, and those rows for
    some bundles (none: the part is left out). A `check` yields the ordinals of the rows that pass; other parts write."""

    name: str
    sql: str
    rows: Callable[[Sequence[Bundle]], Rows]
    check: bool = False


def logs(bundles: Sequence[Bundle], kind: str) -> list[Bundle]:
    """The bundles with events of this kind, in the order in which the statement numbers them from 1."""
    return [bundle for bundle in bundles if bundle.kind == kind and bundle.events]


def head(kind: str, grain_column: str) -> Part:
    """The check that each log of this kind, in `<kind>_events`, ends where these events begin."""
    return Part(
        f"{kind}_head",
        f"""
        SELECT w.ord FROM unnest($rows) WITH ORDINALITY AS w(id, first, ord)
        WHERE w.first = 1 + coalesce(
            (SELECT max(e."offset") FROM {kind}_events e WHERE e.{grain_column} = w.id), 0)
        """,  # noqa: S608 - our own names
        lambda bundles: [(bundle.grain_id, bundle.events[0].offset) for bundle in logs(bundles, kind)],
        check=True,
    )
