"""`python -m benchmarks.what_if`: a contract's 13 months under half the time, at 10,000 tickets."""

from __future__ import annotations

import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, func, insert, select, text
from sqlalchemy.orm import scoped_session, sessionmaker

from servicedesk import schema
from servicedesk.core import database, embedded_postgres
from servicedesk.core.actors import SYSTEM, Actor, Role
from servicedesk.sla.cycles import Party
from servicedesk.sla.derivation import derive
from servicedesk.sla.evaluation import EventKind, LedgerEvent
from servicedesk.sla.models import CalendarVersion, PlanVersion, SlaCycle, SlaEvent, SlaLedger
from servicedesk.sla.plan import KINDS, PRIORITIES
from servicedesk.sla.standard import BEGINNING, office_hours, standard_plan
from servicedesk.sla.terms import terms_of
from servicedesk.sla.what_if import jobs
from servicedesk.sla.what_if.asking import ask_what_if
from servicedesk.sla.what_if.models import WhatIf, WhatIfChange
from servicedesk.sla.what_if.wishes import Wish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

TICKETS = 10_000
AIM = 30.0  # seconds
PEOPLE: Sequence[str] = (
    """INSERT INTO "user" (email, name, role, language, time_zone, is_active, session_version,
           created_at)
       VALUES ('s@bench.test', 'Supervisor', 'supervisor', 'es', 'Europe/Madrid', true, 1, now())""",
    """INSERT INTO client (reference, name, tax_id, sector, city, created_at)
       VALUES ('CLI-B1', 'Client', 'B1', 'Logistics', 'Bilbao', now())""",
    """INSERT INTO contract (client_id, reference, modality, starts_on, ends_on, time_zone, blocks,
           engagement_days, wipes_per_order, wipes_per_hour, wipe_share_per_day,
           cancel_window_minutes, location_days)
       VALUES (1, 'CTR-B1', 'advanced_managed', current_date - 500, current_date + 500,
           'Europe/Madrid', ARRAY['device_security'], 16, 1, 5, 0.02, 30, 30)""",
)


def main() -> None:
    """Make the tickets, ask, count, print, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        embedded_postgres.ensure_running(folder, throw_away=True)
        try:
            address = embedded_postgres.url(folder)
            schema.upgrade(address)
            engine = create_engine(address)
            database.use_sessions(scoped_session(sessionmaker(engine, expire_on_commit=False)))
            database.become(SYSTEM)
            write_tickets(database.session())
            measure(engine)
            database.session().close()
            engine.dispose()
        finally:
            embedded_postgres.stop(folder)


def measure(engine: Any) -> None:
    """Print how long a what-if takes, and how many statements it needs."""
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    supervisor = Actor(role=Role.SUPERVISOR, name="Supervisor", user_id=1)
    asked = ask_what_if(supervisor, Wish(contract="CTR-B1", months=13, factor_percent=50))
    statements.clear()
    began = time.perf_counter()
    jobs.count(what_if_id=asked.id)
    took = time.perf_counter() - began
    session = database.session()
    session.expunge_all()
    found = session.get_one(WhatIf, asked.id)
    changes = session.scalar(select(func.count(WhatIfChange.id)))
    print(
        f"what-if: {found.state}, {found.done} of {found.total} tickets in {took:.1f} s"
        f" (aim {AIM:.0f} s), {changes} other verdicts, {len(statements)} statements"
    )


def write_tickets(session: Session) -> None:
    """Write ledgers as a year leaves them: answers, waits, a replan here and there, resolutions."""
    with session.connection().engine.begin() as connection:
        for statement in PEOPLE:
            connection.execute(text(statement))
    session.rollback()
    rules = {"effective_on": BEGINNING, "created_at": datetime.now(UTC), "author_name": "bench"}
    office, plan = office_hours().to_json(), standard_plan().to_json()
    session.add(
        CalendarVersion(code="office", version=1, name="Office", definition=office, **rules)
    )
    session.add(PlanVersion(code="standard", version=1, name="Plan", definition=plan, **rules))
    session.commit()
    dice, now = random.Random(7), datetime.now(UTC)
    ledgers: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    cycles: list[dict[str, Any]] = []
    for number in range(1, TICKETS + 1):
        told = ledger(session, dice, now)
        derived = derive(told, now, {})
        own = {"client_id": 1, "ledger_id": number}
        subject = {"client_id": 1, "contract_id": 1, "subject": f"INC-B-{number:06d}"}
        ledgers.append(subject | dict(derived.ledger))
        events += [own | _row(event) for event in told]
        cycles += [
            own | {"metric": metric, "ordinal": ordinal} | dict(columns)
            for (metric, ordinal), columns in derived.cycles.items()
        ]
    for model, rows in ((SlaLedger, ledgers), (SlaEvent, events), (SlaCycle, cycles)):
        session.execute(insert(model), rows)
    session.commit()
    print(f"{len(ledgers)} ledgers, {len(events)} events, {len(cycles)} cycles")


def ledger(session: Session, dice: random.Random, now: datetime) -> list[LedgerEvent]:
    """Return a ticket's events; some are still open."""
    kind, priority = dice.choice(KINDS), dice.choice(PRIORITIES)
    at = now - timedelta(days=dice.uniform(1, 400))
    told = [_event(at, EventKind.STARTED, terms=terms_of(session, 1, 1, 1, kind, priority))]
    for _ in range(dice.randrange(1, 4)):
        at += timedelta(hours=dice.expovariate(0.2))
        told.append(_event(at, EventKind.RESPONDED))
        if dice.random() < 0.5:
            party = dice.choice(list(Party))
            told.append(_event(at, EventKind.PAUSED, party=party))
            at += timedelta(hours=dice.expovariate(0.05))
            told.append(_event(at, EventKind.RESUMED, party=party))
    if dice.random() < 0.1:
        other = terms_of(session, 1, 1, 1, kind, dice.choice(PRIORITIES))
        told.append(_event(at, EventKind.REPLANNED, terms=other))
    told.append(_event(at + timedelta(hours=dice.expovariate(0.2)), EventKind.RESOLVED))
    known = [event for event in told if event.at <= now]
    return [
        LedgerEvent(**{**vars(event), "sequence": number})
        for number, event in enumerate(known, start=1)
    ]


def _event(at: datetime, kind: EventKind, **more: Any) -> LedgerEvent:
    return LedgerEvent(at=at, sequence=0, kind=kind, queue="support", actor="bench", **more)


def _row(event: LedgerEvent) -> dict[str, Any]:
    terms = event.terms
    return {
        "sequence": event.sequence,
        "at": event.at,
        "kind": event.kind,
        "party": event.party,
        "plan_id": 1 if terms else None,
        "calendar_id": 1 if terms else None,
        "target_kind": terms.kind if terms else None,
        "target_priority": terms.priority if terms else None,
        "queue": event.queue,
        "actor": event.actor,
        "evidence": {},
    }


if __name__ == "__main__":
    main()
