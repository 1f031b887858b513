"""A short campaign against a system of its own; `make chaos` runs long ones."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from loadtests.crowd import allow_many_connections
from tests.chaos_live.blows import BLOWS
from tests.chaos_live.campaign import campaign, schedule
from tests.chaos_live.report import table
from tests.chaos_live.system import a_system, prepare
from tests.end_to_end.operating import RunningLyceum

SHORT = ("every GrainHost killed", "Gateway killed", "Postgres killed", "commits cut", "GrainHost stopped, then continued")


@pytest.fixture(scope="module")
def own_lyceum() -> Iterator[RunningLyceum]:
    """The system of this module."""
    allow_many_connections()
    with a_system(small_disk=False) as lyceum:
        yield lyceum


@pytest.mark.cluster
@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_no_blow_breaks_a_promise(own_lyceum: RunningLyceum, record_property: Any) -> None:
    outcomes = asyncio.run(campaign(own_lyceum, prepare(own_lyceum), schedule(7, len(SHORT), SHORT)))
    record_property("chaos", table(outcomes))
    assert [(each.seed, each.blow, each.violation) for each in outcomes if each.violation] == []
    assert {each.blow for each in outcomes} == set(SHORT)
    assert all(each.questions > 50 and each.failover for each in outcomes)


def test_a_schedule_strikes_every_blow_equally_often_and_is_the_same_again() -> None:
    plan = schedule(5, 2 * len(BLOWS), list(BLOWS))
    assert sorted(blow for _, blow in plan) == sorted([*BLOWS, *BLOWS])
    assert plan == schedule(5, 2 * len(BLOWS), list(BLOWS))
    assert plan != schedule(6, 2 * len(BLOWS), list(BLOWS))
