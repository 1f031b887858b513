"""Takes who was banned or has gone out of every class, some seconds after: what was under way has arrived by then."""

from typing import Any

from actors.envelopes import LIVE, Envelope
from actors.jobs.tools import JobTools
from classroom.callers import Caller, Role
from classroom.ids import CommandId, UserId
from classroom.live.commands import Leave
from persistence.account_administration import classes_to_leave


async def see_out(tools: JobTools, payload: dict[str, Any]) -> None:
    """`account.see_out` {userId, name}. Does nothing for who has been let in again."""
    caller = Caller(UserId(payload["userId"]), payload["name"], Role.STUDENT)
    for session_id in await classes_to_leave(tools.database, caller.user_id, tools.clock()):
        await tools.tell(Envelope(LIVE, session_id, caller, Leave(), CommandId(tools.new_id())))
