"""Reviews of tests: a month of tickets, its review drafted, written and published at told times."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.reviews.drafting import draft_review
from servicedesk.reviews.models import Mark, Place, ReviewContent, ServiceReview
from servicedesk.reviews.publishing import publish_review
from servicedesk.reviews.queries import review_view
from servicedesk.reviews.writing import give_mark, write_text
from servicedesk.tickets.closing import close_with_verdict
from servicedesk.tickets.handling import move_ticket
from servicedesk.tickets.intake import NewTicket, open_ticket
from servicedesk.tickets.models import TicketKind
from tests.engagement_story import with_contract

if TYPE_CHECKING:
    from servicedesk.clients.models import Client, Contract
    from servicedesk.core.actors import Actor
    from servicedesk.tickets.models import Ticket

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


def at(month: int, day: int, hour: int = 10) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


DRAFTED = at(11, 2, 5)  # a Monday; the first is a Sunday
PUBLISHED = at(11, 3)


class Month:
    """A client with two tickets solved in October 2026, one of them closed with a score."""

    def __init__(self, make, client: Client | None = None) -> None:
        self.client = client or make.client()
        self.contact = make.contact(self.client)
        self.manager = make.person(Role.ACCOUNT_MANAGER, self.client)
        self.agent = make.agent()
        self.contract: Contract = with_contract(
            make, self.client, starts_on=date(2026, 9, 1), ends_on=date(2027, 12, 31)
        )
        self.tickets = [self.ticket("Mail"), self.ticket("Wifi")]
        with clock.told_as(at(10, 28)):
            close_with_verdict(self.contact, self.tickets[0].reference, "solved", 5, "Quick")

    def ticket(self, subject: str, month: int = 10) -> Ticket:
        with clock.told_as(at(month, 27)):
            ticket = open_ticket(
                self.contact,
                NewTicket(kind=TicketKind.QUERY, subject=subject, description="It is so."),
            )
            move_ticket(self.agent, ticket.reference, "take")
        with clock.told_as(at(month, 27, 11)):
            return move_ticket(self.agent, ticket.reference, "resolve", words="Done")

    def draft(self, month: date = OCTOBER, now: datetime = DRAFTED) -> str:
        with clock.told_as(now):
            reference = draft_review(self.contract.id, month)
        assert reference
        return reference

    def publish(self, reference: str, now: datetime = PUBLISHED) -> ServiceReview:
        with clock.told_as(now):
            write_text(self.manager, reference, Place.VERDICT, "All well", version=0)
        return self.publish_written(reference, now)

    def publish_written(self, reference: str, now: datetime = PUBLISHED) -> ServiceReview:
        with clock.told_as(now):
            give_mark(self.manager, reference, Mark.GOOD)
            seen = seen_by(self.manager, reference)
            return publish_review(self.manager, reference, fingerprint=seen.fingerprint)


def seen_by(actor: Actor, reference: str):
    """Return a review with all that stands in it, as an actor reads it."""
    with database.acting_as(actor):
        session = database.session()
        session.expunge_all()
        session.rollback()
        view = review_view(actor, reference)
        session.expunge_all()
        session.rollback()
    return view


def kept(reference: str) -> tuple[str, bytes, str | None]:
    """Return content, evidence and hash as they are kept, to the byte."""
    with database.acting_as(SYSTEM):
        session = database.session()
        session.expunge_all()
        session.rollback()
        row = session.execute(
            select(ReviewContent.content, ReviewContent.evidence, ServiceReview.hash)
            .join(ServiceReview, ServiceReview.id == ReviewContent.review_id)
            .where(ServiceReview.reference == reference)
        ).one()
        session.rollback()
    return tuple(row)
