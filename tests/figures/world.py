"""A desk full of random tickets over several months, written as rows: what reviews are counted from.

The months have the changing clocks in them, contracts begin and end within a month, one is measured by
another calendar from a day on, and many things happen to the microsecond at a month's edge.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from servicedesk.clients.models import Contract, Modality
from servicedesk.sla.clocks import events_of, refresh_all
from servicedesk.sla.models import CalendarVersion, PlanVersion, ServiceLevel, SlaEvent, SlaLedger
from servicedesk.sla.terms import forget_terms
from servicedesk.tickets.models import Ticket, TicketDevice, TicketEntry
from tests.figures.lives import NOW, live
from tests.figures.records import write_records

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from tests.figures.lives import Life

OFFICE = {
    "time_zone": "Europe/Madrid",
    "weekly": [[[480, 840], [900, 1140]]] * 4 + [[[480, 900]], [], []],
    "holidays": [
        ["2026-03-19", "San José", 0, 1440],
        ["2026-04-03", "Viernes Santo", 0, 1440],
        ["2026-10-12", "Fiesta", 0, 1440],
        ["2026-11-02", "Todos", 0, 720],
        ["2026-12-08", "Inmaculada", 0, 1440],
    ],
}
CALENDARS = {
    "office": OFFICE,
    "daily": {"time_zone": "Europe/Madrid", "weekly": [[[540, 1020]]] * 7, "holidays": []},
    "nights": {"time_zone": "Atlantic/Canary", "weekly": [[[1320, 1800]]] * 7, "holidays": []},
    "always": {"time_zone": "America/New_York", "weekly": [[[0, 1440]]] * 7, "holidays": []},
}
HOUR = 3600
PROMISES = {
    "critical": (HOUR, 2 * HOUR, {"seconds": 4 * HOUR}),
    "high": (2 * HOUR, 6 * HOUR, {"seconds": 11 * HOUR}),
    "medium": (4 * HOUR, None, {"seconds": 30 * HOUR}),
    "low": (None, None, {"working_days": 3}),
}
PLAN = {
    "targets": {
        kind: {
            priority: {
                **({"first_response": {"seconds": first}} if first else {}),
                **({"periodic_update": {"seconds": update}} if update else {}),
                "resolution": resolution,
            }
            for priority, (first, update, resolution) in PROMISES.items()
        }
        for kind in ("request", "query", "incident")
    },
    "thresholds": [],
    "notice_calendar": "",
    "round_the_clock": [],
}
FAR = date(2027, 12, 31)
# reference, client's number, first and last day, zone, calendars from a day on
CONTRACTS = (
    ("F-MAD", 0, date(2025, 1, 1), FAR, "Europe/Madrid", {date(2020, 1, 1): "office"}),
    (
        "F-CAN",
        1,
        date(2026, 3, 10),
        date(2026, 10, 20),
        "Atlantic/Canary",
        {date(2020, 1, 1): "nights"},
    ),
    (
        "F-NYC",
        2,
        date(2025, 1, 1),
        date(2026, 4, 15),
        "America/New_York",
        {date(2020, 1, 1): "always"},
    ),
    ("F-NY2", 2, date(2026, 4, 16), FAR, "America/New_York", {date(2020, 1, 1): "office"}),
)
MONTHS = tuple(date(2026, month, 1) for month in (2, 3, 4, 5, 10, 11, 12))
CATEGORIES = ("mail", "access", "hardware")


class World:
    """Writes everything as the owner of the server: rows as they are, without the desk's ways."""

    def __init__(self, make: Any, engine: Engine, seed: int, tickets: int) -> None:
        self.dice = Random(seed)
        self.clients = [make.client() for _ in range(3)]
        self.people = [make.agent(), make.agent()]
        self.contact = make.contact(self.clients[0])
        self.devices = {client.id: make.fleet(client, 5) for client in self.clients}
        forget_terms()
        with Session(engine, expire_on_commit=False, info={"as_owner": True}) as session:
            session.execute(text("SET session_replication_role = replica"))
            self._terms(session)
            self.contracts = self._contracts(session)
            self._tickets(session, tickets)
            write_records(session, self)
            session.execute(text("SET session_replication_role = origin"))
            session.commit()
        forget_terms()

    def _terms(self, session: Session) -> None:
        known = {"effective_on": date(2020, 1, 1), "author_name": "test", "version": 1}
        known["created_at"] = datetime(2020, 1, 1, tzinfo=UTC)
        session.query(CalendarVersion).delete()
        session.query(PlanVersion).delete()
        for code, definition in CALENDARS.items():
            session.add(CalendarVersion(code=code, name=code, definition=definition, **known))
        plan = PlanVersion(code="standard", name="Standard", definition=PLAN, **known)
        session.add(plan)
        session.flush()
        self.plan_id = plan.id
        rows = session.execute(select(CalendarVersion.code, CalendarVersion.id))
        self.calendar_ids = {code: number for code, number in rows}  # noqa: C416

    def _contracts(self, session: Session) -> dict[str, Contract]:
        session.query(ServiceLevel).delete()
        session.query(Contract).delete()
        found = {}
        for reference, number, starts_on, ends_on, zone, levels in CONTRACTS:
            client_id = self.clients[number].id
            contract = Contract(
                client_id=client_id,
                reference=reference,
                modality=Modality.MANAGED,
                starts_on=starts_on,
                ends_on=ends_on,
                time_zone=zone,
                blocks=[],
                engagement_days=10,
            )
            session.add(contract)
            session.flush()
            for since, code in levels.items():
                session.add(
                    ServiceLevel(
                        contract_id=contract.id,
                        client_id=client_id,
                        effective_on=since,
                        plan_code="standard",
                        calendar_code=code,
                    )
                )
            found[reference] = contract
        return found

    def _tickets(self, session: Session, amount: int) -> None:
        names = ("F-MAD", "F-MAD", "F-CAN", "F-NYC", "F-NY2")
        calendars = {row[0]: row[5][date(2020, 1, 1)] for row in CONTRACTS}
        for number in range(1, amount + 1):
            name = names[number % len(names)]
            life = live(number, self.contracts[name], calendars[name], self.dice)
            self._write(session, life)
        session.flush()
        ledgers = session.scalars(select(SlaLedger)).all()
        events = events_of(session, [ledger.id for ledger in ledgers])
        refresh_all(session, ledgers, events, {}, NOW, acts=True)

    def _write(self, session: Session, life: Life) -> None:
        client_id, reference = life.contract.client_id, f"T-{life.number:04d}"
        ledger = SlaLedger(
            client_id=client_id,
            contract_id=life.contract.id,
            subject=reference,
            started_at=life.events[0]["at"],
            started_on=life.events[0]["at"].date(),
            started_slot=0,
            kind=life.kind,
            priority=life.priority,
            queue="support",
            plan_id=self.plan_id,
            calendar_id=self.calendar_ids[life.calendar],
        )
        session.add(ledger)
        session.flush()
        self._write_events(session, life, ledger)
        ticket = Ticket(
            client_id=client_id,
            reference=reference,
            kind=life.kind,
            subject=f"Subject {life.number}",
            description="",
            impact="low",
            urgency="low",
            priority=life.priority,
            category=self.dice.choice((*CATEGORIES, None)) if life.kind == "incident" else None,
            state=life.state,
            queue="support",
            requester_id=self.contact.user_id,
            requester_name="Contact",
            ledger_id=ledger.id,
            created_at=ledger.started_at,
            updated_at=life.at,
            resolved_at=life.resolved_at,
            closed_at=life.closed_at,
            merged_into_id=1 if life.is_merged else None,
            rating=life.rating,
            rated_at=life.rated_at,
            left_out_as=life.left_out_as,
        )
        session.add(ticket)
        session.flush()
        for told in life.entries:
            author = told["author"] and (
                self.contact.user_id if told["side"] == "client" else self.people[0].user_id
            )
            session.add(
                TicketEntry(
                    client_id=client_id,
                    ticket_id=ticket.id,
                    at=told["at"],
                    kind=told["kind"],
                    is_public=told["is_public"],
                    author_id=author or None,
                    author_name="Somebody",
                    author_side=told["side"],
                    body=told["body"],
                    facts=told["facts"],
                )
            )
        for device in self.dice.sample(self.devices[client_id], self.dice.choice((0, 1, 1, 2))):
            session.add(TicketDevice(ticket_id=ticket.id, device_id=device.id, client_id=client_id))

    def _write_events(self, session: Session, life: Life, ledger: SlaLedger) -> None:
        for sequence, told in enumerate(life.events, start=1):
            is_plan = told["kind"] in {"started", "replanned"}
            agent = told.get("agent")
            session.add(
                SlaEvent(
                    client_id=ledger.client_id,
                    ledger_id=ledger.id,
                    sequence=sequence,
                    at=told["at"],
                    kind=told["kind"],
                    party=told.get("party"),
                    plan_id=self.plan_id if is_plan else None,
                    calendar_id=self.calendar_ids[told["calendar"]] if is_plan else None,
                    target_kind=life.kind if is_plan else None,
                    target_priority=told["priority"] if is_plan else None,
                    queue=told.get("queue"),
                    agent_id=self.people[agent].user_id if agent is not None else None,
                    actor="test",
                    evidence={},
                )
            )
