"""Every kind of job and who does it. A handler's module imports `JobTools` and the like from `actors.jobs.tools`."""

from actors.jobs.tools import Care, Handler

HANDLERS: dict[str, Handler] = {}
"""By kind: `area.verb`."""

CARE: dict[str, Care] = {}
"""For kinds that the usual `Care()` does not suit."""
