"""Which cycles were decided in a month: as the clocks keep them, and as they were before later turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, select

from servicedesk.reviews.facts import CycleFacts
from servicedesk.sla.cycles import COUNTED, Verdict
from servicedesk.sla.derivation import numbered
from servicedesk.sla.evaluation import EventKind, evaluation_of
from servicedesk.sla.models import SlaCycle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from servicedesk.reviews.facts import TicketFacts
    from servicedesk.reviews.period import Period
    from servicedesk.sla.cycles import Cycle
    from servicedesk.sla.derivation import CycleKey

# what takes back what a cycle was
REWRITES = frozenset({EventKind.REPLANNED, EventKind.WITHDRAWN, EventKind.MERGED})
# what a month has to say of; one that runs has its target run out as the day closed
_TOLD = frozenset({*COUNTED, Verdict.SUPERSEDED, Verdict.RUNNING})
_BY_TARGET = frozenset({Verdict.BREACHED, Verdict.RUNNING})


def decided_in(
    period: Period, tickets: Sequence[TicketFacts], kept: Sequence[CycleFacts]
) -> Sequence[CycleFacts]:
    """Return what was met, breached or superseded in a month, oldest ticket first.

    `kept` is what the clocks keep. A ticket that was replanned, withdrawn or merged after the month is
    told as it was at its end.
    """
    rewritten = {one.ledger_id: one for one in tickets if _is_rewritten(one, period.end)}
    found = [
        cycle
        for ticket in rewritten.values()
        for cycle in _as_they_were(ticket, period)
        if cycle.verdict is not Verdict.RUNNING
    ]
    found += [
        cycle
        for cycle in kept
        if cycle.ledger_id not in rewritten and period.holds(cycle.decided_at)
    ]
    return sorted(found, key=lambda one: (one.ledger_id, one.metric, one.ordinal))


def as_it_stood(ticket: TicketFacts, at: datetime) -> dict[CycleKey, Cycle]:
    """Return the cycles of a ticket as they stood just before an instant."""
    events = [event for event in ticket.story.events if event.at < at]
    return numbered(evaluation_of(events, at).cycles)


def _is_rewritten(ticket: TicketFacts, after: datetime) -> bool:
    return any(event.at >= after and event.kind in REWRITES for event in ticket.story.events)


def stored(session: Session, span: Period, by_ledger: Mapping[int, Any]) -> Sequence[CycleFacts]:
    """Return the cycles of some tickets, by their ledgers, that were decided in a span of days."""
    # a breach is decided when its target runs out, anything else when it stops
    decided_at = case(
        (SlaCycle.verdict.in_(_BY_TARGET), SlaCycle.due_at), else_=SlaCycle.stopped_at
    )
    rows = session.execute(
        select(
            SlaCycle.ledger_id,
            SlaCycle.metric,
            SlaCycle.ordinal,
            SlaCycle.kind,
            SlaCycle.priority,
            SlaCycle.verdict,
            SlaCycle.is_near_miss,
            SlaCycle.target_seconds,
            decided_at,
        ).where(
            SlaCycle.ledger_id == func.any(list(by_ledger)),
            SlaCycle.verdict.in_(_TOLD),
            decided_at >= span.start,
            decided_at < span.end,
        )
    )
    return [
        CycleFacts(
            ledger_id=ledger_id,
            reference=by_ledger[ledger_id].reference,
            subject=by_ledger[ledger_id].subject,
            metric=metric,
            ordinal=ordinal,
            kind=kind,
            priority=priority,
            verdict=verdict,
            is_near_miss=is_near_miss,
            target_seconds=target_seconds,
            decided_at=at,
        )
        for ledger_id, metric, ordinal, kind, priority, verdict, is_near_miss, target_seconds, at in rows
    ]


def _as_they_were(ticket: TicketFacts, period: Period) -> Iterator[CycleFacts]:
    for (metric, ordinal), cycle in as_it_stood(ticket, period.end).items():
        at = cycle.due_at if cycle.verdict in _BY_TARGET else cycle.stopped_at
        if cycle.verdict in _TOLD and at is not None and period.holds(at):
            yield CycleFacts(
                ledger_id=ticket.ledger_id,
                reference=ticket.reference,
                subject=ticket.subject,
                metric=metric,
                ordinal=ordinal,
                kind=cycle.terms.kind,
                priority=cycle.terms.priority,
                verdict=cycle.verdict,
                is_near_miss=cycle.is_near_miss,
                target_seconds=int(cycle.target.total_seconds()),
                decided_at=at,
            )
