"""Outgoing mail: a row of the transaction that causes it, sent by a job after the commit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Index, and_, text
from sqlalchemy.orm import Mapped, mapped_column

from servicedesk.core import audit, clock
from servicedesk.core.database import Model, session
from servicedesk.core.jobs import JobName, job
from servicedesk.core.restored import nothing_leaves
from servicedesk.core.trace import with_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.core.unit_of_work import Work


class OutgoingMail(Model):
    """A mail to one person: what is to be rendered, in which language, and whether it left.

    `context` may carry a one-time link, so it is emptied once the mail has left.
    """

    __tablename__ = "outgoing_mail"
    __table_args__ = (
        Index("ix_outgoing_mail_waiting", "created_at", postgresql_where=text("sent_at is null")),
        Index("ix_outgoing_mail_created_at", "created_at"),
    )
    __tenant__ = None
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    recipient: Mapped[str]
    language: Mapped[str]
    template: Mapped[str]
    context: Mapped[dict[str, Any]]
    subject_reference: Mapped[str]  # the ticket or account it is about
    message_id: Mapped[str]  # the same at every try, so that a repeat is seen as one mail
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    held_at: Mapped[datetime | None]  # restored from a backup: it may have left already
    withdrawn_at: Mapped[datetime | None]  # a person decided that it stays


def is_to_leave() -> ColumnElement[bool]:
    """Return the condition on mails that still have to leave: not those that people hold back."""
    return and_(
        OutgoingMail.sent_at.is_(None),
        OutgoingMail.held_at.is_(None),
        OutgoingMail.withdrawn_at.is_(None),
    )


_stores: dict[str, Callable[[str], bytes | None]] = {}


def use_store(name: str, read: Callable[[str], bytes | None]) -> None:
    """Tell where files to attach are read from; the composition root calls this."""
    _stores[name] = read


@dataclass(frozen=True, kw_only=True)
class Attached:
    """A file that goes with a mail; its context names it as `attached`, without its content."""

    store: str
    key: str
    name: str
    media_type: str


def content_of(attached: Mapping[str, str]) -> bytes | None:
    """Return the content of what a mail's context calls `attached`; None where it is gone."""
    read = _stores.get(attached["store"])
    return read(attached["key"]) if read else None


SEND_MAIL = JobName("mail.send", "mail")  # queued by the database, see `queue_mail`
_deliver: list[Callable[[OutgoingMail], None]] = []
_is_open: list[Callable[[], bool]] = []


def use_delivery(
    deliver: Callable[[OutgoingMail], None], is_open: Callable[[], bool] = lambda: True
) -> None:
    """Tell how a mail leaves the house, and whether it could now; the composition root calls this."""
    _deliver[:], _is_open[:] = [deliver], [is_open]


def is_open() -> bool:
    """Ask whether mails can leave now; takes as long as the mail server takes to answer."""
    return _is_open[0]()


def queue_mail(
    work: Work, recipient: str, language: str, template: str, *, about: str, **context: Any
) -> None:
    """Have a worker render `templates/mail/<template>.{txt,html}`, once the transaction holds.

    The row and its `mail.send` job are written in the database as its owner: no client's role can
    read the mails of others. The identity of what asks goes from the context to the job.
    """
    work.session.execute(
        text("SELECT desk_queue_mail(:to, :language, :template, CAST(:context AS jsonb), :about)"),
        {
            "to": recipient,
            "language": language,
            "template": template,
            "context": json.dumps(with_trace(audit.plain(context))),
            "about": about,
        },
    )


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One of many mails that say the same, each in its reader's words."""

    recipient: str
    language: str
    context: Mapping[str, Any]


def queue_mails(work: Work, letters: Sequence[Letter], template: str, *, about: str) -> None:
    """Have a worker send many mails of one template; one statement, see `queue_mail`."""
    if letters:
        work.session.execute(
            text(
                "SELECT count(desk_queue_mail(m->>'to', m->>'language', :template, m->'context',"
                " :about)) FROM jsonb_array_elements(CAST(:letters AS jsonb)) m"
            ),
            {
                "template": template,
                "about": about,
                "letters": json.dumps(
                    [
                        {
                            "to": letter.recipient,
                            "language": letter.language,
                            "context": with_trace(audit.plain(dict(letter.context))),
                        }
                        for letter in letters
                    ]
                ),
            },
        )


def send_again(session: Session, mail_ids: Sequence[int]) -> None:
    """Have mails tried now: the job that waits for its next try at once, or else a new one."""
    session.execute(text("SELECT desk_mail_again(:ids)"), {"ids": list(mail_ids)})


class MailNotAccepted(Exception):
    """The mail server could not take it now; the job is tried again later."""


@job(SEND_MAIL)
def send_mail(mail_id: int) -> None:
    """Send one mail unless it has left or is held; raises MailNotAccepted to be tried again."""
    current = session()
    mail = current.get(OutgoingMail, mail_id, with_for_update=True)
    if mail is None or mail.sent_at or mail.held_at or mail.withdrawn_at or nothing_leaves(current):
        current.rollback()
        return
    mail.attempts += 1
    try:
        _deliver[0](mail)
    except MailNotAccepted as error:
        mail.error = str(error)
        current.commit()
        raise
    mail.sent_at, mail.error, mail.context = clock.now(), None, {}
    current.commit()
