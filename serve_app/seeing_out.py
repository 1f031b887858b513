"""What follows at once when an account was banned, let in again, given another role or closed."""

import structlog

from classroom.answers import Refused
from classroom.callers import Caller, Role
from classroom.ids import CourseId, SessionId, UserId
from classroom.live.commands import Leave
from classroom.times import MINUTE, SECOND, Moment
from persistence.account_administration import Changed
from persistence.denied import Denial, denied_family, denied_role, denied_user
from serve_app.composition import EdgeConfig, Parts
from serve_app.live_access import sessions_of_course

_log: structlog.stdlib.BoundLogger = structlog.get_logger("lyceum.accounts")


async def see_out(done: Changed, parts: Parts, config: EdgeConfig) -> None:
    """Who was banned or has gone: every process refuses their tokens and closes their sockets when this returns, and classes
    that can be asked have taken them out. The job of the ban sees to those that cannot."""
    await _tell(done, parts, config)
    account = done.account
    if account.role is not Role.STUDENT:
        return
    caller = Caller(account.id, account.name, account.role)
    # Closing an account has ended its enrolments at that moment.
    for course_id in await parts.enrollments.list_course_ids(account.id, account.status_changed_at):
        await _leave_classes(caller, course_id, parts)


async def let_in(done: Changed, parts: Parts, config: EdgeConfig) -> None:
    """Who is active again: no process refuses their new tokens when this returns."""
    await _tell(done, parts, config, lifted=True)


async def change_role(done: Changed, parts: Parts, config: EdgeConfig) -> None:
    """Who lost power: tokens that say the old role are refused from now on; a refreshed one says the new role."""
    if not done.has_changed:
        return
    account, until = done.account, Moment(done.at + config.denied_seconds * SECOND)
    words = [denied_role(account.id, account.role, done.at, until, lifted=True)]
    if done.is_lowered:
        words.append(denied_role(account.id, done.was.role, done.at, until))
    await parts.denied.tell(words)


async def give_role(user_id: UserId, role: Role, at: Moment, parts: Parts, config: EdgeConfig) -> None:
    """Who got a role at this moment: no process refuses tokens that say it, although it may have been taken away before."""
    until = Moment(at + config.denied_seconds * SECOND)
    await parts.denied.tell([denied_role(user_id, role, at, until, lifted=True)])


async def _tell(done: Changed, parts: Parts, config: EdgeConfig, *, lifted: bool = False) -> None:
    account, at = done.account, done.account.status_changed_at
    if at is None:
        return  # was never anything but active
    until = Moment(at + config.denied_seconds * SECOND)
    words: list[Denial] = [denied_user(account.id, at, until, lifted=lifted)]
    await parts.denied.tell([*words, *(denied_family(family, at, until) for family in done.families)])


async def _leave_classes(caller: Caller, course_id: CourseId, parts: Parts) -> None:
    now = parts.clock()
    for session in await sessions_of_course(course_id, parts):
        if session.status == "live" or session.starts_at - session.doors_open_minutes * MINUTE <= now:
            answer = await parts.live.execute(SessionId(session.id), caller, Leave())
            if isinstance(answer, Refused) and answer.refusal.retry:
                _log.warning("still seated", session=session.id, user=caller.user_id)
