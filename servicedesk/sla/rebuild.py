"""What is cached of the ledgers, derived again from their events: compared, and set right.

What is cached was derived at some instant that is not known, but nothing cached changes between two
events and two looks of the clock. So the cached rows are held against what follows at the last
instant before the next look is due; and where they differ and a look is overdue, also against what
follows after each threshold passed since, because an event may have come before the clock did.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, any_, delete, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from servicedesk.core import clock, database
from servicedesk.sla.calendar import MICROSECOND
from servicedesk.sla.cycles import WHOLE, percents_watched
from servicedesk.sla.derivation import derive, differences
from servicedesk.sla.evaluation import LedgerEvent, evaluate, present
from servicedesk.sla.models import CalendarVersion, SlaCycle, SlaEvent, SlaLedger, SlaWarning
from servicedesk.sla.tallies import marks_of
from servicedesk.sla.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import InstrumentedAttribute, Session

    from servicedesk.core.database import Model
    from servicedesk.sla.derivation import CycleKey, Derived
    from servicedesk.sla.tallies import Mark

BATCH = 1000  # ledgers read at a time


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A place where what is stored is not what follows from the events."""

    subject: str  # the reference of what a ledger measures; of a counter, empty
    place: str
    stored: str
    derived: str

    def __str__(self) -> str:
        said = f"stored {self.stored}, derived {self.derived}"
        return f"{self.subject} {self.place} {said}".strip()


@dataclass
class Batch:
    """Ledgers in the order of their ids, with everything they are derived from and compared with."""

    ledgers: Sequence[Any]
    events: dict[int, list[LedgerEvent]]
    clients: dict[int, int]  # whose the first event says the ledger is
    cycles: dict[int, list[Any]]
    warned: dict[int, dict[CycleKey, int]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """How far a walk through the ledgers is, and what it found in its newest batch."""

    done: int
    total: int
    differences: Mapping[int, list[Difference]]  # by ledger
    batch: Batch
    at: datetime

    def recount(self) -> Counter[Mark]:
        """Return what counting the differing rows right changes in the counters."""
        return _recount(self.batch, self.differences, self.at)


def check_ledgers(session: Session, client_id: int | None = None) -> Iterator[Checked]:
    """Walk through the ledgers, yielding after each batch which of them differ; changes nothing.

    Each batch is a snapshot of its own, so that what people do meanwhile is seen whole or not at
    all; between batches no transaction is open.
    """
    total, done, last = count_ledgers(session, client_id), 0, 0
    while True:
        session.rollback()
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        now = clock.now()
        batch = load(session, last, client_id)
        session.rollback()
        if not batch.ledgers:
            return
        last, done = batch.ledgers[-1].id, done + len(batch.ledgers)
        found = {
            ledger.id: differing
            for ledger in batch.ledgers
            if (differing := differences_of(batch, ledger, now))
        }
        yield Checked(
            done=done,
            total=max(done, total),
            differences=found,
            batch=batch,
            at=now,
        )


def count_ledgers(session: Session, client_id: int | None = None) -> int:
    """Return how many ledgers there are."""
    wanted = select(func.count()).select_from(SlaLedger)
    if client_id is not None:
        wanted = wanted.where(SlaLedger.client_id == client_id)
    return session.scalar(wanted) or 0


def load(session: Session, after: int, client_id: int | None = None, size: int = BATCH) -> Batch:
    """Return the ledgers that follow an id, with what they are made of; five statements."""
    wanted = select(*_columns(SlaLedger)).where(SlaLedger.id > after)
    if client_id is not None:
        wanted = wanted.where(SlaLedger.client_id == client_id)
    return load_of(session, session.execute(wanted.order_by(SlaLedger.id).limit(size)).all())


def load_of(session: Session, ledgers: Sequence[Any]) -> Batch:
    """Return ledgers with what they are made of."""
    ids = [ledger.id for ledger in ledgers]
    if not ids:
        return Batch(ledgers=[], events={}, clients={}, cycles={})
    cycles: dict[int, list[Any]] = defaultdict(list)
    rows = select(*_columns(SlaCycle)).where(_is_in(SlaCycle.ledger_id, ids))
    for row in session.execute(rows):
        cycles[row.ledger_id].append(row)
    events, clients = _events(session, ids)
    return Batch(
        ledgers=ledgers,
        events=events,
        clients=clients,
        cycles=cycles,
        warned=_warned(session, ids),
    )


def _columns(model: type[Model], without: AbstractSet[str] = frozenset()) -> list[Any]:
    """Return a table's columns: plain rows cost a third of what objects cost."""
    return [column for column in model.__table__.columns if column.name not in without]


def _is_in(column: InstrumentedAttribute[int], ids: Sequence[int]) -> ColumnElement[bool]:
    """Whether a column is one of many numbers, as one value and not as a thousand."""
    return column == any_(literal(list(ids), ARRAY(BigInteger)))


def _events(
    session: Session, ids: Sequence[int]
) -> tuple[dict[int, list[LedgerEvent]], dict[int, int]]:
    newest = _newest_versions(session)
    events: dict[int, list[LedgerEvent]] = defaultdict(list)
    clients: dict[int, int] = {}
    rows = session.execute(
        select(*_columns(SlaEvent, without={"actor", "evidence"}))
        .where(_is_in(SlaEvent.ledger_id, ids))
        .order_by(SlaEvent.ledger_id, SlaEvent.sequence)
    )
    for row in rows:
        clients.setdefault(row.ledger_id, row.client_id)
        terms = row.plan_id and terms_of(
            session,
            row.plan_id,
            row.calendar_id,
            newest[row.calendar_id],
            row.target_kind or "",
            row.target_priority or "",
        )
        events[row.ledger_id].append(
            LedgerEvent(
                at=row.at,
                sequence=row.sequence,
                kind=row.kind,
                party=row.party,
                terms=terms or None,
                queue=row.queue or "",
                agent_id=row.agent_id,
            )
        )
    return events, clients


def _newest_versions(session: Session) -> dict[int, int]:
    """Return of each calendar version the newest of its calendar."""
    one, all_of_it = aliased(CalendarVersion), aliased(CalendarVersion)
    rows = session.execute(
        select(one.id, func.max(all_of_it.id))
        .join(all_of_it, all_of_it.code == one.code)
        .group_by(one.id)
    )
    return {row[0]: row[1] for row in rows}


def _warned(session: Session, ids: Sequence[int]) -> dict[int, dict[CycleKey, int]]:
    """Return up to which percent warnings are written, the record of what was acted on."""
    found: dict[int, dict[CycleKey, int]] = defaultdict(dict)
    key = (SlaWarning.ledger_id, SlaWarning.metric, SlaWarning.ordinal)
    rows = session.execute(
        select(*key, func.max(SlaWarning.percent))
        .where(_is_in(SlaWarning.ledger_id, ids))
        .group_by(*key)
    )
    for ledger_id, metric, ordinal, percent in rows:
        found[ledger_id][metric, ordinal] = percent
    return found


def differences_of(batch: Batch, ledger: Any, now: datetime) -> list[Difference]:
    """Return where a ledger's rows say what does not follow from its events at any instant."""
    events = batch.events.get(ledger.id)
    if not events:
        return [_difference(ledger, "events", "none", "at least one")]
    rows, warned = batch.cycles.get(ledger.id, ()), batch.warned.get(ledger.id, {})
    try:
        first = min(now, ledger.next_due_at - MICROSECOND) if ledger.next_due_at else now
        first = present(events, first)
        found = differences(derive(events, first, warned), ledger, rows)
        if found and any(
            not differences(derive(events, at, warned), ledger, rows)
            for at in _later_instants(events, first, now)
        ):
            found = []
    except (LookupError, ValueError) as error:
        return [_difference(ledger, "events", "these", f"{type(error).__name__}: {error}")]
    client_id = batch.clients[ledger.id]
    found += [
        (f"{name}client_id", row.client_id, client_id)
        for name, row in [("", ledger), *((f"{_name(row)}: ", row) for row in rows)]
        if row.client_id != client_id
    ]
    return [_difference(ledger, *each) for each in found]


def _name(cycle: Any) -> str:
    return f"{cycle.metric.value} {cycle.ordinal}"


def _later_instants(
    events: Sequence[LedgerEvent], first: datetime, now: datetime
) -> Iterator[datetime]:
    """Yield an instant after each threshold passed since `first`, and the present."""
    passed = set()
    for cycle in evaluate(events, first):
        for percent in percents_watched(cycle) if cycle.is_running else ():
            at = cycle.reached_at(percent)
            if at is not None:
                passed.add(at)
                if percent >= WHOLE:  # exceeded only when business time goes on
                    passed.add(cycle.terms.calendar.next_opening(at) + MICROSECOND)
    yield from sorted(at for at in passed if first < at < now)
    if now > first:
        yield now


def _difference(ledger: Any, place: str, stored: Any, derived: Any) -> Difference:
    return Difference(
        subject=ledger.subject, place=place, stored=_word(stored), derived=_word(derived)
    )


def _word(value: Any) -> str:
    if isinstance(value, dict):
        return "a cycle"
    return "nothing" if value is None else str(value)


def _recount(batch: Batch, found: Mapping[int, object], now: datetime) -> Counter[Mark]:
    """Return what the counters gain and lose when differing rows say what is derived."""
    change: Counter[Mark] = Counter()
    for ledger in batch.ledgers:
        if ledger.id in found and ledger.id in batch.events:
            derived, client_id = derived_now(batch, ledger, now), batch.clients[ledger.id]
            change.update(
                marks_of(
                    SlaLedger(**derived.ledger, client_id=client_id),
                    [
                        SlaCycle(**columns, metric=metric)
                        for (metric, _), columns in derived.cycles.items()
                    ],
                )
            )
            change.subtract(marks_of(ledger, batch.cycles.get(ledger.id, ())))
    return change


def derived_now(batch: Batch, ledger: Any, now: datetime) -> Derived:
    """Return what a ledger's rows have to say now."""
    events = batch.events[ledger.id]
    return derive(events, present(events, now), batch.warned.get(ledger.id, {}))


def set_right(session: Session, ids: Iterable[int], *, waits: bool) -> list[int]:
    """Write what follows from their events into ledgers; return those that somebody holds.

    Each is locked before its events are read, as by whoever appends one. Unless it `waits`, what is
    locked already is left for later.
    """
    wanted = sorted(ids)
    locked = session.scalars(
        select(SlaLedger.id)
        .where(_is_in(SlaLedger.id, wanted))
        .order_by(SlaLedger.id)
        .with_for_update(skip_locked=not waits)
    ).all()
    ledgers = select(*_columns(SlaLedger)).where(_is_in(SlaLedger.id, locked))
    batch, now = load_of(session, session.execute(ledgers).all()), clock.now()
    right = _Right()
    for ledger in batch.ledgers:
        if ledger.id in batch.events:
            right.add(batch, ledger, now)
    right.write(session)
    held = set(wanted) - set(locked)
    return [number for number in wanted if number in held]


@dataclass
class _Right:
    """What rows have to say, a statement for each kind of change."""

    ledgers: list[dict[str, Any]] = field(default_factory=list)
    cycles: list[dict[str, Any]] = field(default_factory=list)
    new: list[dict[str, Any]] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)

    def add(self, batch: Batch, ledger: Any, now: datetime) -> None:
        """Note what a ledger and its cycles have to say."""
        derived, client_id = derived_now(batch, ledger, now), batch.clients[ledger.id]
        self.ledgers.append({"id": ledger.id, **derived.ledger, "client_id": client_id})
        known = {(row.metric, row.ordinal): row.id for row in batch.cycles.get(ledger.id, ())}
        self.gone += [known[key] for key in known.keys() - derived.cycles.keys()]
        for key, columns in derived.cycles.items():
            told = {**columns, "client_id": client_id}
            if key in known:
                self.cycles.append({"id": known[key], **told})
            else:
                name = {"ledger_id": ledger.id, "metric": key[0], "ordinal": key[1]}
                self.new.append({**name, **told})

    def write(self, session: Session) -> None:
        """Write it all."""
        database.expect_rows(session, len(self.new))
        session.execute(delete(SlaCycle).where(_is_in(SlaCycle.id, self.gone)))
        for statement, rows in (
            (update(SlaLedger), self.ledgers),
            (update(SlaCycle), self.cycles),
            (insert(SlaCycle), self.new),
        ):
            if rows:
                session.execute(statement, rows)
