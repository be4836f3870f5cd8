"""What happened in a contract's month, read once for all figures: rows become plain facts.

Everything is told as it stood at the end of the month, whenever it is read; what only later events
can tell (a reopening, a device's answer) is told as it is known at `counted_at`. The number of
statements does not grow with what there is.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from servicedesk.reviews.decisions import as_it_stood, decided_in
from servicedesk.reviews.reading import REPEATED_WITHIN, Reading, tickets_in
from servicedesk.reviews.records import fleet_of, year_of
from servicedesk.sla.cycles import COUNTED, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy.orm import Session

    from servicedesk.clients.models import Contract
    from servicedesk.devices.conformity.snapshots import FleetSnapshot
    from servicedesk.reviews.facts import CycleFacts, IncidentFacts, Said, TicketFacts
    from servicedesk.reviews.period import Period
    from servicedesk.reviews.records import CommandFacts, RunFacts, YearFacts
    from servicedesk.reviews.stories import Holder
    from servicedesk.sla.cycles import Metric


class History:
    """The facts of a contract's month; each part is read when a figure first asks for it."""

    def __init__(
        self,
        session: Session,
        contract: Contract,
        period: Period,
        counted_at: datetime,
        reading: Reading | None = None,
    ) -> None:
        """Tell of whom and when; `counted_at` is never before the month's end.

        `reading`: what was read already, of this month among others and at the same instant.
        """
        self.session = session
        self.contract = contract
        self.period = period
        self.counted_at = max(counted_at, period.end)
        self.reading = reading or Reading(session, period, self.counted_at)

    @cached_property
    def tickets(self) -> Sequence[TicketFacts]:
        """Return every ticket that was open in the month, resolved in it or rated in it."""
        return tickets_in(self.reading.tickets, self.period)

    @cached_property
    def counted(self) -> Sequence[TicketFacts]:
        """Return the tickets without those that were set aside by the month's end."""
        return [ticket for ticket in self.tickets if not ticket.is_set_aside(self.period.end)]

    @cached_property
    def resolved(self) -> Sequence[tuple[TicketFacts, datetime]]:
        """Return the tickets finally resolved in the month, and when."""
        found = [(ticket, ticket.story.resolved_at(self.period.end)) for ticket in self.counted]
        return [(ticket, at) for ticket, at in found if at and self.period.holds(at)]

    @cached_property
    def held(self) -> Sequence[tuple[TicketFacts, Mapping[Holder, tuple[timedelta, timedelta]]]]:
        """Return whose the time of each resolved ticket was, elapsed and business time."""
        return [
            (ticket, ticket.story.time_by_holder(ticket.story.created_at, at, ticket.calendar))
            for ticket, at in self.resolved
        ]

    @cached_property
    def messages(self) -> Mapping[int, Sequence[Said]]:
        """Return the public messages after the opening one, by the ticket's id, oldest first."""
        said = self.reading.said
        return {
            ticket.id: [one for one in said.get(ticket.id, ()) if one.is_message]
            for ticket in self.tickets
        }

    @cached_property
    def scores(self) -> Mapping[int, Sequence[Said]]:
        """Return the scores that are known, by the ticket's id, oldest first."""
        said, until = self.reading.said, self.counted_at
        return {
            ticket.id: [
                one for one in said.get(ticket.id, ()) if one.score is not None and one.at <= until
            ]
            for ticket in self.tickets
        }

    @cached_property
    def scored(self) -> Sequence[tuple[TicketFacts, Said]]:
        """Return the tickets that were given a score in the month, with the newest of it."""
        found = []
        for ticket in self.counted:
            given = [one for one in self.scores.get(ticket.id, ()) if self.period.holds(one.at)]
            found += [(ticket, one) for one in given[-1:]]
        return found

    @cached_property
    def _cycles(self) -> Sequence[CycleFacts]:
        return decided_in(self.period, self.tickets, self.reading.cycles)

    @cached_property
    def decided(self) -> Sequence[CycleFacts]:
        """Return the cycles that were met or breached in the month, oldest ticket first."""
        return [cycle for cycle in self._cycles if cycle.verdict in COUNTED]

    @cached_property
    def superseded(self) -> Sequence[CycleFacts]:
        """Return the cycles that were replaced in the month."""
        return [cycle for cycle in self._cycles if cycle.verdict is Verdict.SUPERSEDED]

    @cached_property
    def undecided(self) -> Sequence[CycleFacts]:
        """Return the cycles whose target ran out in the month as a day closed, and may be met yet."""
        return [cycle for cycle in self._cycles if cycle.verdict is Verdict.RUNNING]

    @cached_property
    def beyond(self) -> Mapping[tuple[int, Metric, int], float]:
        """Return the business seconds beyond its target of each breach, up to the month's end."""
        late = [cycle for cycle in self.decided if cycle.verdict is Verdict.BREACHED]
        ids = {cycle.ledger_id for cycle in late}
        told = {
            ticket.ledger_id: as_it_stood(ticket, self.period.end)
            for ticket in self.tickets
            if ticket.ledger_id in ids
        }
        found: dict[tuple[int, Metric, int], float] = {}
        for cycle in late:
            then = told[cycle.ledger_id].get((cycle.metric, cycle.ordinal))
            over = (then.elapsed - then.target).total_seconds() if then else 0.0
            found[cycle.ledger_id, cycle.metric, cycle.ordinal] = max(0.0, over)
        return found

    @cached_property
    def incidents(self) -> Sequence[IncidentFacts]:
        """Return the incidents of the month and of the thirty days before it, oldest first."""
        first, end = self.period.start - REPEATED_WITHIN, self.period.end
        return [
            one
            for one in self.reading.incidents
            if first <= one.started_at < end
            and (one.set_aside_at is None or one.set_aside_at >= end)
        ]

    @cached_property
    def commands(self) -> Sequence[CommandFacts]:
        """Return the commands that left for devices in the month."""
        holds = self.period.holds
        return [one for one in self.reading.commands if holds(one.sent_at)]

    @cached_property
    def runs(self) -> Sequence[RunFacts]:
        """Return the planned times of the month."""
        return [one for one in self.reading.runs if self.period.holds(one.due_at)]

    @cached_property
    def fleet(self) -> FleetSnapshot | None:
        """Return how the fleet stood at the month's end; None where nobody looked."""
        return fleet_of(self.session, self.period)

    @cached_property
    def days(self) -> YearFacts:
        """Return the account manager's days up to the month's end."""
        return year_of(self.session, self.period)
