"""Mail: how one is written, and the two ways it leaves (an SMTP server, or a folder when there is none)."""

import asyncio
import hashlib
import html
import os
import re
import time
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib
import msgspec
from aiosmtplib import errors

from actors.config import JobValues
from actors.jobs.tools import GiveUp, JobTools, Mail, Mailer

SMTP_SECONDS = 20.0
KEPT_AT_MOST = 1_000
"""So many mails stay in the folder; the oldest go."""
SUBJECT_LENGTH = 200
_LONGEST_LINE = 900  # RFC 5322 allows 998
_LINK = re.compile(r"https?://[^\s<>\"']+")
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029\ud800-\udfff]+")


async def send_mail(tools: JobTools, payload: dict[str, Any]) -> None:
    """Job `mail.send`: {to, subject, text, html?}. The same mail that is sent again has the same Message-ID."""
    try:
        mail = msgspec.convert(payload, Mail)
    except msgspec.ValidationError as error:
        raise GiveUp(f"not a mail: {error}") from error
    await tools.mailer.send(mail, id_of(mail))


def id_of(mail: Mail) -> str:
    """A name for this mail and any other of exactly the same words to the same person."""
    return hashlib.sha256(msgspec.json.encode(mail)).hexdigest()[:32]


def make_mailer(values: JobValues) -> Mailer:
    """The way out that the settings name."""
    if values.smtp_url:
        return SmtpMailer(values.smtp_url, values.mail_from)
    return FolderMailer(mail_folder(values.data_dir), values.mail_from)


def mail_folder(data_dir: Path) -> Path:
    """Where mails are put when there is no SMTP server."""
    return data_dir / "mail"


class SmtpMailer:
    """Sends each mail over a connection of its own. `url` is `smtp://user:password@host:port`, or `smtps://`; over `smtp`
    the connection is encrypted where the server offers it."""

    def __init__(self, url: str, mail_from: str) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "smtps"
        self._host = parts.hostname or "localhost"
        self._port = parts.port or (465 if self._tls else 587)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._from = mail_from

    async def send(self, mail: Mail, message_id: str) -> None:
        """See `Mailer.send`."""
        message = write_mail(mail, self._from, message_id, datetime.now().astimezone())
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._user,
                password=self._password,
                use_tls=self._tls,
                local_hostname="localhost",
                timeout=SMTP_SECONDS,
            )
        except errors.SMTPException as error:
            if _is_for_good(error):
                raise GiveUp(f"the mail server refuses this mail: {error}") from error
            raise


def _is_for_good(error: errors.SMTPException) -> bool:
    if isinstance(error, errors.SMTPRecipientsRefused):
        return all(refused.code >= 500 for refused in error.recipients)
    if isinstance(error, errors.SMTPAuthenticationError | errors.SMTPConnectResponseError | errors.SMTPHeloError):
        return False  # not this mail's fault: the operator sets it right, and it leaves then
    return isinstance(error, errors.SMTPResponseException) and error.code >= 500


class FolderMailer:
    """Puts each mail as a file into a folder: whole or not at all, and the same one again in its own place."""

    def __init__(self, folder: Path, mail_from: str, keep: int = KEPT_AT_MOST) -> None:
        self._folder = folder
        self._from = mail_from
        self._keep = keep

    async def send(self, mail: Mail, message_id: str) -> None:
        """See `Mailer.send`."""
        message = write_mail(mail, self._from, message_id, datetime.now().astimezone(), readable=True)
        await asyncio.to_thread(self._put, message_id, message.as_bytes())

    def _put(self, name: str, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._folder / f".{name}.part"
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._folder / f"{name}.eml")
        files = sorted(self._folder.glob("*.eml"), key=_age)
        for old in files[: -self._keep]:
            old.unlink(missing_ok=True)  # two jobs may tidy at once


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def write_mail(mail: Mail, mail_from: str, message_id: str, now: datetime, *, readable: bool = False) -> EmailMessage:
    """The message, as text and as HTML. Whatever stands in names and subjects, no header begins where none should. One that
    is `readable` has its words as they are, for who opens the file; else all of it is ASCII, for any server on the way.

    Raises `GiveUp` when `to` is no address that could be written into a header.
    """
    message = EmailMessage(policy=SMTP)
    try:
        message["To"] = Address(addr_spec=_ascii_domain(mail.to))
    except (MessageError, ValueError, IndexError) as error:
        raise GiveUp("not an address to send mail to") from error
    name, sender = parseaddr(mail_from)
    message["From"] = Address(_one_line(name), addr_spec=sender)
    message["Subject"] = _one_line(mail.subject)[:SUBJECT_LENGTH]
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice shall answer
    text = _body(mail.text)
    message.set_content(text, cte=_encoding(text, readable))
    markup = _body(mail.html) if mail.html is not None else html_of(mail.text)
    message.add_alternative(markup, "html", cte=_encoding(markup, readable))
    return message


def _encoding(text: str, readable: bool) -> str:
    fits = all(len(line.encode()) <= _LONGEST_LINE for line in text.split("\n"))
    if fits and text.isascii():
        return "7bit"
    return "8bit" if fits and readable else "quoted-printable"


def html_of(text: str) -> str:
    """Plain words as simple HTML: paragraphs, lines, and links that can be clicked. Nothing in them is taken for markup."""
    paragraphs = [part for part in re.split(r"\n\s*\n", _body(text).strip()) if part]
    lines = [[_line(line) for line in part.splitlines()] for part in paragraphs]
    written = "\n".join(f"<p>{'<br>'.join(part)}</p>" for part in lines).replace("<br>", "<br>\n")
    return (
        '<!doctype html><html><head><meta charset="utf-8"></head>'
        '<body style="font-family:sans-serif;font-size:16px;line-height:1.5;color:#1c1c1c;max-width:36em;margin:2em auto">'
        f"{written}</body></html>"
    )


def _line(line: str) -> str:
    written, end = [], 0
    for found in _LINK.finditer(line):
        address = html.escape(found.group())
        written += [html.escape(line[end : found.start()]), f'<a href="{address}">{address}</a>']
        end = found.end()
    return "".join(written) + html.escape(line[end:])


def _one_line(text: str) -> str:
    return _NO_TEXT.sub(" ", text).strip()


def _body(text: str) -> str:
    return "".join(sign for sign in text if sign in "\n\t" or (sign >= " " and not "\ud800" <= sign <= "\udfff"))


def _ascii_domain(address: str) -> str:
    local, at, domain = address.rpartition("@")
    if not at or _NO_TEXT.search(address):
        raise ValueError("no address")
    return f"{local}@{domain.encode('idna').decode()}"
