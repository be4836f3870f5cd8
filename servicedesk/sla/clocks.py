"""The storage around the pure core: events are appended, what is cached is derived from them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update
from sqlalchemy.orm.attributes import set_committed_value

from servicedesk.sla.cycles import Metric, current
from servicedesk.sla.derivation import derive, numbered
from servicedesk.sla.evaluation import EventKind, LedgerEvent, evaluate, present
from servicedesk.sla.models import CalendarVersion, SlaCycle, SlaEvent, SlaLedger
from servicedesk.sla.tallies import marks_of, note_changes
from servicedesk.sla.terms import calendar_up_to, newest_version, terms_for, terms_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from servicedesk.clients.models import Contract
    from servicedesk.core.unit_of_work import Work
    from servicedesk.sla.calendar import BusinessCalendar
    from servicedesk.sla.cycles import Cycle, Party, Terms
    from servicedesk.sla.derivation import Derived
    from servicedesk.sla.tallies import Mark


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is measured: its reference, and what its figures are cut by."""

    reference: str
    kind: str
    priority: str
    queue: str
    agent_id: int | None = None


def open_ledger(work: Work, contract: Contract, subject: Subject) -> SlaLedger:
    """Start the clocks of a new subject under the contract's plan and calendar of this moment."""
    terms = terms_for(work.session, contract, work.at, subject.kind, subject.priority)
    started = SlaEvent(
        client_id=contract.client_id,
        sequence=1,
        at=work.at,
        kind=EventKind.STARTED,
        plan_id=terms.plan_id,
        calendar_id=terms.calendar_id,
        target_kind=subject.kind,
        target_priority=subject.priority,
        queue=subject.queue,
        agent_id=subject.agent_id,
        actor=work.actor.name,
        evidence={},
    )
    ledger = SlaLedger(
        client_id=contract.client_id, contract_id=contract.id, subject=subject.reference
    )
    derived = derive([_told(started, terms)], work.at, {})
    _write(ledger, derived.ledger)
    work.session.add(ledger)
    work.session.flush()
    started.ledger_id = ledger.id
    cycles = _write_cycles(ledger, [], derived, [])
    work.session.add_all([started, *cycles])
    note_changes(work.session, Counter(), marks_of(ledger, cycles))
    return ledger


def record(
    work: Work,
    ledger: SlaLedger,
    kind: EventKind,
    *,
    party: Party | None = None,
    priority: str | None = None,
    terms: Terms | None = None,
    owner: tuple[str, int | None] | None = None,
    at: datetime | None = None,
    **evidence: Any,
) -> None:
    """Append an event and bring the cached clocks up to date.

    `priority` and `terms` replan, `owner` is queue and agent of an assignment. `at` is when it held,
    if that was before now; what it says is kept with it as `evidence`.
    """
    rows = events_of(work.session, [ledger.id])[ledger.id]
    newest = SlaEvent(
        client_id=ledger.client_id,
        ledger_id=ledger.id,
        sequence=rows[-1].event.sequence + 1,
        at=at or max(work.at, *(row.event.at for row in rows)),
        kind=kind,
        party=party,
        actor=work.actor.name,
        evidence=evidence,
    )
    if owner is not None:
        newest.queue, newest.agent_id = owner
    if priority is not None or terms is not None:
        before = next(row for row in reversed(rows) if row.event.plan_id)
        newest.plan_id = terms.plan_id if terms else before.event.plan_id
        newest.calendar_id = terms.calendar_id if terms else before.event.calendar_id
        newest.target_kind = before.event.target_kind
        newest.target_priority = priority or before.event.target_priority
    work.session.add(newest)
    appended = StoredEvent(event=newest, newest_id=_newest_of(rows, newest, terms))
    cycles = cycles_of(work.session, [ledger.id])[ledger.id]
    refresh(work.session, ledger, [*rows, appended], cycles, max(work.at, newest.at))


def _newest_of(rows: Sequence[StoredEvent], newest: SlaEvent, terms: Terms | None) -> int | None:
    """Return the newest version of the calendar that an appended event speaks of."""
    if newest.calendar_id is None:
        return None
    if terms is not None:
        return terms.newest_calendar_id
    return next(
        row.newest_id for row in reversed(rows) if row.event.calendar_id == newest.calendar_id
    )


@dataclass(frozen=True, kw_only=True)
class StoredEvent:
    """A row of the ledger, with the newest version of the calendar that it names."""

    event: SlaEvent
    newest_id: int | None


def events_of(session: Session, ledger_ids: Sequence[int]) -> dict[int, list[StoredEvent]]:
    """Return the events of ledgers in their order; one statement."""
    found: dict[int, list[StoredEvent]] = defaultdict(list)
    rows = session.execute(
        select(SlaEvent, newest_version(SlaEvent.calendar_id))
        .where(SlaEvent.ledger_id.in_(ledger_ids))
        .order_by(SlaEvent.ledger_id, SlaEvent.sequence)
    )
    for event, newest_id in rows:
        found[event.ledger_id].append(StoredEvent(event=event, newest_id=newest_id))
    return found


def cycles_of(session: Session, ledger_ids: Sequence[int]) -> dict[int, list[SlaCycle]]:
    """Return the stored cycles of ledgers; one statement."""
    found: dict[int, list[SlaCycle]] = defaultdict(list)
    for row in session.scalars(select(SlaCycle).where(SlaCycle.ledger_id.in_(ledger_ids))):
        found[row.ledger_id].append(row)
    return found


def told_of(session: Session, rows: Iterable[StoredEvent]) -> list[LedgerEvent]:
    """Return stored events as the pure core reads them."""
    return [
        _told(
            row.event,
            terms_of(
                session,
                row.event.plan_id,
                row.event.calendar_id,
                row.newest_id,
                row.event.target_kind or "",
                row.event.target_priority or "",
            )
            if row.event.plan_id and row.event.calendar_id and row.newest_id
            else None,
        )
        for row in rows
    ]


def _told(event: SlaEvent, terms: Terms | None) -> LedgerEvent:
    return LedgerEvent(
        at=event.at,
        sequence=event.sequence,
        kind=event.kind,
        party=event.party,
        terms=terms,
        queue=event.queue or "",
        agent_id=event.agent_id,
        actor=event.actor,
        evidence=event.evidence,
    )


def ledger_events(session: Session, ledger_id: int) -> list[LedgerEvent]:
    """Return the events of one ledger as the pure core reads them."""
    return told_of(session, events_of(session, [ledger_id])[ledger_id])


def evaluated(session: Session, ledger_id: int, now: datetime) -> tuple[Cycle, ...]:
    """Return the cycles of a ledger as they stand at `now`, from its events alone."""
    events = ledger_events(session, ledger_id)
    return evaluate(events, present(events, now))


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The newest cycle of a metric, as a ticket's page shows it."""

    ordinal: int
    cycle: Cycle
    cause: LedgerEvent | None  # from which on it runs or waits


def clocks_shown(session: Session, ledger_id: int, now: datetime) -> list[Clock]:
    """Return the newest cycle of each metric that was not superseded; one statement."""
    return clocks_in(ledger_events(session, ledger_id), now)[0]


def clocks_in(
    events: Sequence[LedgerEvent], now: datetime
) -> tuple[list[Clock], dict[tuple[Metric, int], Cycle]]:
    """Return the newest cycle of each metric that was not superseded, and all cycles."""
    by_key = numbered(evaluate(events, present(events, now)))
    newest = [cycle for metric in Metric if (cycle := current(by_key.values(), metric))]
    causes = {event.sequence: event for event in events}
    shown = [
        Clock(ordinal=ordinal, cycle=cycle, cause=causes.get(cycle.intervals[-1].caused_by))
        for (_, ordinal), cycle in by_key.items()
        if any(cycle is one for one in newest)
    ]
    return shown, by_key


def refresh(
    session: Session,
    ledger: SlaLedger,
    events: Sequence[StoredEvent],
    rows: Sequence[SlaCycle],
    now: datetime,
) -> Derived:
    """Write what follows from the events into the ledger, its cycles and the counters."""
    found = {ledger.id: events}, {ledger.id: rows}
    return refresh_all(session, [ledger], *found, now)[ledger.id]


def refresh_all(
    session: Session,
    ledgers: Sequence[SlaLedger],
    events: Mapping[int, Sequence[StoredEvent]],
    rows: Mapping[int, Sequence[SlaCycle]],
    now: datetime,
    *,
    acts: bool = False,
) -> dict[int, Derived]:
    """Write what follows from their events into many ledgers, with one change of the counters.

    Whoever `acts` on the thresholds passed (`Derived.reached`) has them marked as acted on.
    """
    before: Counter[Mark] = Counter()
    after: Counter[Mark] = Counter()
    found, changed = {}, _Changed()
    for ledger in ledgers:
        told, known = told_of(session, events[ledger.id]), rows.get(ledger.id, ())
        before.update(marks_of(ledger, known))
        warned = {(row.metric, row.ordinal): row.warned_percent for row in known}
        derived = derive(told, present(told, now), warned, acts=acts)
        _rewrite(changed.ledgers, ledger, derived.ledger)
        new = _write_cycles(ledger, known, derived, changed.cycles)
        session.add_all(new)
        after.update(marks_of(ledger, [*known, *new]))
        found[ledger.id] = derived
    for model, values in ((SlaLedger, changed.ledgers), (SlaCycle, changed.cycles)):
        if values:
            session.execute(update(model), values)
    note_changes(session, before, after)
    return found


@dataclass
class _Changed:
    """Values of the rows that say something else than before, each kind for one statement."""

    ledgers: list[dict[str, Any]] = field(default_factory=list)
    cycles: list[dict[str, Any]] = field(default_factory=list)


def _write(row: SlaLedger | SlaCycle, columns: Mapping[str, Any]) -> None:
    for name, value in columns.items():
        setattr(row, name, value)


def _rewrite(
    changed: list[dict[str, Any]], row: SlaLedger | SlaCycle, columns: Mapping[str, Any]
) -> None:
    """Have a stored row say what is derived, and add it to `changed` if it said something else.

    The flush would write a statement for each set of columns that happen to differ.
    """
    if any(getattr(row, name) != value for name, value in columns.items()):
        changed.append({"id": row.id, **columns})
        for name, value in columns.items():
            set_committed_value(row, name, value)


def _write_cycles(
    ledger: SlaLedger,
    rows: Sequence[SlaCycle],
    derived: Derived,
    changed: list[dict[str, Any]],
) -> list[SlaCycle]:
    """Have the rows of the cycles say what is derived; return the new ones."""
    known = {(row.metric, row.ordinal): row for row in rows}
    new = []
    for (metric, ordinal), columns in derived.cycles.items():
        if row := known.get((metric, ordinal)):
            _rewrite(changed, row, columns)
        else:
            row = SlaCycle(
                client_id=ledger.client_id, ledger_id=ledger.id, metric=metric, ordinal=ordinal
            )
            _write(row, columns)
            new.append(row)
    return new


def calendar_of(session: Session, ledger: SlaLedger) -> BusinessCalendar:
    """Return the calendar that a ledger is measured on now, with all its versions."""
    newest = session.scalar(
        select(newest_version(CalendarVersion.id)).where(CalendarVersion.id == ledger.calendar_id)
    )
    return calendar_up_to(session, newest or ledger.calendar_id)
