"""The sweep that reminds students of their classes, a day and a quarter of an hour before."""

from typing import Any

from actors.jobs.tools import JobTools
from persistence.reminders import Reminders


async def sweep_reminders(tools: JobTools, _payload: dict[str, Any]) -> None:
    """Remind of every class that is due; whoever was told before is not told again."""
    reminders, now = Reminders(tools.database), tools.clock()
    for due in await reminders.list_due(now):
        await reminders.remind(due, now)
    await reminders.tidy(now)
