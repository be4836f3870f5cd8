"""Receipts for whoever may see them: read from the ledger, and compared with what somebody brings."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import aliased

from servicedesk.clients.models import Client, Contract
from servicedesk.clients.visibility import visible_to
from servicedesk.core import clock, database
from servicedesk.core.errors import InvalidInput, NotFound
from servicedesk.core.text import msgid
from servicedesk.sla.calendar import CalendarDefinition
from servicedesk.sla.clocks import ledger_events
from servicedesk.sla.cycles import Metric
from servicedesk.sla.models import CalendarVersion, PlanVersion, SlaLedger, SlaWarning
from servicedesk.sla.receipt import (
    CalendarUsed,
    Fired,
    Heading,
    PlanUsed,
    Receipt,
    Records,
    receipts,
)
from servicedesk.sla.receipt_json import FORMATS, content_of, differences, facts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor
    from servicedesk.sla.derivation import CycleKey
    from servicedesk.sla.evaluation import LedgerEvent

SUBJECT = re.compile(r"[A-Za-z0-9-]{1,40}")
LARGEST_RECEIPT = 2_000_000  # bytes


def receipts_of(actor: Actor, reference: str) -> list[Receipt]:
    """Return the receipts of all cycles of a subject, as of now. Raises NotFound."""
    return list(receipts(_records(actor, reference), clock.now()).values())


def receipt_of(actor: Actor, reference: str, metric: str, ordinal: int) -> Receipt:
    """Return the receipt of one cycle, as of now. Raises NotFound."""
    return _one(_records(actor, reference), metric, ordinal, clock.now())


def _one(records: Records, metric: str, ordinal: int, now: datetime) -> Receipt:
    found = receipts(records, now)
    if metric not in set(Metric) or (Metric(metric), ordinal) not in found:
        raise NotFound
    return found[Metric(metric), ordinal]


def _records(actor: Actor, reference: str) -> Records:
    session = database.session()
    row = session.execute(
        select(SlaLedger.id, Client.reference, Contract.reference)
        .join(Client, Client.id == SlaLedger.client_id)
        .join(Contract, Contract.id == SlaLedger.contract_id)
        .where(SlaLedger.subject == reference, visible_to(actor, SlaLedger.client_id))
    ).one_or_none()
    if row is None:
        raise NotFound
    ledger_id, client, contract = row
    events = ledger_events(session, ledger_id)
    return Records(
        heading=Heading(subject=reference, client=client, contract=contract),
        events=events,
        plans=_plans(session, events),
        calendars=_calendars(session, events),
        fired=_fired(session, ledger_id),
    )


def _plans(session: Session, events: Iterable[LedgerEvent]) -> dict[int, PlanUsed]:
    ids = {event.terms.plan_id for event in events if event.terms}
    rows = session.execute(
        select(PlanVersion.id, PlanVersion.code, PlanVersion.version, PlanVersion.name).where(
            PlanVersion.id.in_(ids)
        )
    )
    return {row.id: PlanUsed(code=row.code, version=row.version, name=row.name) for row in rows}


def _calendars(
    session: Session, events: Iterable[LedgerEvent]
) -> Mapping[int, Sequence[CalendarUsed]]:
    named = aliased(CalendarVersion)
    rows = session.execute(
        select(named.id, CalendarVersion)
        .join(CalendarVersion, CalendarVersion.code == named.code)
        .where(
            named.id.in_({event.terms.calendar_id for event in events if event.terms}),
            CalendarVersion.withdrawn_by_id.is_(None),  # what is taken back has never ruled
        )
        .order_by(CalendarVersion.id)
    )
    found: dict[int, list[CalendarUsed]] = defaultdict(list)
    for calendar_id, version in rows:
        found[calendar_id].append(
            CalendarUsed(
                code=version.code,
                version=version.version,
                name=version.name,
                effective_on=version.effective_on,
                definition=CalendarDefinition.from_json(version.definition),
            )
        )
    return found


def _fired(session: Session, ledger_id: int) -> dict[CycleKey, list[Fired]]:
    found: dict[CycleKey, list[Fired]] = defaultdict(list)
    for row in session.scalars(
        select(SlaWarning).where(SlaWarning.ledger_id == ledger_id).order_by(SlaWarning.percent)
    ):
        found[row.metric, row.ordinal].append(
            Fired(percent=row.percent, reached_at=row.reached_at, fired_at=row.fired_at)
        )
    return found


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What came of holding a receipt against the ledger."""

    receipt: Receipt  # the ledger's, as of the moment that the one brought speaks of
    is_same: bool
    is_same_text: bool  # to the byte
    differences: list[tuple[str, str, str]]  # place, what was brought, what the ledger gives


def compare(actor: Actor, brought: bytes) -> Comparison:
    """Hold a receipt that somebody brings against the ledger. Raises InvalidInput, NotFound."""
    said = _read(brought)
    records = _records(actor, said["subject"])
    now = clock.now()
    held = _one(records, said["metric"], said["ordinal"], now)
    if not held.is_final or said["is_final"] is False:
        # one of a cycle that was open is compared with what the ledger gave then
        then = receipts(records, _as_of(said["as_of"], held, now))
        held = then.get((held.cycle.metric, held.ordinal), held)
    facts = facts_of(held, said["format"])
    return Comparison(
        receipt=held,
        is_same=said == facts,
        is_same_text=brought == content_of(held, said["format"]),
        differences=differences(said, facts),
    )


def _read(brought: bytes) -> dict[str, Any]:
    if len(brought) > LARGEST_RECEIPT:
        raise InvalidInput(msgid("This is too long."), field="file")
    try:
        said = json.loads(brought)
    except (ValueError, RecursionError):
        said = None
    wanted = {"format": str, "subject": str, "metric": str, "ordinal": int, "as_of": str}
    if (
        not isinstance(said, dict)
        or any(type(said.get(name)) is not kind for name, kind in wanted.items())
        or said["format"] not in FORMATS
        or not SUBJECT.fullmatch(said["subject"])
    ):
        raise InvalidInput(
            msgid("This is no receipt: bring the JSON file as it was."), field="file"
        )
    return {"is_final": True, **said}


def _as_of(said: str, held: Receipt, now: datetime) -> datetime:
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        return now
    if at.tzinfo is None or not held.cycle.started_at <= at <= now:
        return now
    return at
