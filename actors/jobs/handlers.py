"""Every kind of job and who does it. A handler's module imports `JobTools` and the like from `actors.jobs.tools`."""

from actors.jobs import (
    account_mails,
    attending,
    certifying,
    grading,
    mailing,
    media_checks,
    notifying,
    partitions,
    recordings,
    reminding,
    renditions,
    seeing_out,
)
from actors.jobs.tools import Care, Handler

HANDLERS: dict[str, Handler] = {
    "events.months": partitions.arrange_months,
    "account.forgot": account_mails.mail_reset,
    "account.resend": account_mails.mail_verification,
    "account.see_out": seeing_out.see_out,
    "account.tidy": account_mails.tidy_tokens,
    "account.verify": account_mails.mail_verification,
    "certificate.check": certifying.check_certificate,
    "certificate.render": certifying.render_certificate,
    "certificate.sweep": certifying.sweep_course,
    "class.attended": attending.tell_attendance,
    "course.changed": attending.tell_of_change,
    "mail.send": mailing.send_mail,
    "media.check": media_checks.check_media,
    "media.renditions": renditions.make_renditions,
    "media.tidy": media_checks.tidy_media,
    "notification.broadcast": notifying.send_notice,
    "notification.deliver": notifying.deliver_notice,
    "notification.send": notifying.send_notice,
    "notification.spread": notifying.spread_notice,
    "notification.tidy": notifying.tidy_notices,
    "progress.quiz": grading.tell_progress,
    "recording.finish": recordings.finish_recording,
    "reminder.sweep": reminding.sweep_reminders,
    "statistics.add_up": partitions.add_up,
}
"""By kind: `area.verb`."""

CARE: dict[str, Care] = {
    "events.months": Care(at_once=1, every_seconds=6 * 3_600),
    "account.forgot": Care(tries=10),
    "account.resend": Care(tries=10),
    "account.see_out": Care(tries=12),
    "account.tidy": Care(at_once=1, every_seconds=3_600),
    "account.verify": Care(tries=10),
    "class.attended": Care(tries=12, seconds=300),
    "mail.send": Care(tries=10),
    "media.check": Care(seconds=3_600, at_once=4),
    "media.renditions": Care(tries=3, seconds=3 * renditions.LIMIT_SECONDS, at_once=1),
    "media.tidy": Care(seconds=1_800, at_once=1, every_seconds=3_600),
    "notification.broadcast": Care(tries=10, at_once=8),
    "notification.deliver": Care(tries=20),
    "notification.send": Care(tries=10),
    "notification.spread": Care(tries=20),
    "notification.tidy": Care(seconds=1_800, at_once=1, every_seconds=3_600),
    "recording.finish": Care(tries=12, seconds=recordings.LIMIT_SECONDS, at_once=2),
    "reminder.sweep": Care(seconds=300, at_once=1, every_seconds=60),
    "statistics.add_up": Care(seconds=300, at_once=1, every_seconds=30),
}
"""For kinds that the usual `Care()` does not suit."""
