"""Mails about the account itself: prove your address, set a new password. Their tokens stand nowhere but in the mail."""

import re
import secrets
from typing import Any

from actors.jobs.tools import JobTools, Mail
from classroom.times import MINUTE, Moment
from persistence.account_tokens import RESET, VERIFY, AccountTokens, Addressee
from persistence.idempotency import PostgresIdempotencyKeys
from persistence.sign_ins import PostgresSignIns

VERIFY_MINUTES = 48 * 60
RESET_MINUTES = 60
_NAME_LENGTH = 60
_ADDRESS = re.compile(r"[/@:]|\w\.\w")


async def mail_verification(tools: JobTools, payload: dict[str, Any]) -> None:
    """Job `account.verify` {userId} or `account.resend` {email}: mail a link that proves the address, unless it is."""
    to = await AccountTokens(tools.database).find_addressee(user_id=payload.get("userId"), email=payload.get("email"))
    if to is not None and not to.verified:
        await _mail(tools, to, VERIFY, VERIFY_MINUTES, _verification)


async def mail_reset(tools: JobTools, payload: dict[str, Any]) -> None:
    """Job `account.forgot` {email}: mail a link that sets a new password."""
    to = await AccountTokens(tools.database).find_addressee(email=payload["email"])
    if to is not None:
        await _mail(tools, to, RESET, RESET_MINUTES, _reset)


async def tidy_tokens(tools: JobTools, _payload: dict[str, Any]) -> None:
    """Job `account.tidy`: drop mailed tokens, sign-ins and idempotency keys that are long expired."""
    await AccountTokens(tools.database).forget_old(tools.clock())
    for store in (PostgresSignIns(tools.database), PostgresIdempotencyKeys(tools.database)):
        while await store.forget_expired(tools.clock()):
            pass


async def _mail(tools: JobTools, to: Addressee, purpose: str, minutes: int, write: Any) -> None:
    tokens, token, now = AccountTokens(tools.database), secrets.token_urlsafe(32), tools.clock()
    if not await tokens.issue(to, purpose, token, now, Moment(now + minutes * MINUTE)):
        return  # five within the hour are enough, whoever asks for them
    mail: Mail = write(to, token, tools.values.public_url)
    try:
        await tools.mailer.send(mail, tools.new_id())
    except Exception:
        await tokens.withdraw(token)
        raise


def _greeting(to: Addressee) -> str:
    """By name, unless the name could be an advertisement: whoever registers chooses it, and whose address they enter."""
    return "Hello," if _ADDRESS.search(to.name) or len(to.name) > _NAME_LENGTH else f"Hello {to.name},"


def _verification(to: Addressee, token: str, url: str) -> Mail:
    # Behind the #: a browser sends that part to no server, so it stands in no log.
    return Mail(
        to.email,
        "Please confirm your e-mail address",
        f"{_greeting(to)}\n\nplease confirm that this is your e-mail address:\n\n{url}/verify-email#token={token}\n\n"
        "The link is good for 48 hours. If you have not registered at Lyceum, nothing needs to be done.",
    )


def _reset(to: Addressee, token: str, url: str) -> Mail:
    return Mail(
        to.email,
        "Set a new password",
        f"{_greeting(to)}\n\nsomebody, hopefully you, asked for a new password. You can set it here:\n\n"
        f"{url}/reset-password#token={token}\n\n"
        "The link is good for an hour and once. If it was not you, nothing needs to be done: your password stays as it is.",
    )
