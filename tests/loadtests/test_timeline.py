"""A timeline keeps percentiles within 2 %, survives the way to the master, and merges."""

import json

import pytest

from loadtests.timeline import Timeline, Waits


def test_percentiles_are_within_two_per_cent() -> None:
    waits = Waits()
    for milliseconds in range(1, 1_001):
        waits.note(milliseconds, failed=False)
    for share in (0.5, 0.95, 0.99):
        assert waits.within(share) == pytest.approx(1_000 * share, rel=0.021)
    assert waits.within(1.0) == pytest.approx(1_000, rel=0.021)


def test_failures_are_counted_and_their_waits_are_not() -> None:
    waits = Waits()
    waits.note(1.0, failed=False)
    waits.note(9_999.0, failed=True)
    assert (waits.count, waits.failures, waits.longest) == (2, 1, 1.0)
    assert Waits().within(0.5) is None


def test_what_two_processes_measured_is_one_timeline_at_the_master() -> None:
    master, workers = Timeline(), [Timeline(), Timeline()]
    for number, worker in enumerate(workers):
        worker.note(100.4 + number, "join", 10.0, failed=False)
        worker.note(100.9, "join", 20.0 + number, failed=False)
        worker.note(103.0, "hello", 5.0, failed=True)
        master.merge(json.loads(json.dumps(worker.take())))
        assert worker.take() == []
    assert master.seconds == [100, 101, 102, 103]
    assert {name: waits.count for name, waits in master.by_name().items()} == {"hello": 2, "join": 4}
    joins = master.by_second(frozenset({"join"}))
    assert {second: waits.count for second, waits in joins.items()} == {100: 3, 101: 1}
    assert joins[100].longest == 21.0
