"""Mail leaves over a real SMTP server or lands in a folder; a refusal for good is not tried again."""

import email
import email.policy
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from hypothesis import given
from hypothesis import strategies as st

from actors.jobs.handlers import HANDLERS
from actors.jobs.mailing import FolderMailer, SmtpMailer, html_of, id_of, make_mailer, write_mail
from actors.jobs.tools import GiveUp, Mail
from persistence.queue_figures import look_at_queue

FROM = "Lyceum <no-reply@lyceum.example.org>"
RIGHT = "p%40ss%2Fword"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class Postbox:
    """What an SMTP server does with mail: `answer` is what it says to a recipient."""

    def __init__(self) -> None:
        self.port = 0
        self.answers: list[str] = []
        self.came: list[tuple[str, list[str], EmailMessage]] = []
        self.sign_ins: list[tuple[bytes, bytes]] = []

    async def handle_RCPT(self, _s: Any, _n: Any, envelope: Any, address: str, _o: Any) -> str:  # noqa: N802
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.came.append((envelope.mail_from, envelope.rcpt_tos, message))
        return "250 taken"

    def sign_in(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: LoginPassword) -> AuthResult:
        self.sign_ins.append((data.login, data.password))
        return AuthResult(success=data.password == b"p@ss/word")


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    box = Postbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        box.port = free.getsockname()[1]
    server = Controller(
        box, hostname="127.0.0.1", port=box.port, authenticator=box.sign_in, auth_require_tls=False, auth_required=True
    )
    server.start()
    try:
        yield box
    finally:
        server.stop()


def url_of(postbox: Postbox, password: str = RIGHT) -> str:
    return f"smtp://sender:{password}@127.0.0.1:{postbox.port}"


async def test_a_mail_arrives_as_text_and_html_with_names_of_any_kind(postbox: Postbox) -> None:
    mail = Mail(
        "sam@example.org", "Grüße \U0001f30a\r\nBcc: all@example.org", "Hello <Sam> & you\n\nhttps://x.test/?a=1&b=2 ."
    )
    await SmtpMailer(url_of(postbox), FROM).send(mail, "id-1")
    ((sender, recipients, message),) = postbox.came
    assert (sender, recipients) == ("no-reply@lyceum.example.org", ["sam@example.org"])
    assert message["Subject"] == "Grüße \U0001f30a Bcc: all@example.org"
    assert message["Bcc"] is None
    assert (message["To"], message["From"], message["Message-ID"]) == (mail.to, FROM, "<id-1@lyceum.example.org>")
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert text.get_content().strip().splitlines() == mail.text.splitlines()
    assert html is not None
    assert "Hello &lt;Sam&gt; &amp; you" in html.get_content()
    assert '<a href="https://x.test/?a=1&amp;b=2">' in html.get_content()
    assert postbox.sign_ins == [(b"sender", b"p@ss/word")]


async def test_a_server_that_is_busy_gets_it_again_and_one_that_refuses_does_not(postbox: Postbox, workshop: Any) -> None:
    mailer = SmtpMailer(url_of(postbox), FROM)

    async def send(_tools: Any, payload: dict[str, Any]) -> None:
        await mailer.send(Mail(**payload), "id")

    runner = workshop.runner(send)
    mail = {"to": "sam@example.org", "subject": "s", "text": "t"}
    postbox.answers = ["451 try again later", "250 OK"]
    await workshop.put(**mail)
    await runner.run_due()
    assert (await workshop.rows(), postbox.came) == ([("queued", 1)], [])
    await workshop.hurry()
    await runner.run_due()
    assert (await workshop.rows(), len(postbox.came)) == ([], 1)

    postbox.answers = ["550 no such person"]
    await workshop.put(**mail)
    await runner.run_due()
    assert (await workshop.rows(), len(postbox.came)) == ([("failed", 0)], 1)
    dead = [job for job in (await look_at_queue(workshop.url, 10))[1] if job.kind == workshop.kind]
    assert "550" in dead[0].reason


async def test_a_wrong_password_of_the_server_loses_no_mail(postbox: Postbox) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - what matters is what it is not
        await SmtpMailer(url_of(postbox, "wrong"), FROM).send(Mail("sam@example.org", "s", "t"), "id")
    assert not isinstance(raised.value, GiveUp)


async def test_no_server_there_is_a_matter_for_later() -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - what matters is what it is not
        await SmtpMailer("smtp://127.0.0.1:1", FROM).send(Mail("sam@example.org", "s", "t"), "id")
    assert not isinstance(raised.value, GiveUp)


async def test_the_link_in_a_file_can_be_read_as_it_stands_there(tmp_path: Path) -> None:
    link = f"http://localhost:8000/verify-email#token={'Ab3_-' * 9}"
    await FolderMailer(tmp_path, FROM).send(Mail("sam@example.org", "s", f"Hello Zoë,\n\n{link}\n"), "m")
    raw = (tmp_path / "m.eml").read_text()
    assert f"\n{link}\n" in raw
    assert "Hello Zoë," in raw
    assert write_mail(Mail("sam@example.org", "s", "Zoë"), FROM, "id", NOW).as_bytes().isascii()


async def test_without_a_server_mails_are_files_whole_and_few(tmp_path: Path) -> None:
    mailer = FolderMailer(tmp_path / "mail", FROM, keep=3)
    for number in range(5):
        await mailer.send(Mail("sam@example.org", f"Number {number}", "t"), f"m{number}")
        await mailer.send(Mail("sam@example.org", f"Number {number}", "t"), f"m{number}")
    files = sorted((tmp_path / "mail").iterdir())
    assert [file.name for file in files] == ["m2.eml", "m3.eml", "m4.eml"]
    message = email.message_from_bytes(files[-1].read_bytes(), policy=email.policy.default)
    assert message["Subject"] == "Number 4"
    assert (tmp_path / "mail").stat().st_mode & 0o077 == 0


async def test_a_mail_is_sent_by_a_job_and_what_is_none_is_given_up(workshop: Any) -> None:
    send = HANDLERS["mail.send"]
    await send(workshop.tools, {"to": "sam@example.org", "subject": "s", "text": "t"})
    assert workshop.mails == [Mail("sam@example.org", "s", "t")]
    for wrong in ({}, {"to": 1, "subject": "s", "text": "t"}):
        with pytest.raises(GiveUp):
            await send(workshop.tools, wrong)
    assert isinstance(make_mailer(workshop.tools.values), FolderMailer)


@pytest.mark.parametrize(
    "to", ["", "nobody", "a@b\r\nBcc: c@d.test", "a b@c.test", "<a@b.test>, <c@d.test>", "a@" + "x" * 300]
)
async def test_an_address_that_is_none_is_given_up_and_not_written(to: str) -> None:
    with pytest.raises(GiveUp):
        write_mail(Mail(to, "s", "t"), FROM, "id", NOW)


@given(st.text(), st.text(), st.text())
def test_no_words_make_a_header_or_markup(subject: str, text: str, name: str) -> None:
    sender = f"{''.join(sign for sign in name if sign.isalnum())} <no-reply@lyceum.test>"
    raw = write_mail(Mail("sam@example.org", subject, text), sender, "id", NOW).as_bytes()
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert set(message.keys()) == {
        "To", "From", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert "<script" not in html_of(f"<script>{text}")


def test_a_mail_has_one_name_and_others_have_others() -> None:
    assert id_of(Mail("a@b.test", "s", "t")) == id_of(Mail("a@b.test", "s", "t"))
    assert id_of(Mail("a@b.test", "s", "t")) != id_of(Mail("a@b.test", "s", "u"))
