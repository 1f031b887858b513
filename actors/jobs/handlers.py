"""Every kind of job and who does it. A handler's module imports `JobTools` and the like from `actors.jobs.tools`."""

from actors.jobs import grading, mailing, notifying, reminding
from actors.jobs.tools import Care, Handler

HANDLERS: dict[str, Handler] = {
    "mail.send": mailing.send_mail,
    "notification.deliver": notifying.deliver_notice,
    "notification.send": notifying.send_notice,
    "notification.spread": notifying.spread_notice,
    "progress.quiz": grading.tell_progress,
    "reminder.sweep": reminding.sweep_reminders,
}
"""By kind: `area.verb`."""

CARE: dict[str, Care] = {
    "mail.send": Care(tries=10),
    "notification.deliver": Care(tries=20),
    "notification.spread": Care(tries=20),
    "reminder.sweep": Care(seconds=300, at_once=1, every_seconds=60),
}
"""For kinds that the usual `Care()` does not suit."""
