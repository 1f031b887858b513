"""What `lyceum status` says of the queue of jobs."""

from persistence.queue_figures import DeadJob, QueueSizes
from serve_app.command.status import describe_jobs, jobs


def test_an_empty_queue_is_one_line() -> None:
    assert describe_jobs(QueueSizes(0, 0, 0, 0), []) == ["Jobs       0 waiting, 0 running, 0 for later, 0 given up"]


def test_dead_letters_say_what_when_and_why_on_a_line_each() -> None:
    dead = DeadJob(7, "mail.send", {}, 3, "2026-11-21T09:00:00.123+00:00", "GiveUp: 550\nno such\tperson " + "x" * 500)
    first, line, more = describe_jobs(QueueSizes(1, 2, 3, 12), [dead])
    assert first.endswith("12 given up")
    assert line.startswith("  given up 2026-11-21T09:00:00 after 3: mail.send 7, GiveUp: 550 no such person x")
    assert len(line) <= 300
    assert "\n" not in line
    assert more == "  and 11 more"


def test_a_database_that_is_away_says_nothing() -> None:
    assert jobs("postgresql://nobody@127.0.0.1:1/none") == []
