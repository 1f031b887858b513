import asyncio

from actors.deferred import Deferred
from actors.envelopes import Later
from classroom.answers import Accepted

DONE = Accepted("done", b"{}")


async def test_a_late_answer_is_given_out_once_it_is_there_and_once() -> None:
    deferred = Deferred("run")
    ticket, slot = deferred.issue()
    assert deferred.fetch(ticket) == Later(ticket)
    slot.reply = DONE
    assert deferred.fetch(ticket) == DONE
    assert deferred.fetch(ticket) == Later(None)


async def test_tickets_of_another_run_are_unknown() -> None:
    ticket, _ = Deferred("run").issue()
    other = Deferred("another run")
    other.issue()
    assert other.fetch(ticket) == Later(None)


async def test_answers_that_nobody_fetches_are_forgotten() -> None:
    deferred = Deferred("run")
    for _ in range(100):
        deferred.issue()
        await asyncio.sleep(1)
    assert len(deferred) < 25
