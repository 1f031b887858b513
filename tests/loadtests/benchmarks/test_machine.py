"""Whose processor time is whose, and what the machine did meanwhile."""

import subprocess
import sys
import time
from collections import namedtuple

from loadtests.benchmarks.machine import (
    BOTTLENECK,
    Meter,
    Rest,
    cpu_of,
    generator_bound,
    idle_between,
    memory_of,
    quiet,
    stolen_between,
)

_Times = namedtuple("_Times", "user nice system idle iowait irq softirq steal guest guest_nice")
_BUSY = "sum(range(10**7)); sum(range(10**7))"


def test_waiting_for_a_disk_is_idle_and_guests_are_not_counted_twice() -> None:
    before = _Times(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    after = _Times(40, 0, 10, 20, 20, 0, 0, 10, 40, 0)
    assert idle_between(before, after) == 0.4


def test_counters_that_go_back_make_nobody_idler_than_idle() -> None:
    before = _Times(0, 0, 0, 0, 2, 0, 0, 9, 0, 0)
    assert idle_between(before, before._replace(idle=20, steal=8)) == 1
    assert idle_between(before, before._replace(user=20, iowait=1)) == 0
    assert stolen_between(before, before._replace(steal=8)) == 0


def test_what_the_host_took_is_told_where_it_is_known() -> None:
    before = _Times(0, 0, 0, 0, 2, 0, 0, 9, 0, 0)
    assert stolen_between(before, before._replace(steal=11.5)) == 2.5
    assert stolen_between(object(), object()) == 0


def test_a_generator_at_its_limit_is_one_however_idle_the_machine() -> None:
    assert generator_bound(BOTTLENECK + 0.01)
    assert not generator_bound(BOTTLENECK)


def test_processor_time_is_that_of_the_contender_and_of_what_it_started_and_ended() -> None:
    starts_another = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_BUSY!r}]); print(flush=True); input()"
    command = [sys.executable, "-c", starts_another]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as working:
        try:
            assert working.stdout is not None
            meter = Meter((working.pid,))
            working.stdout.readline()  # the child has worked and is gone
            usage = meter.read()
            assert usage.service_cpu > 0.1
            assert usage.postgres_cpu == 0
            assert cpu_of([working.pid]) >= usage.service_cpu
            assert memory_of([working.pid]) > 1_000_000
        finally:
            working.kill()
    assert cpu_of([working.pid]) == memory_of([working.pid]) == 0


def test_the_generators_own_time_is_measured() -> None:
    meter = Meter(())
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    usage = meter.read()
    assert usage.service_cpu == 0
    assert 0.1 <= usage.generator_cpu <= usage.seconds + 0.01


async def test_a_machine_that_stays_loud_is_told() -> None:
    assert await quiet(Rest(busy=-1), patience_seconds=0.3) >= 0  # nothing is as quiet as that: patience ends
    start = time.monotonic()
    await quiet(Rest(busy=1), patience_seconds=60)
    assert time.monotonic() - start < 30
