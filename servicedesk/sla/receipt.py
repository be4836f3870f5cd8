"""A cycle's receipt: what it was made of, interval by interval, and how that adds up to its verdict.

Pure, and made of the ledger alone: the same receipt comes out whenever it is asked for, for the
client as for the operator. It therefore says nothing that may change (names of companies, subjects
of tickets) and nothing that is the operator's own business (queues, who has the ticket).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from servicedesk.sla.cycles import ZERO, Party, Verdict
from servicedesk.sla.derivation import CycleKey, numbered
from servicedesk.sla.evaluation import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date
    from zoneinfo import ZoneInfo

    from servicedesk.sla.calendar import CalendarDefinition
    from servicedesk.sla.cycles import Cycle, Interval
    from servicedesk.sla.evaluation import LedgerEvent

# of what an event has as evidence, what a client is shown; the rest stays in the house
SHOWN_EVIDENCE = (
    "order",
    "device",
    "devices",
    "device_count",
    "last_contact_at",
    "until",
    "merged_into",
)


@dataclass(frozen=True, kw_only=True)
class Heading:
    """Whose cycle it is, by names that never change."""

    subject: str
    client: str
    contract: str


@dataclass(frozen=True, kw_only=True)
class PlanUsed:
    """The version of a plan."""

    code: str
    version: int
    name: str


@dataclass(frozen=True, kw_only=True)
class CalendarUsed:
    """A version of the calendar."""

    code: str
    version: int
    name: str
    effective_on: date
    definition: CalendarDefinition


@dataclass(frozen=True, kw_only=True)
class Fired:
    """A threshold that was passed."""

    percent: int
    reached_at: datetime
    fired_at: datetime


@dataclass(frozen=True, kw_only=True)
class Span:
    """A piece of a stretch, within business hours or outside of them."""

    start: datetime
    end: datetime
    is_open: bool
    total: timedelta  # counted from the cycle's start to the span's end


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A time in which the cycle ran, or waited for one party, whatever the hours."""

    start: datetime
    end: datetime
    party: Party | None
    cause: LedgerEvent  # from which on it was so
    spans: tuple[Span, ...]
    business_time: timedelta
    days: int  # working days that it touches
    total: timedelta  # counted from the cycle's start to its end

    @property
    def outside(self) -> timedelta:
        """Return the time outside business hours."""
        return self.end - self.start - self.business_time

    @property
    def counted(self) -> timedelta:
        """Return what of it counts."""
        return self.business_time if self.party is None else ZERO


@dataclass(frozen=True, kw_only=True)
class Superseded:
    """An earlier cycle from the same start, replaced when the terms changed."""

    ordinal: int
    cycle: Cycle
    because: LedgerEvent


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """Everything that a cycle's verdict rests on. Instants are UTC, durations exact."""

    heading: Heading
    ordinal: int
    cycle: Cycle
    as_of: datetime  # the stop, or when it was asked for
    stretches: tuple[Stretch, ...]
    events: tuple[LedgerEvent, ...]  # those that it speaks of
    superseded: tuple[Superseded, ...]
    fired: tuple[Fired, ...]
    plans: Mapping[int, PlanUsed]
    calendars: tuple[CalendarUsed, ...]  # in force from start to end

    @property
    def is_final(self) -> bool:
        """Whether the cycle has stopped."""
        return not self.cycle.is_open

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone of the calendar, in which the times are told."""
        return self.cycle.terms.calendar.zone

    @property
    def counted(self) -> timedelta:
        """Return the business time that counts."""
        return sum((stretch.counted for stretch in self.stretches), ZERO)

    @property
    def waited(self) -> dict[Party, timedelta]:
        """Return the business time of the waits, by whom it was waited for."""
        found: dict[Party, timedelta] = {}
        for stretch in self.stretches:
            if stretch.party is not None:
                found[stretch.party] = found.get(stretch.party, ZERO) + stretch.business_time
        return found

    @property
    def outside(self) -> timedelta:
        """Return the time outside business hours."""
        return sum((stretch.outside for stretch in self.stretches), ZERO)

    @property
    def gross(self) -> timedelta:
        """Return the whole time by the clock on the wall."""
        return self.as_of - self.cycle.started_at

    def event(self, sequence: int | None) -> LedgerEvent | None:
        """Return the event of that number, if it speaks of it."""
        return next((event for event in self.events if event.sequence == sequence), None)


@dataclass(frozen=True, kw_only=True)
class Records:
    """What the receipts of one ledger are made of."""

    heading: Heading
    events: Sequence[LedgerEvent]
    plans: Mapping[int, PlanUsed]
    # every version, in the order of their making, of the calendar that an id is a version of
    calendars: Mapping[int, Sequence[CalendarUsed]]
    fired: Mapping[CycleKey, Sequence[Fired]]


def receipts(records: Records, now: datetime) -> dict[CycleKey, Receipt]:
    """Return the receipt of each cycle, as it stands at `now`."""
    cycles = numbered(evaluate(records.events, now))
    by_sequence = {event.sequence: event for event in records.events}
    return {key: _receipt(records, key, cycles, by_sequence, now) for key in cycles}


def _receipt(
    records: Records,
    key: CycleKey,
    cycles: Mapping[CycleKey, Cycle],
    by_sequence: Mapping[int, LedgerEvent],
    now: datetime,
) -> Receipt:
    cycle = cycles[key]
    as_of = cycle.stopped_at or now
    stretches = tuple(_stretches(cycle, as_of, by_sequence))
    superseded = tuple(
        Superseded(ordinal=ordinal, cycle=other, because=by_sequence[other.decided_by or 0])
        for (metric, ordinal), other in cycles.items()
        if metric is cycle.metric
        and ordinal < key[1]
        and other.verdict is Verdict.SUPERSEDED
        and other.began_by == cycle.began_by
    )
    spoken_of = {
        cycle.began_by,
        cycle.planned_by,
        cycle.stopped_by or 0,
        cycle.decided_by or 0,
        *(stretch.cause.sequence for stretch in stretches),
        *(other.because.sequence for other in superseded),
    }
    plan_ids = {cycle.terms.plan_id, *(other.cycle.terms.plan_id for other in superseded)}
    return Receipt(
        heading=records.heading,
        ordinal=key[1],
        cycle=cycle,
        as_of=as_of,
        stretches=stretches,
        events=tuple(
            sorted(
                (by_sequence[sequence] for sequence in spoken_of if sequence in by_sequence),
                key=lambda event: (event.at, event.sequence),
            )
        ),
        superseded=superseded,
        fired=tuple(fired for fired in records.fired.get(key, ()) if fired.fired_at <= as_of),
        plans={plan_id: records.plans[plan_id] for plan_id in sorted(plan_ids)},
        calendars=_in_force(records.calendars[cycle.terms.calendar_id], cycle, as_of),
    )


def _stretches(
    cycle: Cycle, as_of: datetime, by_sequence: Mapping[int, LedgerEvent]
) -> Iterator[Stretch]:
    total, zone = ZERO, cycle.terms.calendar.zone
    for interval in cycle.intervals:
        end = interval.end or as_of
        if interval.start == end and len(cycle.intervals) > 1:
            continue  # it begins at the very moment it is asked for
        spans = _spans(cycle, interval, end, total)
        business_time = sum((span.end - span.start for span in spans if span.is_open), ZERO)
        total += business_time if interval.party is None else ZERO
        yield Stretch(
            start=interval.start,
            end=end,
            party=interval.party,
            cause=by_sequence[interval.caused_by],
            spans=spans,
            business_time=business_time,
            days=len({day for span in spans if span.is_open for day, *_ in by_day(span, zone)}),
            total=total,
        )


def _spans(cycle: Cycle, interval: Interval, end: datetime, total: timedelta) -> tuple[Span, ...]:
    """Cut a stretch where the business opens and closes; its spans fill it without a gap."""
    calendar = cycle.terms.calendar_at(cycle.stopped_at)
    opened = calendar.open_spans(interval.start, end)
    edges = sorted({interval.start, end, *(edge for span in opened for edge in span)})
    begins, spans = {start for start, _ in opened}, []
    for start, stop in pairwise(edges):
        is_open = start in begins
        if is_open and interval.party is None:
            total += stop - start
        spans.append(Span(start=start, end=stop, is_open=is_open, total=total))
    return tuple(spans)


def by_day(span: Span, zone: ZoneInfo) -> Iterator[tuple[date, datetime, datetime]]:
    """Cut a span at the midnights of a zone: each day with start and end."""
    start = span.start
    while start < span.end:
        day = start.astimezone(zone).date()
        midnight = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
        yield day, start, min(midnight, span.end)
        start = midnight


def _in_force(
    calendars: Sequence[CalendarUsed], cycle: Cycle, as_of: datetime
) -> tuple[CalendarUsed, ...]:
    """Return the versions that ruled between start and end; of two from one day, the later."""
    zone = cycle.terms.calendar.zone
    first, last = (at.astimezone(zone).date() for at in (cycle.started_at, as_of))
    by_day = {used.effective_on: used for used in calendars if used.effective_on <= last}
    by_day = by_day or {used.effective_on: used for used in calendars[:1]}
    ruling = max((day for day in by_day if day <= first), default=min(by_day))
    return tuple(by_day[day] for day in sorted(by_day) if day >= ruling)


def shown_evidence(event: LedgerEvent) -> dict[str, Any]:
    """Return what of an event's evidence is for both sides.

    Devices are counted where not all of them are named.
    """
    shown = {name: event.evidence[name] for name in SHOWN_EVIDENCE if name in event.evidence}
    if shown.get("device_count") == len(shown.get("devices") or ()):
        del shown["device_count"]
    return shown
