"""A receipt as canonical JSON: one text for one receipt, its SHA-256, and what differs from another.

Keys are sorted, instants are UTC, durations are seconds as exact decimals in text: no reader's
floating point can change them.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from servicedesk.sla.calendar import MICROSECOND
from servicedesk.sla.cycles import WorkingDays
from servicedesk.sla.receipt import shown_evidence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from servicedesk.sla.cycles import Cycle
    from servicedesk.sla.evaluation import LedgerEvent
    from servicedesk.sla.receipt import CalendarUsed, Receipt, Stretch

FIRST_FORMAT = "servicedesk.sla.receipt/1"
FORMAT = "servicedesk.sla.receipt/2"  # says of how many devices the first ones are named
FORMATS = (FIRST_FORMAT, FORMAT)
COUNT = "device_count"
RUNNING, OUTSIDE = "running", "outside_hours"
MOST_DIFFERENCES = 20


def content_of(receipt: Receipt, newest: str = FORMAT) -> bytes:
    """Return the canonical text: what is downloaded, and what the hash is of."""
    text = json.dumps(facts_of(receipt, newest), sort_keys=True, ensure_ascii=False, indent=1)
    return f"{text}\n".encode()


def hash_of(receipt: Receipt) -> str:
    """Return the SHA-256 of the canonical text."""
    return hashlib.sha256(content_of(receipt)).hexdigest()


def facts_of(receipt: Receipt, newest: str = FORMAT) -> dict[str, Any]:
    """Return everything the receipt says, as JSON knows it, in a format up to `newest`.

    A later format is used only where it says more: the others stay the same to the byte.
    """
    cycle, heading = receipt.cycle, receipt.heading
    events = [_event(event) for event in receipt.events]
    has_counts = any(COUNT in event["evidence"] for event in events)
    if newest == FIRST_FORMAT:
        for event in events:
            event["evidence"].pop(COUNT, None)
    return {
        "format": FORMAT if has_counts and newest == FORMAT else FIRST_FORMAT,
        "subject": heading.subject,
        "client": heading.client,
        "contract": heading.contract,
        "metric": cycle.metric.value,
        "ordinal": receipt.ordinal,
        "terms": _terms(receipt, cycle),
        "calendar": {
            "time_zone": receipt.zone.key,
            "versions": [_calendar(receipt, used) for used in receipt.calendars],
        },
        "started_at": instant(cycle.started_at),
        "due_at": instant(cycle.due_at),
        "stopped_at": instant(cycle.stopped_at),
        "as_of": instant(receipt.as_of),
        "is_final": receipt.is_final,
        "events": events,
        "began_by": cycle.began_by,
        "stopped_by": cycle.stopped_by,
        "decided_by": cycle.decided_by,
        "intervals": [row for stretch in receipt.stretches for row in _intervals(stretch)],
        "superseded": [
            {
                "ordinal": other.ordinal,
                "terms": _terms(receipt, other.cycle),
                "counted_seconds": seconds(other.cycle.elapsed),
                "because_of": other.because.sequence,
            }
            for other in receipt.superseded
        ],
        "thresholds": [
            {
                "percent": fired.percent,
                "reached_at": instant(fired.reached_at),
                "fired_at": instant(fired.fired_at),
            }
            for fired in receipt.fired
        ],
        "sum": {
            "running_seconds": seconds(receipt.counted),
            "waiting_seconds": {
                party.value: seconds(time) for party, time in receipt.waited.items()
            },
            "outside_hours_seconds": seconds(receipt.outside),
            "whole_seconds": seconds(receipt.gross),
        },
        "verdict": cycle.verdict.value,
    }


def _terms(receipt: Receipt, cycle: Cycle) -> dict[str, Any]:
    plan, target = receipt.plans[cycle.terms.plan_id], cycle.terms.targets[cycle.metric]
    told: dict[str, Any] = {
        "plan": plan.code,
        "plan_name": plan.name,
        "plan_version": plan.version,
        "kind": cycle.terms.kind,
        "priority": cycle.terms.priority,
        "planned_by": cycle.planned_by,
        "target_seconds": seconds(cycle.target),
    }
    if isinstance(target, WorkingDays):
        told["target_working_days"] = target.days
    return told


def _calendar(receipt: Receipt, used: CalendarUsed) -> dict[str, Any]:
    """Return a version's hours, and its holidays as far as they lie within the cycle."""
    first, last = (
        at.astimezone(receipt.zone).date() for at in (receipt.cycle.started_at, receipt.as_of)
    )
    told = used.definition.to_json()
    return {
        "calendar": used.code,
        "name": used.name,
        "version": used.version,
        "effective_on": used.effective_on.isoformat(),
        "weekly": told["weekly"],
        "holidays": [
            row for row in told["holidays"] if first.isoformat() <= row[0] <= last.isoformat()
        ],
    }


def _event(event: LedgerEvent) -> dict[str, Any]:
    return {
        "sequence": event.sequence,
        "at": instant(event.at),
        "kind": event.kind.value,
        "party": event.party.value if event.party else None,
        "actor": event.actor,
        "evidence": shown_evidence(event),
    }


def _intervals(stretch: Stretch) -> Iterator[dict[str, Any]]:
    state = stretch.party.value if stretch.party else RUNNING
    for span in stretch.spans:
        counts = span.is_open and stretch.party is None
        yield {
            "start": instant(span.start),
            "end": instant(span.end),
            "state": state if span.is_open else OUTSIDE,
            "within": state,
            "caused_by": stretch.cause.sequence,
            "seconds": seconds(span.end - span.start),
            "counted_seconds": seconds(span.end - span.start) if counts else "0",
            "total_seconds": seconds(span.total),
        }


def instant(at: datetime | None) -> str | None:
    """Return an instant of UTC, to the microsecond where it has some."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def seconds(time: timedelta) -> str:
    """Return seconds as an exact decimal without needless zeros."""
    text = f"{Decimal(time // MICROSECOND).scaleb(-6):f}"
    return text.rstrip("0").rstrip(".")


def differences(said: Any, held: Any, where: str = "") -> list[tuple[str, str, str]]:
    """Return where a text that was brought and the ledger's differ: place, brought, held."""
    return list(_differing(said, held, where))[:MOST_DIFFERENCES]


def _differing(said: Any, held: Any, where: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(said, dict) and isinstance(held, dict):
        for name in sorted({*said, *held}):
            place = f"{where}.{name}".strip(".")
            yield from _differing(said.get(name, ...), held.get(name, ...), place)
    elif isinstance(said, list) and isinstance(held, list):
        for number in range(max(len(said), len(held))):
            one, other = (rows[number] if number < len(rows) else ... for rows in (said, held))
            yield from _differing(one, other, f"{where}.{number + 1}")
    elif type(said) is not type(held) or said != held:
        yield where, _word(said), _word(held)


def _word(value: Any) -> str:
    try:
        return "—" if value is ... else json.dumps(value, ensure_ascii=False)[:200]
    except RecursionError:  # somebody brought boxes within boxes
        return "…"
