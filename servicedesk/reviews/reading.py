"""Reading tickets of a month: their facts with their ledgers, what was said, which incidents came."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, or_, select

from servicedesk.core.actors import Side
from servicedesk.orders.models import OrderTarget
from servicedesk.reviews.decisions import stored
from servicedesk.reviews.facts import IncidentFacts, Said, TicketFacts
from servicedesk.reviews.records import commands_of, runs_of
from servicedesk.reviews.stories import story_of
from servicedesk.sla import terms
from servicedesk.sla.evaluation import LedgerEvent
from servicedesk.sla.models import CalendarVersion, SlaEvent, SlaLedger
from servicedesk.tickets.models import (
    EntryKind,
    Ticket,
    TicketDevice,
    TicketEntry,
    TicketKind,
    TicketOrder,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from servicedesk.reviews.facts import CycleFacts
    from servicedesk.reviews.period import Period
    from servicedesk.reviews.records import CommandFacts, RunFacts
    from servicedesk.reviews.stories import Story
    from servicedesk.sla.cycles import Terms
    from servicedesk.tickets.outcomes import LeftOut

REPEATED_WITHIN = timedelta(days=30)
_MESSAGES = (EntryKind.MESSAGE, EntryKind.ANSWERED)
_DECISIONS = (EntryKind.DECIDED, EntryKind.RATED)  # with words, a score or both


class Reading:
    """What some months of a contract have in common: read once, each part when it is first asked for."""

    def __init__(self, session: Session, span: Period, counted_at: datetime) -> None:
        """Tell of which days."""
        self.session = session
        self.span = span
        self.counted_at = counted_at

    @cached_property
    def tickets(self) -> Sequence[tuple[Any, Story]]:
        """Return the rows of tickets that were open, resolved or rated since the first day, in order."""
        rows = self.session.execute(_tickets(self.span)).all()
        events = _events(self.session, [row.ledger_id for row in rows])
        return [(row, story_of(events[row.ledger_id])) for row in rows]

    @cached_property
    def said(self) -> Mapping[int, Sequence[Said]]:
        """Return what was said in public after the opening, by the ticket's id, oldest first."""
        return said_of(self.session, [row.id for row, _story in self.tickets])

    @cached_property
    def cycles(self) -> Sequence[CycleFacts]:
        """Return the cycles as the clocks keep them."""
        return stored(self.session, self.span, {row.ledger_id: row for row, _ in self.tickets})

    @cached_property
    def incidents(self) -> Sequence[IncidentFacts]:
        """Return the incidents since thirty days before the first day."""
        return incidents_of(self.session, self.span)

    @cached_property
    def commands(self) -> Sequence[CommandFacts]:
        """Return the commands that left."""
        return commands_of(self.session, self.span, self.counted_at)

    @cached_property
    def runs(self) -> Sequence[RunFacts]:
        """Return the planned times."""
        return runs_of(self.session, self.span, self.counted_at)


def _tickets(span: Period) -> Select[int, int, str, str, LeftOut | None, datetime | None]:
    return (
        select(
            Ticket.id,
            Ticket.ledger_id,
            Ticket.reference,
            Ticket.subject,
            Ticket.left_out_as,
            Ticket.rated_at,
        )
        .join(SlaLedger, SlaLedger.id == Ticket.ledger_id)
        .where(
            Ticket.client_id == span.client_id,
            SlaLedger.contract_id == span.contract_id,
            SlaLedger.started_at < span.end,
            or_(
                Ticket.resolved_at >= span.start,
                and_(
                    Ticket.resolved_at.is_(None),
                    or_(Ticket.closed_at.is_(None), Ticket.closed_at >= span.start),
                ),
                Ticket.rated_at >= span.start,
            ),
        )
        .order_by(Ticket.id)
    )


def tickets_in(read: Sequence[tuple[Any, Story]], period: Period) -> Sequence[TicketFacts]:
    """Return the tickets of a month among those read, as they stood at its end."""
    start, end = period.start, period.end
    return [
        _facts(row, story, end)
        for row, story in read
        if story.created_at < end
        and (story.is_alive_at(start) or (row.rated_at is not None and row.rated_at >= start))
    ]


def _facts(row: Any, story: Story, end: datetime) -> TicketFacts:
    planned = _terms_at(story.events, end)
    return TicketFacts(
        id=row.id,
        ledger_id=row.ledger_id,
        reference=row.reference,
        subject=row.subject,
        kind=planned.kind,
        priority=planned.priority,
        left_out_as=row.left_out_as.value if row.left_out_as else "",
        story=story,
        calendar=planned.calendar,
    )


def _terms_at(events: Sequence[LedgerEvent], end: datetime) -> Terms:
    return next(event.terms for event in reversed(events) if event.terms and event.at < end)


def _events(session: Session, ledger_ids: Sequence[int]) -> Mapping[int, list[LedgerEvent]]:
    newest = _newest_versions(session)
    found: dict[int, list[LedgerEvent]] = defaultdict(list)
    rows = session.execute(
        select(
            SlaEvent.ledger_id,
            SlaEvent.at,
            SlaEvent.sequence,
            SlaEvent.kind,
            SlaEvent.party,
            SlaEvent.queue,
            SlaEvent.agent_id,
            SlaEvent.plan_id,
            SlaEvent.calendar_id,
            SlaEvent.target_kind,
            SlaEvent.target_priority,
        ).where(SlaEvent.ledger_id == func.any(list(ledger_ids)))
    )
    for ledger_id, at, sequence, kind, party, queue, agent_id, plan_id, calendar_id, *of in rows:
        planned = None
        if plan_id is not None and calendar_id is not None:
            planned = terms.terms_of(session, plan_id, calendar_id, newest[calendar_id], *of)
        found[ledger_id].append(
            LedgerEvent(
                at=at,
                sequence=sequence,
                kind=kind,
                party=party,
                terms=planned,
                queue=queue or "",
                agent_id=agent_id,
            )
        )
    return found


def _newest_versions(session: Session) -> Mapping[int, int]:
    """Return the newest version of the calendar that each version is of."""
    newest = func.max(CalendarVersion.id).over(partition_by=CalendarVersion.code)
    rows = session.execute(select(CalendarVersion.id, newest)).all()
    return {row[0]: row[1] for row in rows}


def said_of(session: Session, ticket_ids: Sequence[int]) -> Mapping[int, Sequence[Said]]:
    """Return what was said in public after the opening, by the ticket's id, oldest first."""
    found: dict[int, list[Said]] = defaultdict(list)
    decides = TicketEntry.kind.in_(_DECISIONS)  # of a message the words are not needed, and long
    rows = session.execute(
        select(
            TicketEntry.ticket_id,
            TicketEntry.at,
            TicketEntry.author_side,
            TicketEntry.author_id,
            decides,
            case((decides, TicketEntry.body), else_=""),
            case((decides, TicketEntry.facts["rating"].as_integer())),
        )
        .where(
            TicketEntry.ticket_id == func.any(list(ticket_ids)),
            TicketEntry.kind.in_((*_MESSAGES, *_DECISIONS)),
            TicketEntry.is_public,
        )
        .order_by(TicketEntry.ticket_id, TicketEntry.at, TicketEntry.id)
    )
    for ticket_id, at, side, author_id, is_decision, words, score in rows:
        if not is_decision or words or score is not None:
            found[ticket_id].append(
                Said(
                    at=at,
                    by_client=side is Side.CLIENT,
                    by_person=author_id is not None,
                    words=words,
                    score=score,
                )
            )
    return found


def incidents_of(session: Session, period: Period) -> Sequence[IncidentFacts]:
    """Return the incidents of some months and of the thirty days before them, oldest first."""
    named = select(TicketDevice.device_id).where(TicketDevice.ticket_id == Ticket.id)
    ordered = (
        select(OrderTarget.device_id)
        .join(TicketOrder, TicketOrder.order_id == OrderTarget.order_id)
        .where(TicketOrder.ticket_id == Ticket.id)
    )
    rows = session.execute(
        select(
            Ticket.reference,
            Ticket.category,
            SlaLedger.started_at,
            Ticket.merged_into_id,
            Ticket.left_out_as,
            Ticket.closed_at,
            func.array(named.scalar_subquery()).label("named"),
            func.array(ordered.scalar_subquery()).label("ordered"),
        )
        .join(SlaLedger, SlaLedger.id == Ticket.ledger_id)
        .where(
            SlaLedger.contract_id == period.contract_id,
            SlaLedger.started_at >= period.start - REPEATED_WITHIN,
            SlaLedger.started_at < period.end,
            Ticket.kind == TicketKind.INCIDENT,
        )
        .order_by(SlaLedger.started_at, Ticket.id)
    )
    return [
        IncidentFacts(
            reference=row.reference,
            category=row.category.value if row.category else "",
            started_at=row.started_at,
            device_ids=frozenset([*row.named, *row.ordered]),
            set_aside_at=row.closed_at if row.merged_into_id or row.left_out_as else None,
        )
        for row in rows
    ]
