"""What a ticket's ledger says of its life: when it was open, who had it, for whom it waited. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from servicedesk.sla.cycles import ZERO, Party
from servicedesk.sla.evaluation import EventKind, lapse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from servicedesk.sla.calendar import BusinessCalendar
    from servicedesk.sla.evaluation import LedgerEvent

_BEGINS = frozenset({EventKind.STARTED, EventKind.REOPENED})
_ENDS = frozenset({EventKind.RESOLVED, EventKind.WITHDRAWN, EventKind.MERGED})


class Holder(StrEnum):
    """Whose a piece of a ticket's time is."""

    OPERATOR = "operator"
    CLIENT = "client"
    PLANNED = "planned"
    THIRD_PARTY = "third_party"
    DEVICE = "device"


_HOLDERS: Mapping[Party | None, Holder] = {
    None: Holder.OPERATOR,
    Party.CLIENT: Holder.CLIENT,
    Party.PLANNED: Holder.PLANNED,
    Party.THIRD_PARTY: Holder.THIRD_PARTY,
    Party.DEVICE: Holder.DEVICE,
}


@dataclass(frozen=True, kw_only=True)
class Story:
    """The turns of a ticket, oldest first: what began or ended work on it."""

    events: tuple[LedgerEvent, ...]
    turns: tuple[tuple[datetime, EventKind], ...]

    @property
    def created_at(self) -> datetime:
        """Return when it came."""
        return self.turns[0][0]

    def before(self, at: datetime) -> EventKind | None:
        """Return its last turn before an instant; None if it had not come yet."""
        return self._last_before(at)[1]

    def is_open_at(self, at: datetime) -> bool:
        """Whether somebody had to do something about it just before an instant."""
        return self.before(at) in _BEGINS

    def is_alive_at(self, at: datetime) -> bool:
        """Whether anything was or is to be done about it from an instant on."""
        last, kind = self.turns[-1]
        return last >= at or kind in _BEGINS

    def resolved_at(self, at: datetime) -> datetime | None:
        """Return when it was resolved, if it stood resolved just before an instant."""
        when, kind = self._last_before(at)
        return when if kind is EventKind.RESOLVED else None

    def _last_before(self, at: datetime) -> tuple[datetime, EventKind] | tuple[None, None]:
        return next((turn for turn in reversed(self.turns) if turn[0] < at), (None, None))

    def resolutions(self) -> list[tuple[datetime, datetime | None]]:
        """Return each time it was resolved, and when it was reopened after that."""
        found = []
        for number, (when, kind) in enumerate(self.turns):
            if kind is EventKind.RESOLVED:
                later = self.turns[number + 1 :]
                again = next((at for at, what in later if what is EventKind.REOPENED), None)
                found.append((when, again))
        return found

    def owned_at(self) -> datetime | None:
        """Return when a person first had it."""
        return next((event.at for event in self.events if event.agent_id is not None), None)

    def is_handed_on(self, until: datetime) -> bool:
        """Whether more than one person or queue had it by then."""
        told = [event for event in self.events if event.at <= until]
        people = {event.agent_id for event in told if event.agent_id is not None}
        queues = {event.queue for event in told if event.queue}
        return len(people) > 1 or len(queues) > 1

    def time_by_holder(
        self, start: datetime, end: datetime, calendar: BusinessCalendar
    ) -> dict[Holder, tuple[timedelta, timedelta]]:
        """Return whose the time between two instants was, elapsed and business time.

        While it stood resolved and was reopened later, it was the operator's.
        """
        if not any(event.kind is EventKind.PAUSED for event in self.events):
            return {Holder.OPERATOR: (end - start, calendar.between(start, end))}
        found: dict[Holder, tuple[timedelta, timedelta]] = {}
        for piece in lapse(self.events, start, end, calendar):
            holder = _HOLDERS[piece.party]
            elapsed, business = found.get(holder, (ZERO, ZERO))
            elapsed += (piece.end or end) - piece.start
            found[holder] = elapsed, business + piece.business_time
        return found


def story_of(events: Sequence[LedgerEvent]) -> Story:
    """Return the story that the events of a ledger tell."""
    told = tuple(sorted(events, key=lambda event: (event.at, event.sequence)))
    turns = tuple(
        (event.at, event.kind) for event in told if event.kind in _BEGINS or event.kind in _ENDS
    )
    return Story(events=told, turns=turns)
