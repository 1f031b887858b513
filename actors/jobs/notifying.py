"""Jobs that bring notices to people: in the app and by mail, each exactly once by its mark in the delivery log."""

from collections.abc import Iterable
from typing import Any

from actors.envelopes import COURSE, Envelope, NotOwner
from actors.jobs.tools import GiveUp, JobTools, Mail, Undelivered
from classroom.answers import Refused
from classroom.callers import Caller, Role
from classroom.ids import CommandId, UserId
from classroom.notifications import Channel, body_for, wants
from classroom.progress.commands import Announce
from classroom.times import SECOND, Moment, rfc3339
from persistence.deliveries import RECIPIENTS_AT_ONCE, Deliveries, Mark, Recipient, Said, mark
from persistence.jobs import enqueue
from persistence.notifications import DELIVER, SPREAD, Notifications, spread
from persistence.reminders import Reminders

SEND = "notification.send"
"""The kind of the job that takes one notice one way; its payload is `{noticeId, userId, channel}`."""
BROADCAST = "notification.broadcast"
"""The same for announcements, of which there may be very many: fewer run at once, and what concerns one person passes."""

DAY = 86_400 * SECOND


async def tidy_notices(tools: JobTools, _payload: dict[str, Any]) -> None:
    """Job `notification.tidy`: drop notifications and lines of the delivery log that are older than they are kept."""
    now = tools.clock()
    while await Deliveries(tools.database).forget_old(Moment(now - tools.values.delivery_log_days * DAY)):
        pass
    while await Notifications(tools.database).forget_old(Moment(now - tools.values.notification_days * DAY)):
        pass


async def spread_notice(tools: JobTools, payload: dict[str, Any]) -> None:
    """Give a notice to the next step of an audience without bound, deliver to those, and go on with the step after."""
    notice_id, role, after = payload["noticeId"], payload["role"], payload.get("after")
    async with tools.database.writing() as connection:
        following = await spread(connection, notice_id, role, after)
        if following is not None:
            await enqueue(
                connection, SPREAD, {"noticeId": notice_id, "role": role, "after": following}, key=f"{notice_id}:{following}"
            )
        else:
            await enqueue(connection, DELIVER, {"noticeId": notice_id}, key=notice_id)


async def deliver_notice(tools: JobTools, payload: dict[str, Any]) -> None:
    """Decide for up to a thousand people who have a notice where they are told, and go on with the next thousand."""
    notice_id, after = payload["noticeId"], payload.get("after")
    deliveries = Deliveries(tools.database)
    said = await deliveries.find_notice(notice_id)
    if said is None:
        return
    people = await deliveries.list_recipients(notice_id, after)
    marks = [each for person in people for each in _marks(said, person)]
    if said.course_id is not None and after is None:
        marks.append(Mark(None, Channel.IN_APP, "queued"))
    async with tools.database.writing() as connection:
        fresh = await mark(connection, notice_id, marks, tools.clock())
        kind = BROADCAST if said.notice.kind == "announcement" else SEND
        for each in fresh:
            if each.status == "queued":
                way = {"noticeId": notice_id, "userId": each.user_id, "channel": each.channel.value}
                await enqueue(connection, kind, way)
        if len(people) == RECIPIENTS_AT_ONCE:
            last = people[-1].user_id
            await enqueue(connection, DELIVER, {"noticeId": notice_id, "after": last}, key=f"{notice_id}:{last}")


async def send_notice(tools: JobTools, payload: dict[str, Any]) -> None:
    """Take one notice one way, and note what became of it. What was sent is not sent again, except by mail when the worker
    was killed between the two."""
    notice_id, user_id, channel = payload["noticeId"], payload["userId"], Channel(payload["channel"])
    deliveries = Deliveries(tools.database)
    said = await deliveries.find_notice(notice_id)
    if said is None:
        return
    try:
        if said.notice.kind == "class_reminder" and not await Reminders(tools.database).is_good(said.notice, tools.clock()):
            stale = Mark(user_id, channel, "skipped", "the class has begun, was moved or cancelled")
            await deliveries.settle(notice_id, stale, tools.clock())
            return
        if user_id is None:
            await _tell_course(tools, said)
        else:
            person = await deliveries.find_due(notice_id, user_id, channel)
            if person is None:
                return
            await (_tell if channel is Channel.IN_APP else _mail)(tools, said, person)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"[:300]
        await deliveries.settle(notice_id, Mark(user_id, channel, "failed", reason), tools.clock())
        raise
    await deliveries.settle(notice_id, Mark(user_id, channel, "sent"), tools.clock())


def _marks(said: Said, person: Recipient) -> Iterable[Mark]:
    # To a whole course it is told in the app by one event; only the mails go one by one.
    for channel in (Channel.MAIL,) if said.course_id is not None else Channel:
        if person.barred:
            yield Mark(person.user_id, channel, "skipped", "the account is banned or deleted")
        elif not wants(said.notice.kind, channel, person.preferences):
            yield Mark(person.user_id, channel, "skipped", "by preference")
        else:
            yield Mark(person.user_id, channel, "queued")


async def _tell(tools: JobTools, said: Said, person: Recipient) -> None:
    data = {
        "id": said.id,
        "kind": said.notice.kind,
        "title": said.notice.title,
        "body": body_for(said.notice, person.timezone),
        "data": dict(said.notice.data),
        "courseId": said.course_id,
        "createdAt": rfc3339(said.created_at),
        "readAt": None,
    }
    await tools.deliver(person.user_id, "notification.created", data, f"notification:{said.id}")


async def _tell_course(tools: JobTools, said: Said) -> None:
    if said.course_id is None:
        raise GiveUp(f"notice {said.id} is to no course")
    sender = said.notice.data["from"]
    caller = Caller(UserId(sender["id"]), sender["name"], Role.ADMIN)  # whether they may was seen to at the edge
    announcement = Announce(said.notice.title, said.notice.body, said.id)
    envelope = Envelope(COURSE, said.course_id, caller, announcement, CommandId(f"announcement:{said.id}"))
    reply = await tools.grains.execute(envelope)
    if isinstance(reply, Refused | NotOwner):
        raise Undelivered(f"announcement {said.id} to course {said.course_id}: {reply}")


async def _mail(tools: JobTools, said: Said, person: Recipient) -> None:
    lines = [f"Dear {person.name},", body_for(said.notice, person.timezone) or said.notice.title]
    course_id = said.course_id or said.notice.data.get("courseId")
    if isinstance(course_id, str):
        lines.append(f"{tools.values.public_url}/courses/{course_id}")
    lines.append("Which mails you get is up to you: see the preferences of your account.")
    mail = Mail(person.email, said.notice.title, "\n\n".join(lines))
    await tools.mailer.send(mail, f"{said.id}.{person.user_id}")
