"""Tickets on a plan that warns, and what the clock and the workers make of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import func, select, text

from servicedesk.accounts.models import Notice
from servicedesk.accounts.notices import add_notices
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Actor
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla.cycles import Metric
from servicedesk.sla.jobs import watch
from servicedesk.sla.models import CalendarVersion, PlanVersion, ServiceLevel, SlaWarning
from servicedesk.sla.plan import PRIORITIES
from servicedesk.sla.standard import office_hours
from servicedesk.sla.terms import forget_terms
from servicedesk.tickets.breaches import Explanation
from servicedesk.tickets.handling import assign_ticket
from servicedesk.tickets.intake import NewTicket, open_ticket
from servicedesk.tickets.models import EntryKind, Impact, Ticket, TicketKind, Urgency
from servicedesk.tickets.timeline import tell
from servicedesk.tickets.warnings import NOTICE, tell_warning

MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)  # ten in Madrid
ALWAYS = {"time_zone": "Europe/Madrid", "weekly": [[[0, 1440]]] * 7, "holidays": []}
# of targets that were missed: whoever resolves says it
WHY = Explanation(cause="workload", words="A peak.")
CLASSES = {
    "critical": (Impact.HIGH, Urgency.HIGH),
    "high": (Impact.HIGH, Urgency.MEDIUM),
    "medium": (Impact.MEDIUM, Urgency.MEDIUM),
    "low": (Impact.LOW, Urgency.LOW),
}


def threshold(percent: int, *reaches: str, raises: bool = False, queue: str = "", **more) -> dict:
    return {
        "percent": percent,
        "reaches": sorted(reaches),
        "metrics": ["resolution"],
        "priorities": sorted(PRIORITIES),
        "raises": raises,
        "queue": queue,
        **more,
    }


@dataclass(frozen=True, kw_only=True)
class Told:
    """A mail to somebody and what it says."""

    to: str
    facts: dict


class ClockStory:
    """A client whose contract warns; its tickets, and the people who hear of them."""

    def __init__(self, make, *thresholds: dict, always: bool = False, **plan) -> None:
        self.make = make
        self.client = make.client()
        self.contact, self.agent = make.contact(self.client), make.agent()
        with database.acting_as(SYSTEM):
            session = database.session()
            row = session.scalars(select(PlanVersion)).one()
            row.definition = {**row.definition, "thresholds": list(thresholds), **plan}
            if always:  # the client's clock never rests; people go home as on the standard plan
                day = date(2020, 1, 1)
                office = session.scalars(select(CalendarVersion)).one()
                office.definition = office_hours().to_json()
                session.add(
                    CalendarVersion(
                        code="always",
                        version=1,
                        name="Always",
                        effective_on=day,
                        definition=ALWAYS,
                        created_at=datetime.now(UTC),
                        author_name="test",
                    )
                )
                level = session.scalars(
                    select(ServiceLevel).where(ServiceLevel.client_id == self.client.id)
                ).one()
                level.calendar_code = "always"
            session.commit()
        forget_terms()

    def open(self, priority: str = "medium", at: datetime = MONDAY) -> Ticket:
        impact, urgency = CLASSES[priority]
        new = NewTicket(
            kind=TicketKind.INCIDENT,
            subject="The scanner <b>is</b> dead",
            description="Since this morning.",
            impact=impact,
            urgency=urgency,
        )
        with clock.told_as(at):
            return open_ticket(self.contact, new)

    def give(self, ticket: Ticket, agent: Actor) -> None:
        with clock.told_as(ticket.created_at):
            assign_ticket(self.agent, ticket.reference, agent.user_id)


def sweep_at(at: datetime) -> None:
    with clock.told_as(at):
        watch()


def tell_at(at: datetime, *ids: int) -> None:
    with clock.told_as(at):
        for warning_id in ids or [row.id for row in warnings()]:
            tell_warning(warning_id)


def warnings() -> list[SlaWarning]:
    return rows(select(SlaWarning).order_by(SlaWarning.id))


def fresh(ticket: Ticket) -> Ticket:
    return rows(select(Ticket).where(Ticket.id == ticket.id))[0]


def rows(query) -> list:
    with database.acting_as(SYSTEM):
        session = database.session()
        session.expunge_all()
        session.rollback()
        found = list(session.scalars(query))
        session.expunge_all()
        session.rollback()
    return found


def mails() -> list[Told]:
    """The warnings sent by mail so far, and nothing else."""
    found = _asked(
        "SELECT recipient, context FROM outgoing_mail WHERE template = 'sla_warning' ORDER BY id"
    )
    return [Told(to=row[0], facts=row[1]) for row in found]


def asked_again() -> list[datetime]:
    """When workers are to tell warnings."""
    found = _asked(
        "SELECT scheduled_at FROM procrastinate_jobs WHERE task_name = 'tickets.tell_warning'"
        " AND status = 'todo' ORDER BY id"
    )
    return [row[0] for row in found]


def _asked(question: str) -> list:
    session = database.session()
    session.rollback()
    # the queue and the mails are nobody's to read: as the owner
    session.execute(text("RESET ROLE"))
    found = session.execute(text(question)).all()
    session.rollback()
    return list(found)


def audited(act: str) -> int:
    found = _asked(f"SELECT count(*) FROM audit_entry WHERE act = '{act}'")
    return int(found[0][0])


def count_of(model) -> int:
    return int(rows(select(func.count()).select_from(model))[0])


def names(*people: Actor) -> list[str]:
    return sorted(person.name for person in people)


def notify(client_id: int, reference: str, *people: Actor, **facts: object) -> list[int]:
    """Tell people of a clock in the desk; return the notices, oldest first."""
    told = {
        "title": "The scanner <b>is</b> dead",
        "client": "Somebody Ltd",
        "metric": "resolution",
        "percent": 75,
        "left": 3600,
        "due_at": MONDAY,
    }
    with unit_of_work(SYSTEM, "tests.notify") as work:
        add_notices(
            work,
            [person.user_id or 0 for person in people],
            kind=NOTICE,
            reference=reference,
            client_id=client_id,
            **told | facts,
        )
    query = select(Notice.id).where(Notice.reference == reference).order_by(Notice.id)
    return rows(query)[-len(people) :]


def warned(ticket: Ticket) -> None:
    """Have a ticket look as if its clock had warned in each way, and escalated it."""
    with unit_of_work(SYSTEM, "tests.warned") as work:
        found = work.session.get_one(Ticket, ticket.id)
        found.escalation = 2
        tell(
            work,
            found,
            EntryKind.ESCALATED,
            is_public=False,
            plan="Standard v1",
            metric="resolution",
            percent=100,
            escalation=2,
            queue="security",
        )
        outcomes = {50: "passed_over", 75: "told", 90: "cause_gone", 95: "told", 100: None}
        for percent, outcome in outcomes.items():
            work.session.add(
                SlaWarning(
                    client_id=ticket.client_id,
                    ledger_id=ticket.ledger_id,
                    metric=Metric.RESOLUTION,
                    ordinal=2,
                    percent=percent,
                    reached_at=work.at,
                    fired_at=work.at,
                    tell_at=work.at,
                    told_at=work.at if outcome == "told" else None,
                    outcome=outcome,
                    told_to=["Ana", "Berta"] if percent == 75 else [],
                )
            )
