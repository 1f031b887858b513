"""Events keep their months, and figures are added up: routines that any worker may do."""

from typing import Any

import structlog

from actors.jobs.tools import JobTools
from persistence.events import KEEP_MONTHS, EventMonths
from persistence.platform_settings import PlatformSettingsStore
from persistence.statistics import Statistics

_log = structlog.get_logger(__name__)


async def arrange_months(tools: JobTools, payload: dict[str, Any]) -> None:
    """`events.months`: make the tables of the months to come, drop those that are too old."""
    chosen = (await PlatformSettingsStore(tools.database).read()).event_retention_months
    made, dropped = await EventMonths(tools.database).arrange(tools.clock(), chosen or KEEP_MONTHS)
    if made or dropped:
        _log.info("event_months_arranged", made=made, dropped=dropped)


async def add_up(tools: JobTools, payload: dict[str, Any]) -> None:
    """`statistics.add_up`: add what has changed to the figures, until nothing is left."""
    statistics = Statistics(tools.database)
    while await statistics.add_up():
        pass
