"""What durability costs: joins through the journal into a Postgres of this run's own, by size of batch.

    python -m loadtests.benchmarks.journal [--seconds 3] [--sizes 1 10 100 200 1000] [--classes 1]

A join is what a seat writes: one event, one attendance interval, and the class's row.
"""

import argparse
import asyncio
import contextlib
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import psutil
import uvloop

from classroom.ids import CourseId, SessionId, UserId
from classroom.records import IntervalRow, LoggedEvent, SessionRow
from classroom.times import Moment
from loadtests.benchmarks.machine import describe_machine, describe_postgres
from loadtests.benchmarks.servers import running_postgres
from persistence.ids import new_id
from persistence.journal import Committed, PostgresJournal, Write
from persistence.live_pool import open_live_pool
from persistence.migrate import upgrade
from persistence.ownership import PostgresOwnership

NOW = 1_790_000_000_000_000
PAYLOAD = '{"userId":"%s","name":"Student Number 123","seat":123,"connection":"01a1fd52-a123","ordinal":1}'


@dataclass
class Class:
    """A class that is being joined; `head` is its last offset."""

    row: SessionRow
    shard_id: int
    epoch: int
    head: int = 0

    def joins(self, count: int) -> list[Write]:
        """The writes of `count` students who take a seat."""
        writes = []
        for self.head in range(self.head + 1, self.head + count + 1):  # noqa: B020 - the log's head moves with each
            user_id = UserId(new_id())
            event = LoggedEvent(
                self.head,
                "seat.taken",
                (PAYLOAD % user_id).encode(),
                Moment(NOW),
                f"{user_id}:{self.head}",
                (self.head, self.head, 0),
            )
            stay = IntervalRow(self.row.id, user_id, 1, Moment(NOW), None, None)
            write = Write(
                "live", self.row.id, self.shard_id, self.epoch, [event], self.row, [stay], None, deadline_changed=False
            )
            writes.append(write)
        return writes


@dataclass(frozen=True)
class Cost:
    """What one size of batch came to."""

    size: int
    joins: int
    seconds: float
    commits: int
    python_seconds: float
    postgres_seconds: float


async def measure(
    journal: PostgresJournal, classes: Sequence[Class], size: int, seconds: float, processes: "Processes"
) -> Cost:
    """Commit batches of `size` joins one after another for about `seconds` of commits."""
    await commit(journal, make(classes, size))
    joins = 0
    took = python = 0.0
    before, postgres = journal.stats, processes.cpu_seconds()
    while took < seconds:
        writes = make(classes, size)
        cpu, clock = process_time(), perf_counter()
        await commit(journal, writes)
        took += perf_counter() - clock
        python += process_time() - cpu
        joins += size
    return Cost(size, joins, took, journal.stats.commits - before.commits, python, processes.cpu_seconds() - postgres)


def make(classes: Sequence[Class], size: int) -> list[Write]:
    """`size` joins, spread over the classes."""
    share, more = divmod(size, len(classes))
    return [write for number, one in enumerate(classes) for write in one.joins(share + (number < more))]


async def commit(journal: PostgresJournal, writes: Iterable[Write]) -> None:
    """Append in one turn, wait for every answer."""
    answers = {journal.append(write) for write in writes}
    assert {await answer for answer in answers} == {Committed.YES}


class Processes:
    """The processes of a local Postgres."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]

    def cpu_seconds(self) -> float:
        """Processor time that all of them have used, in the kernel as well."""
        total = 0.0
        for process in self._processes:
            with contextlib.suppress(psutil.NoSuchProcess):  # an autovacuum worker that is done
                times = process.cpu_times()
                total += times.user + times.system
        return total


async def make_classes(pool: Any, count: int) -> list[Class]:
    """Classes of one course, each on a shard of its own as far as there are shards."""
    user_id, course_id = new_id(), new_id()
    await pool.execute(
        "INSERT INTO users (id, email, name, password_hash, role) VALUES ($1, 'i@example.org', 'Ina', '-', 'instructor')",
        user_id,
    )
    await pool.execute(
        "INSERT INTO courses (id, slug, instructor_id, title) VALUES ($1, 'c', $2, 'Course')", course_id, user_id
    )
    epochs = await PostgresOwnership(pool).claim("host", range(256))
    made = []
    for number in range(count):
        row = SessionRow(
            id=SessionId(new_id()),
            course_id=CourseId(course_id),
            lesson_id=None,
            title="A class",
            starts_at=Moment(NOW),
            duration_minutes=60,
            ends_at=Moment(NOW),
            max_students=300,
            current_students=1,
            waitlisted=0,
            status="live",
            doors_open_minutes=10,
            waitlist_enabled=True,
            locked=False,
            instructor_id=UserId(user_id),
            instructor_name="Ina",
            started_at=None,
            ended_at=None,
        )
        made.append(Class(row, number % 256, epochs[number % 256]))
    return made


async def run(sizes: Sequence[int], seconds: float, classes: int) -> None:
    """Measure every size and print the table."""
    with tempfile.TemporaryDirectory(prefix="lyceum-journal-", ignore_cleanup_errors=True) as folder:
        async with running_postgres(Path(folder)) as url:
            await asyncio.to_thread(upgrade, url)
            pool = await open_live_pool(url)
            journal = PostgresJournal(pool)
            running = asyncio.create_task(journal.run())
            made = await make_classes(pool, classes)
            await commit(journal, make(made, classes))
            processes = Processes(row[0] for row in await pool.fetch("SELECT pid FROM pg_stat_activity"))
            async with pool.acquire() as connection:
                settings = await describe_postgres(connection)
            print(describe_machine(), settings, f"{classes} class(es), process {os.getpid()}", sep="\n")
            print(
                f"{'batch':>6}{'joins/s':>10}{'commits/s':>11}{'µs Python':>11}{'µs Postgres':>13}   (processor time a join)"
            )
            for size in sizes:
                cost = await measure(journal, made, size, seconds, processes)
                print(
                    f"{size:>6}{cost.joins / cost.seconds:>10.0f}{cost.commits / cost.seconds:>11.0f}"
                    f"{cost.python_seconds / cost.joins * 1e6:>11.1f}{cost.postgres_seconds / cost.joins * 1e6:>13.1f}",
                    flush=True,
                )
            await journal.close()
            await running
            await pool.close()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 10, 100, 200, 1000])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--classes", type=int, default=1)
    options = parser.parse_args()
    uvloop.run(run(options.sizes, options.seconds, options.classes))


if __name__ == "__main__":
    main()
