"""The figures of the service levels once more, plainly: from every event of every ledger."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import select

from servicedesk.clients.models import Client
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.sla.clocks import ledger_events
from servicedesk.sla.cycles import Standing, Verdict
from servicedesk.sla.evaluation import evaluation_of
from servicedesk.sla.models import SlaLedger

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor
    from servicedesk.sla.calendar import BusinessCalendar
    from servicedesk.sla.cycles import Cycle
    from servicedesk.sla.evidence import Evidence

MADRID = ZoneInfo("Europe/Madrid")
ENDS = (1, 3, 7, 15, 30)


@dataclass(frozen=True)
class Plain:
    """One ledger as its events say, at this moment."""

    subject: str
    client_id: int
    client: str
    kind: str
    priority: str
    queue: str
    agent_id: int | None
    standing: Standing
    started: datetime
    cycles: tuple[Cycle, ...]


def told(session, actor: Actor) -> list[Plain]:
    """Return every ledger of the actor's clients."""
    clients = {row[0]: row[1] for row in session.execute(select(Client.id, Client.reference))}
    found = []
    for ledger in session.scalars(select(SlaLedger)).all():
        if actor.client_ids is not None and ledger.client_id not in actor.client_ids:
            continue
        events = ledger_events(session, ledger.id)
        evaluation = evaluation_of(events, clock.now())
        terms = [event.terms for event in events if event.terms][-1]
        found.append(
            Plain(
                subject=ledger.subject,
                client_id=ledger.client_id,
                client=clients[ledger.client_id],
                kind=terms.kind,
                priority=terms.priority,
                queue=evaluation.queue,
                agent_id=evaluation.agent_id,
                standing=evaluation.standing,
                started=events[0].at.astimezone(MADRID),
                cycles=evaluation.cycles,
            )
        )
    return found


def month_of(cycle: Cycle) -> str:
    at = cycle.counted_at.astimezone(MADRID)
    return f"{at.year}-{at.month:02d}"


def age(calendar: BusinessCalendar, started: datetime) -> int:
    """Return how many working days came after the day of arrival."""
    today = clock.now().astimezone(MADRID).date()
    day, days = started.date(), 0
    while day < today:
        day += timedelta(days=1)
        begin, end = (
            datetime.combine(one, time(), MADRID) for one in (day, day + timedelta(days=1))
        )
        days += calendar.between(begin, end) > timedelta(0)
    return days


def bucket_of(days: int) -> int:
    return sum(days > end for end in ENDS)


def behind(ledgers: list[Plain], asked: Evidence) -> Counter[str]:
    """Return the references behind a figure, each as often as it counts."""
    found: Counter[str] = Counter()
    for one in ledgers:
        if asked.client and one.client != asked.client:
            continue
        if not asked.counts_cycles:
            found[one.subject] += _is_of(asked, one) and _stands(asked, one)
            continue
        for cycle in one.cycles:
            if cycle.verdict in {Verdict.MET, Verdict.BREACHED}:
                found[one.subject] += _counts(asked, cycle)
    return +found


def _counts(asked: Evidence, cycle: Cycle) -> bool:
    outcomes = {
        "": True,
        "met": cycle.verdict is Verdict.MET,
        "near": cycle.is_near_miss,
        "breached": cycle.verdict is Verdict.BREACHED,
    }
    return (
        outcomes[asked.outcome]
        and asked.metric in {"", cycle.metric.value}
        and asked.month in {"", month_of(cycle)}
        and asked.kind in {"", cycle.terms.kind}
        and asked.priority in {"", cycle.terms.priority}
        and asked.queue in {"", cycle.queue}
        and asked.agent in {"", str(cycle.agent_id or "none")}
    )


def _is_of(asked: Evidence, one: Plain) -> bool:
    return (
        asked.kind in {"", one.kind}
        and asked.priority in {"", one.priority}
        and asked.queue in {"", one.queue}
        and asked.agent in {"", str(one.agent_id or "none")}
    )


def _stands(asked: Evidence, one: Plain) -> bool:
    is_open = one.standing not in {Standing.ENDED, Standing.MERGED}
    day = one.started.date()
    return (
        (not asked.sla or (is_open and asked.sla in {"open", one.standing.value}))
        and (
            not asked.arrived
            or (one.standing is not Standing.MERGED and f"{day:%Y-%m}" == asked.arrived)
        )
        and asked.weekday in {"", str(day.isoweekday())}
        and asked.hour in {"", str(one.started.hour)}
        and (not asked.opened_from or day >= date.fromisoformat(asked.opened_from))
        and (not asked.opened_to or day <= date.fromisoformat(asked.opened_to))
    )


def read(actor: Actor) -> list[Plain]:
    """Return every ledger of the actor's clients, read as the desk itself."""
    session = database.session()
    session.rollback()
    with database.acting_as(SYSTEM):
        found = told(session, actor)
        session.rollback()
    return found
