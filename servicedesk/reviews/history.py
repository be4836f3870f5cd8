"""What happened in a contract's month, read once for all figures: rows become plain facts.

Everything is told as it stood at the end of the month, whenever it is read; what only later events
can tell (a reopening, a device's answer) is told as it is known at `counted_at`. The number of
statements does not grow with what there is.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, or_, select

from servicedesk.core.actors import Side
from servicedesk.reviews.records import commands_of, fleet_of, runs_of, year_of
from servicedesk.reviews.stories import story_of
from servicedesk.sla import terms
from servicedesk.sla.calendar import compiled
from servicedesk.sla.clocks import events_of, told_of
from servicedesk.sla.cycles import COUNTED, Verdict
from servicedesk.sla.derivation import numbered
from servicedesk.sla.evaluation import EventKind, LedgerEvent, evaluation_of
from servicedesk.sla.models import CalendarVersion, ServiceLevel, SlaCycle, SlaEvent, SlaLedger
from servicedesk.sla.standard import office_hours
from servicedesk.tickets.models import EntryKind, Ticket, TicketDevice, TicketEntry, TicketKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from servicedesk.clients.models import Contract
    from servicedesk.devices.conformity.snapshots import FleetSnapshot
    from servicedesk.reviews.period import Period
    from servicedesk.reviews.records import CommandFacts, RunFacts, YearFacts
    from servicedesk.reviews.stories import Story
    from servicedesk.sla.calendar import BusinessCalendar
    from servicedesk.sla.cycles import Metric

REPEATED_WITHIN = timedelta(days=30)
_SAID = (EntryKind.MESSAGE, EntryKind.ANSWERED)


@dataclass(frozen=True, kw_only=True, slots=True)
class TicketFacts:
    """A ticket as far as figures ask about it."""

    id: int
    ledger_id: int
    reference: str
    subject: str
    kind: str
    priority: str
    left_out_as: str  # spam or test
    rating: int | None
    rating_comment: str
    rated_at: datetime | None
    story: Story
    calendar: BusinessCalendar

    @property
    def tags(self) -> dict[str, str]:
        """Return what figures are broken down by."""
        return {"kind": self.kind, "priority": self.priority}

    def is_set_aside(self, at: datetime) -> bool:
        """Whether it was merged into another, or was spam or a test, before an instant."""
        last = self.story.before(at)
        return last is EventKind.MERGED or (last is EventKind.WITHDRAWN and self.left_out_as != "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A public message, and who wrote it."""

    at: datetime
    by_client: bool
    by_person: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class CycleFacts:
    """A cycle that was decided in the month, or superseded in it."""

    ledger_id: int
    reference: str
    subject: str
    metric: Metric
    ordinal: int
    kind: str
    priority: str
    verdict: Verdict
    is_near_miss: bool
    target_seconds: int
    decided_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentFacts:
    """An incident with what makes it a repeat."""

    reference: str
    category: str
    started_at: datetime
    device_ids: frozenset[int]


class History:
    """The facts of a contract's month; each part is read when a figure first asks for it."""

    def __init__(
        self, session: Session, contract: Contract, period: Period, counted_at: datetime
    ) -> None:
        """Tell of whom and when; `counted_at` is never before the month's end."""
        self.session = session
        self.contract = contract
        self.period = period
        self.counted_at = max(counted_at, period.end)

    @cached_property
    def calendar(self) -> BusinessCalendar:
        """Return the calendar the contract is measured on at the month's end."""
        code = self.session.scalar(
            select(ServiceLevel.calendar_code)
            .where(
                ServiceLevel.contract_id == self.period.contract_id,
                ServiceLevel.effective_on <= self.period.last_on,
            )
            .order_by(ServiceLevel.effective_on.desc())
            .limit(1)
        )
        found = terms.calendar_coded(self.session, code) if code else None
        return found or compiled(office_hours())

    @cached_property
    def tickets(self) -> Sequence[TicketFacts]:
        """Return every ticket that was open in the month, resolved in it or rated in it."""
        start, end = self.period.start, self.period.end
        rows = self.session.execute(
            select(
                Ticket.id,
                Ticket.ledger_id,
                Ticket.reference,
                Ticket.subject,
                SlaLedger.kind,
                SlaLedger.priority,
                Ticket.left_out_as,
                Ticket.rating,
                Ticket.rating_comment,
                Ticket.rated_at,
                SlaLedger.calendar_id,
            )
            .join(SlaLedger, SlaLedger.id == Ticket.ledger_id)
            .where(
                Ticket.client_id == self.period.client_id,
                SlaLedger.contract_id == self.period.contract_id,
                SlaLedger.started_at < end,
                or_(
                    Ticket.resolved_at >= start,
                    and_(
                        Ticket.resolved_at.is_(None),
                        or_(Ticket.closed_at.is_(None), Ticket.closed_at >= start),
                    ),
                    and_(Ticket.rated_at >= start, Ticket.rated_at < end),
                ),
            )
            .order_by(Ticket.id)
        ).all()
        events = self._events([row.ledger_id for row in rows])
        calendars = self._calendars({row.calendar_id for row in rows})
        return [
            TicketFacts(
                id=row.id,
                ledger_id=row.ledger_id,
                reference=row.reference,
                subject=row.subject,
                kind=row.kind,
                priority=row.priority,
                left_out_as=row.left_out_as.value if row.left_out_as else "",
                rating=row.rating,
                rating_comment=row.rating_comment or "",
                rated_at=row.rated_at,
                story=story_of(events[row.ledger_id]),
                calendar=calendars[row.calendar_id],
            )
            for row in rows
        ]

    def _events(self, ledger_ids: Sequence[int]) -> Mapping[int, list[LedgerEvent]]:
        found: dict[int, list[LedgerEvent]] = defaultdict(list)
        rows = self.session.execute(
            select(
                SlaEvent.ledger_id,
                SlaEvent.at,
                SlaEvent.sequence,
                SlaEvent.kind,
                SlaEvent.party,
                SlaEvent.queue,
                SlaEvent.agent_id,
            )
            .where(SlaEvent.ledger_id == func.any(list(ledger_ids)))
            .order_by(SlaEvent.ledger_id, SlaEvent.sequence)
        )
        for ledger_id, at, sequence, kind, party, queue, agent_id in rows:
            found[ledger_id].append(
                LedgerEvent(
                    at=at,
                    sequence=sequence,
                    kind=kind,
                    party=party,
                    queue=queue or "",
                    agent_id=agent_id,
                )
            )
        return found

    def _calendars(self, ids: set[int]) -> dict[int, BusinessCalendar]:
        rows = self.session.execute(
            select(CalendarVersion.id, terms.newest_version(CalendarVersion.id)).where(
                CalendarVersion.id.in_(ids)
            )
        )
        return {one: terms.calendar_up_to(self.session, newest or one) for one, newest in rows}

    @cached_property
    def counted(self) -> Sequence[TicketFacts]:
        """Return the tickets without those that were set aside in the month they came in."""
        end = self.period.end
        return [
            ticket
            for ticket in self.tickets
            if not (self.period.holds(ticket.story.created_at) and ticket.is_set_aside(end))
        ]

    @cached_property
    def resolved(self) -> Sequence[tuple[TicketFacts, datetime]]:
        """Return the tickets finally resolved in the month, and when."""
        found = [(ticket, ticket.story.resolved_at(self.period.end)) for ticket in self.counted]
        return [(ticket, at) for ticket, at in found if at and self.period.holds(at)]

    @cached_property
    def messages(self) -> Mapping[int, Sequence[Said]]:
        """Return the public messages after the opening one, by the ticket's id, oldest first."""
        found: dict[int, list[Said]] = defaultdict(list)
        rows = self.session.execute(
            select(
                TicketEntry.ticket_id,
                TicketEntry.at,
                TicketEntry.author_side,
                TicketEntry.author_id,
            )
            .where(
                TicketEntry.ticket_id == func.any([ticket.id for ticket in self.tickets]),
                TicketEntry.kind.in_(_SAID),
                TicketEntry.is_public,
            )
            .order_by(TicketEntry.ticket_id, TicketEntry.at, TicketEntry.id)
        )
        for ticket_id, at, side, author_id in rows:
            found[ticket_id].append(
                Said(at=at, by_client=side is Side.CLIENT, by_person=author_id is not None)
            )
        return found

    @cached_property
    def cycles(self) -> Sequence[CycleFacts]:
        """Return what was met, breached or superseded in the month, oldest ticket first."""
        # a breach is decided when its target runs out, anything else when it stops
        decided_at = case(
            (SlaCycle.verdict == Verdict.BREACHED, SlaCycle.due_at), else_=SlaCycle.stopped_at
        )
        rows = self.session.execute(
            select(
                SlaCycle.ledger_id,
                SlaLedger.subject.label("reference"),
                Ticket.subject,
                SlaCycle.metric,
                SlaCycle.ordinal,
                SlaCycle.kind,
                SlaCycle.priority,
                SlaCycle.verdict,
                SlaCycle.is_near_miss,
                SlaCycle.target_seconds,
                decided_at.label("decided_at"),
            )
            .join(SlaLedger, SlaLedger.id == SlaCycle.ledger_id)
            .join(Ticket, Ticket.ledger_id == SlaLedger.id)
            .where(
                SlaCycle.client_id == self.period.client_id,
                SlaLedger.contract_id == self.period.contract_id,
                SlaCycle.verdict.in_((*COUNTED, Verdict.SUPERSEDED)),
                decided_at >= self.period.start,
                decided_at < self.period.end,
            )
            .order_by(SlaLedger.id, SlaCycle.metric, SlaCycle.ordinal)
        )
        return [CycleFacts(**row._mapping) for row in rows]  # noqa: SLF001

    @cached_property
    def decided(self) -> Sequence[CycleFacts]:
        """Return the cycles that count."""
        return [cycle for cycle in self.cycles if cycle.verdict in COUNTED]

    @cached_property
    def beyond(self) -> Mapping[tuple[int, Metric, int], float]:
        """Return the business seconds beyond its target of each breach, up to the month's end."""
        late = [cycle for cycle in self.decided if cycle.verdict is Verdict.BREACHED]
        stored = events_of(self.session, sorted({cycle.ledger_id for cycle in late}))
        told = {
            ledger_id: numbered(evaluation_of(told_of(self.session, rows), self.period.end).cycles)
            for ledger_id, rows in stored.items()
        }
        found: dict[tuple[int, Metric, int], float] = {}
        for cycle in late:
            as_it_was = told[cycle.ledger_id].get((cycle.metric, cycle.ordinal))
            over = as_it_was.elapsed - as_it_was.target if as_it_was else timedelta(0)
            found[cycle.ledger_id, cycle.metric, cycle.ordinal] = max(0.0, over.total_seconds())
        return found

    @cached_property
    def incidents(self) -> Sequence[IncidentFacts]:
        """Return the incidents of the month and of the thirty days before it, oldest first."""
        devices = (
            select(func.array_agg(TicketDevice.device_id))
            .where(TicketDevice.ticket_id == Ticket.id)
            .scalar_subquery()
        )
        rows = self.session.execute(
            select(
                Ticket.reference, Ticket.category, SlaLedger.started_at, devices.label("devices")
            )
            .join(SlaLedger, SlaLedger.id == Ticket.ledger_id)
            .where(
                SlaLedger.contract_id == self.period.contract_id,
                SlaLedger.started_at >= self.period.start - REPEATED_WITHIN,
                SlaLedger.started_at < self.period.end,
                Ticket.kind == TicketKind.INCIDENT,
                Ticket.merged_into_id.is_(None),
                Ticket.left_out_as.is_(None),
            )
            .order_by(SlaLedger.started_at, Ticket.id)
        )
        return [
            IncidentFacts(
                reference=row.reference,
                category=row.category.value if row.category else "",
                started_at=row.started_at,
                device_ids=frozenset(row.devices or ()),
            )
            for row in rows
        ]

    @cached_property
    def commands(self) -> Sequence[CommandFacts]:
        """Return the commands that left for devices in the month."""
        return commands_of(self.session, self.period, self.counted_at)

    @cached_property
    def runs(self) -> Sequence[RunFacts]:
        """Return the planned times of the month."""
        return runs_of(self.session, self.period)

    @cached_property
    def fleet(self) -> FleetSnapshot | None:
        """Return how the fleet stood at the month's end; None where nobody looked."""
        return fleet_of(self.session, self.period)

    @cached_property
    def days(self) -> YearFacts:
        """Return the account manager's days up to the month's end."""
        return year_of(self.session, self.period)
