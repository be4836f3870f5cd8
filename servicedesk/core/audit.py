"""The audit trail: one entry a unit of work, chained by hash, append-only in the database.

There is one chain a client and one (number 0) for the operator's own house. An entry's hash covers
its chain, number, payload text to the byte and the hash before it; the heads are kept apart and can
be anchored outside, so that a cut tail shows as well.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import UniqueConstraint, inspect, literal, select, text, tuple_
from sqlalchemy.orm import Mapped, mapped_column

from servicedesk.core.database import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy.orm import Session

HOUSE = 0  # the chain of what belongs to no client
HIDDEN = "•••"
BATCH = 2000  # entries read at a time
HEAD_DIFFERS = "the head does not match the last entry"


class AuditEntry(Model):
    """Who did what when and from where, with each field before and after."""

    __tablename__ = "audit_entry"
    __table_args__ = (UniqueConstraint("chain", "number"),)
    __tenant__ = "chain"
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    chain: Mapped[int]
    number: Mapped[int]
    at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[int | None]
    actor: Mapped[str]
    act: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    payload: Mapped[str]  # canonical JSON, exactly what was hashed
    previous_hash: Mapped[str]
    hash: Mapped[str]


class AuditHead(Model):
    """The newest number and hash of a chain; locked while an entry is added."""

    __tablename__ = "audit_head"
    __tenant__ = "chain"
    __audited__ = False

    chain: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
    hash: Mapped[str]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a unit of work did to one row: fields with their values before and after."""

    chain: int
    kind: str
    reference: str
    fields: Mapping[str, tuple[Any, Any]]


def plain(value: object) -> Any:
    """Return `value` as JSON knows it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (set, frozenset, tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def changes_in(session: Session) -> Iterator[Change]:
    """Yield what the next flush of `session` will write, as far as its models are audited."""
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, Model) and row.__audited__:
            fields = dict(_changed_fields(row, deleted=row in session.deleted))
            if fields:
                yield Change(
                    chain=_chain(row),
                    kind=row.__tablename__,
                    reference=_reference(row),
                    fields=fields,
                )


def _changed_fields(row: Model, *, deleted: bool) -> Iterator[tuple[str, tuple[Any, Any]]]:
    state = inspect(row)
    for column in state.mapper.column_attrs:
        history = state.attrs[column.key].history
        if deleted:
            before, after = plain(state.attrs[column.key].loaded_value), None
        elif history.has_changes():
            before = plain(history.deleted[0]) if history.deleted else None
            after = plain(history.added[0]) if history.added else None
        else:
            continue
        if column.columns[0].info.get("secret"):
            before, after = before and HIDDEN, after and HIDDEN
        if before != after:
            yield column.key, (before, after)


def _chain(row: Model) -> int:
    tenant = row.__tenant__
    return (getattr(row, tenant) or HOUSE) if tenant else HOUSE


def _reference(row: Model) -> str:
    reference = getattr(row, "reference", None)
    return str(reference) if reference else str(getattr(row, "id", None) or "")


def canonical(payload: Mapping[str, Any]) -> str:
    """Return the one JSON text of `payload` that is hashed and stored."""
    return json.dumps(payload, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def entry_hash(chain: int, number: int, previous: str, payload: str) -> str:
    """Return the hash of an entry; the database function `desk_audit` computes the same."""
    return hashlib.sha256(f"{chain}|{number}|{previous}|{payload}".encode()).hexdigest()


def append_entry(session: Session, chain: int, subject: str, payload: Mapping[str, Any]) -> None:
    """Add an entry to `chain` under the lock of its head."""
    session.execute(
        text("SELECT desk_audit(:chain, :subject, :payload)"),
        {"chain": chain, "subject": subject, "payload": canonical(payload)},
    )


@dataclass(frozen=True)
class Fault:
    """A place where the trail does not hold."""

    chain: int
    number: int
    what: str


def verify(
    session: Session,
    anchors: Mapping[int, tuple[int, str]] | None = None,
    seen: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Fault]:
    """Recompute every chain and return what is wrong with it; empty means untouched.

    `anchors` are heads kept elsewhere (chain → number and hash): the trail must still contain them.
    `seen` hears how many entries of how many were read; no transaction is open then. What is written
    meanwhile is read as well, and may be longer than what the heads said at the beginning.
    """
    faults: list[Fault] = []
    last: dict[int, tuple[int, str]] = {}
    anchors = dict(anchors or {})
    before = _heads(session)
    done, total = 0, sum(number for number, _ in before.values())
    for rows in _in_batches(session):
        for row in rows:
            number, previous = last.get(row.chain, (0, ""))
            faults += [
                Fault(row.chain, row.number, what) for what in _faults_of(row, number, previous)
            ]
            if _is_not(row, anchors):
                faults.append(Fault(row.chain, row.number, "differs from the anchored hash"))
            if _is_not(row, before):
                faults.append(Fault(row.chain, row.number, HEAD_DIFFERS))
            last[row.chain] = (row.number, row.hash)
        done += len(rows)
        seen(done, max(done, total))
    after = _heads(session)
    session.rollback()
    for chain in sorted(before.keys() | after.keys() | last.keys() | anchors.keys()):
        end, least = last.get(chain, (0, ""))[0], before.get(chain, (0, ""))[0]
        if not least <= end <= after.get(chain, (0, ""))[0]:
            faults.append(Fault(chain, end, HEAD_DIFFERS))
        if end < anchors.get(chain, (0, ""))[0]:
            faults.append(Fault(chain, end, "entries after this one are missing"))
    return faults


def _is_not(row: Any, heads: Mapping[int, tuple[int, str]]) -> bool:
    """Whether a head has the number of an entry and another hash."""
    number, told = heads.get(row.chain, (None, ""))
    return bool(row.number == number and row.hash != told)


def _heads(session: Session) -> dict[int, tuple[int, str]]:
    rows = session.execute(select(AuditHead.chain, AuditHead.number, AuditHead.hash))
    return {row.chain: (row.number, row.hash) for row in rows}


def _in_batches(session: Session) -> Iterator[Sequence[Any]]:
    """Yield all entries by chain and number; no transaction is open between two batches."""
    key = tuple_(AuditEntry.chain, AuditEntry.number)
    query = select(*AuditEntry.__table__.columns).order_by(AuditEntry.chain, AuditEntry.number)
    following = query
    while True:
        rows = session.execute(following.limit(BATCH)).all()
        session.rollback()
        if rows:
            yield rows
        if len(rows) < BATCH:
            return  # what is written from now on is for the next time
        following = query.where(key > tuple_(*map(literal, (rows[-1].chain, rows[-1].number))))


def _faults_of(row: Any, number: int, previous: str) -> Iterator[str]:
    if row.number != number + 1:
        yield "an entry before this one is missing"
    if row.previous_hash != previous:
        yield "does not continue the entry before it"
    if row.hash != entry_hash(row.chain, row.number, row.previous_hash, row.payload):
        yield "was changed after it was written"
    payload = json.loads(row.payload)
    stored = (row.act, row.actor, row.actor_id, row.at.isoformat())
    told = (payload["act"], payload["actor"], payload["actor_id"])
    if stored[:3] != told or datetime.fromisoformat(payload["at"]) != row.at:
        yield "its columns differ from what was hashed"


def heads(session: Session) -> dict[str, tuple[int, str]]:
    """Return the newest number and hash of every chain, to be kept outside."""
    return {
        str(head.chain): (head.number, head.hash)
        for head in session.scalars(select(AuditHead).order_by(AuditHead.chain))
    }
