"""How a mail leaves the house: rendered in the reader's language, by SMTP or into a folder."""

from __future__ import annotations

import contextlib
import os
import re
import smtplib
from email.mime.text import MIMEText
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from flask import current_app
from flask_babel import force_locale
from flask_mail import BadHeaderError, Connection, Mail, Message

from servicedesk.core.mail import MailNotAccepted, OutgoingMail, content_of, use_delivery

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.mime.base import MIMEBase
    from pathlib import Path

    from flask import Flask

    from config import Settings

PATIENCE_SECONDS = 30
REFERENCE = re.compile(r"[A-Z]{2,3}-[0-9-]+")


class _PatientConnection(Connection):
    """Flask-Mail's connection, which would otherwise wait for a silent server for ever."""

    def configure_host(self) -> smtplib.SMTP:
        """Open the connection within the time limit."""
        host = smtplib.SMTP(self.mail.server, self.mail.port, timeout=PATIENCE_SECONDS)
        if self.mail.use_tls:
            host.starttls()
        if self.mail.username and self.mail.password:
            host.login(self.mail.username, self.mail.password)
        return host

    def __exit__(self, *_error: object) -> None:
        """Say goodbye; a mail that was taken stays taken if the server hangs up first."""
        if self.host is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                self.host.quit()


class _Invitation(Message):
    """A mail with what calendars understand: as one of its alternatives, which they show as such.

    It is attached as a file too, for programs that only take files in.
    """

    def __init__(self, calendar: Mapping[str, str], **told: Any) -> None:
        super().__init__(**told)
        self._calendar = calendar
        self.attach("invite.ics", "application/ics", calendar["text"].encode())

    def _message(self) -> MIMEBase:
        made = super()._message()
        part = MIMEText(self._calendar["text"], "calendar", "utf-8")
        part.set_param("method", self._calendar["method"])
        alternatives: Any = made.get_payload()
        alternatives[0].attach(part)
        return made


def install(app: Flask, settings: Settings) -> None:
    """Choose how mails leave: by SMTP where a server is set, into `instance/mail` otherwise."""
    app.config.update(
        MAIL_SERVER=settings.mail_server,
        MAIL_PORT=settings.mail_port,
        MAIL_USERNAME=settings.mail_username,
        MAIL_PASSWORD=settings.mail_password,
        MAIL_USE_TLS=settings.mail_use_tls,
        MAIL_DEFAULT_SENDER=settings.mail_sender,
        MAIL_SUPPRESS_SEND=False,
    )
    Mail(app)

    def deliver(mail: OutgoingMail) -> None:
        with app.app_context():
            message = render(mail)
            if settings.mail_server:
                _send(message)
            else:
                _keep(message, mail, mail_folder(settings))

    def is_open() -> bool:
        with app.app_context():
            return settings.mail_server is None or _answers()

    use_delivery(deliver, is_open)


def mail_folder(settings: Settings) -> Path:
    """Return where mails land that no server takes."""
    return settings.instance / "mail"


def render(mail: OutgoingMail) -> Message:
    """Return the mail as it is sent: text and HTML, and the same identity at every try."""
    with force_locale(mail.language):
        # not render_template: what the pages' contexts hold belongs to a request
        text = current_app.jinja_env.get_template(f"mail/{mail.template}.txt")
        html = current_app.jinja_env.get_template(f"mail/{mail.template}.html")
        facts = {**mail.context, "language": mail.language}
        subject = "".join(text.blocks["subject"](text.new_context(facts)))
        body, page = text.render(facts), html.render({**facts, "subject": subject})
    sender = current_app.config["MAIL_DEFAULT_SENDER"]
    domain = parseaddr(sender)[1].partition("@")[2]
    headers = {
        # vacation notes and other desks must not answer a machine
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    if REFERENCE.fullmatch(mail.subject_reference):
        # one root for all mails about a thing: readers' programs show them as one conversation
        headers["References"] = f"<{mail.subject_reference.lower()}@{domain}>"
    told = {
        "sender": sender,
        "subject": " ".join(subject.split()),
        "recipients": [mail.recipient],
        "body": body.strip() + "\n",
        "html": page,
        "date": mail.created_at.timestamp(),
        "extra_headers": headers,
    }
    calendar = mail.context.get("calendar")
    message = _Invitation(calendar, **told) if calendar else Message(**told)
    attached = mail.context.get("attached")
    if attached and (content := content_of(attached)) is not None:
        message.attach(attached["name"], attached["media_type"], content)
    message.msgId = f"<{mail.message_id}@{domain}>"
    return message


def _send(message: Message) -> None:
    try:
        with _PatientConnection(current_app.extensions["mail"]) as connection:
            connection.send(message)
    except (OSError, smtplib.SMTPException, BadHeaderError) as error:
        raise MailNotAccepted(f"{type(error).__name__}: {error}") from error


def _answers() -> bool:
    """Whether the mail server lets us in."""
    try:
        with _PatientConnection(current_app.extensions["mail"]):
            return True
    except (OSError, smtplib.SMTPException):
        return False


def _keep(message: Message, mail: OutgoingMail, folder: Path) -> None:
    """Write the mail as a file only its owner can read: it may carry a one-time link."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = f"{mail.created_at:%Y%m%d-%H%M%S}-{mail.message_id[:12]}.eml"
    unfinished = folder / f".{name}"
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(message.as_bytes())
        unfinished.replace(folder / name)
    except OSError as error:
        raise MailNotAccepted(f"{type(error).__name__}: {error}") from error
