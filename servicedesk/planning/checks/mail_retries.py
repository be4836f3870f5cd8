"""Mails that have not left, although their time has long come."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from servicedesk.core import clock, mail
from servicedesk.core.actors import SYSTEM
from servicedesk.core.mail import OutgoingMail, is_to_leave
from servicedesk.core.text import Text, msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.parameters import Kind, Parameter
from servicedesk.planning.checks.check import Check
from servicedesk.planning.checks.looking import looking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import Session

    from servicedesk.planning.checks.check import Round

PATIENCE = timedelta(minutes=10)  # so long a mail's own job is trusted to bring it out
FREE_TRIES = 24  # as often as the server is there; then once an hour, as what the server refuses
BATCH = 500
MOST_NAMED = 20

AWAY = msgid("The mail server takes nothing: mails have been waiting since %(oldest_at)s.")
STUCK = msgid("A mail about %(about)s has been waiting since %(since_at)s (tries: %(tries)s).")
GIVEN_UP = msgid("Mails that are not tried any more: %(mails)s.")


class MailRetries(Check):
    """Try again what waits, as soon as the mail server is there: a mail's own job waits up to hours."""

    code = "mail.retries"
    label = msgid("Mails leave")
    description = msgid(
        "Has mails tried again that have not left, once the mail server answers. What waits for hours"
        " is a problem."
    )
    is_housekeeping = True
    parameters = (
        Parameter(
            name="hours",
            label=msgid("A problem after so many hours"),
            kind=Kind.NUMBER,
            least=1,
            most=168,
            default="4",
        ),
        Parameter(
            name="days",
            label=msgid("Given up after so many days"),
            kind=Kind.NUMBER,
            least=1,
            most=30,
            default="3",
        ),
    )

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Ask the server first: trying a thousand mails on a dead one helps nobody."""
        now = clock.now()
        given_up = now - timedelta(days=self.number(parameters, "days"))
        late = now - timedelta(hours=self.number(parameters, "hours"))
        with looking() as session:
            row = session.execute(_count(now, given_up)).one()
        given.seen(0, row.waiting)
        if row.over:
            given.finding(GIVEN_UP, mails=row.over)
        if not row.waiting:
            return Text(msgid("No mail waits."))
        if not mail.is_open():
            tell = given.problem if row.oldest_at < late else given.finding
            tell(AWAY, oldest_at=row.oldest_at)
            return Text(msgid("%(mails)s mails wait for the mail server."), {"mails": row.waiting})
        _name_stuck(given, given_up, late)
        again = _try_again(given, now, given_up, row.waiting)
        return Text(msgid("%(mails)s mails are tried again."), {"mails": again})

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Count them."""
        del client_id
        now = clock.now()
        days = timedelta(days=self.number(parameters, "days"))
        row = session.execute(_count(now, now - days)).one()
        words = msgid("Tries %(mails)s mails again, if the mail server answers.")
        return [Text(words, {"mails": row.waiting}), Text(GIVEN_UP, {"mails": row.over})]


def _waiting(now: datetime, given_up: datetime) -> Any:
    created = OutgoingMail.created_at
    return (created <= now - PATIENCE) & (created > given_up)


def _may_be_tried(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a mail was not tried very often: then it is the mail's own fault."""
    hours = func.extract("epoch", now - OutgoingMail.created_at) / 3600
    return OutgoingMail.attempts < FREE_TRIES + hours


def _count(now: datetime, given_up: datetime) -> Select[int, datetime, int]:
    """Count the mails that wait, and those that nobody tries any more."""
    is_waiting = _waiting(now, given_up)
    return select(
        func.count().filter(is_waiting).label("waiting"),
        func.min(OutgoingMail.created_at).filter(is_waiting).label("oldest_at"),
        func.count().filter(OutgoingMail.created_at <= given_up).label("over"),
    ).where(is_to_leave())


def _name_stuck(given: Round, given_up: datetime, late: datetime) -> None:
    """Tell of mails that the server was offered for hours, the oldest first."""
    with looking() as session:
        stuck = session.execute(
            select(OutgoingMail.subject_reference, OutgoingMail.created_at, OutgoingMail.attempts)
            .where(
                is_to_leave(),
                OutgoingMail.created_at > given_up,
                OutgoingMail.created_at < late,
            )
            .order_by(OutgoingMail.created_at)
            .limit(MOST_NAMED)
        ).all()
    for one in stuck:
        given.problem(
            STUCK, about=one.subject_reference, since_at=one.created_at, tries=one.attempts
        )


def _try_again(given: Round, now: datetime, given_up: datetime, total: int) -> int:
    """Have them tried, a batch in a transaction; return how many."""
    done, last = 0, 0
    while True:
        given.seen(done, max(done, total))
        with unit_of_work(SYSTEM, "mail.retries") as work:
            ids = work.session.scalars(
                select(OutgoingMail.id)
                .where(
                    is_to_leave(),
                    _waiting(now, given_up),
                    _may_be_tried(now),
                    OutgoingMail.id > last,
                )
                .order_by(OutgoingMail.id)
                .limit(BATCH)
            ).all()
            mail.send_again(work.session, ids)
        if not ids:
            return done
        done, last = done + len(ids), ids[-1]
