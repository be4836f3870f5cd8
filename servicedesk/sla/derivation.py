"""What the cached rows of a ledger have to say: one function for writing and for checking them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from servicedesk.sla.cycles import (
    COUNTED,
    Metric,
    acted_up_to,
    current,
    next_look_at,
    percents_watched,
)
from servicedesk.sla.evaluation import evaluation_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from servicedesk.sla.cycles import Cycle
    from servicedesk.sla.evaluation import LedgerEvent
    from servicedesk.sla.models import SlaCycle, SlaLedger

CycleKey = tuple[Metric, int]  # metric, ordinal from 1


@dataclass(frozen=True, kw_only=True)
class Derived:
    """Column values of a ledger's row and of its cycles' rows, with the cycles themselves."""

    ledger: Mapping[str, Any]
    cycles: Mapping[CycleKey, Mapping[str, Any]]
    told: Mapping[CycleKey, Cycle]
    reached: Mapping[CycleKey, Sequence[int]]  # per cents passed and not acted on yet, rising


def derive(
    events: Sequence[LedgerEvent],
    now: datetime,
    warned: Mapping[CycleKey, int],
    *,
    acts: bool = False,
) -> Derived:
    """Return what the rows say at `now`. `warned`: up to which percent each cycle was acted on.

    With `acts`, the rows say that what is reached has been acted on as well.
    """
    evaluation = evaluation_of(events, now)
    by_key = numbered(evaluation.cycles)
    planned = [(event.at, event.terms) for event in evaluation.events if event.terms]
    (first_at, first), (_, plan) = planned[0], planned[-1]
    response = current(evaluation.cycles, Metric.FIRST_RESPONSE)
    resolution = current(evaluation.cycles, Metric.RESOLUTION)
    reached = {
        key: [p for p in percents_watched(cycle) if p > warned.get(key, 0) and cycle.has_reached(p)]
        for key, cycle in by_key.items()
        if cycle.is_running
    }
    done = {key: acted_up_to(cycle, warned.get(key, 0), acts=acts) for key, cycle in by_key.items()}
    looks = (next_look_at(cycle, done[key], now) for key, cycle in by_key.items())
    due = (cycle.due_at for cycle in evaluation.cycles if cycle.is_open and cycle.due_at)
    local = first_at.astimezone(first.calendar.zone)
    return Derived(
        ledger={
            "started_at": first_at,
            "started_on": local.date(),
            "started_slot": local.weekday() * 24 + local.hour,
            "kind": plan.kind,
            "priority": plan.priority,
            "queue": evaluation.queue,
            "agent_id": evaluation.agent_id,
            "plan_id": plan.plan_id,
            "calendar_id": plan.calendar_id,
            "standing": evaluation.standing,
            "next_due_at": min((look for look in looks if look), default=None),
            "due_at": min(due, default=None),
            "response_due_at": response.due_at if response else None,
            "response_verdict": response.verdict if response else None,
            "resolution_due_at": resolution.due_at if resolution else None,
            "resolution_verdict": resolution.verdict if resolution else None,
        },
        cycles={
            key: _columns(cycle) | {"warned_percent": done[key]} for key, cycle in by_key.items()
        },
        told=by_key,
        reached={key: percents for key, percents in reached.items() if percents},
    )


def numbered(cycles: Iterable[Cycle]) -> dict[CycleKey, Cycle]:
    """Return cycles by metric and ordinal, in which they are kept and spoken of."""
    found: dict[CycleKey, Cycle] = {}
    ordinals: dict[Metric, int] = {}
    for cycle in cycles:
        ordinal = ordinals[cycle.metric] = ordinals.get(cycle.metric, 0) + 1
        found[cycle.metric, ordinal] = cycle
    return found


def _columns(cycle: Cycle) -> dict[str, Any]:
    return {
        "plan_id": cycle.terms.plan_id,
        "kind": cycle.terms.kind,
        "priority": cycle.terms.priority,
        "queue": cycle.queue,
        "agent_id": cycle.agent_id,
        "started_at": cycle.started_at,
        "target_seconds": int(cycle.target.total_seconds()),
        "due_at": cycle.due_at,
        "stopped_at": cycle.stopped_at,
        "elapsed_seconds": int(cycle.elapsed.total_seconds()) if cycle.stopped_at else None,
        "verdict": cycle.verdict,
        "is_near_miss": cycle.is_near_miss,
        "month": month_of(cycle),
    }


def month_of(cycle: Cycle) -> date | None:
    """Return the first day of the month, in the calendar's zone, that a cycle counts in."""
    at = cycle.counted_at if cycle.verdict in COUNTED else None
    return at.astimezone(cycle.terms.calendar.zone).date().replace(day=1) if at else None


def differences(
    derived: Derived, ledger: SlaLedger, cycles: Iterable[SlaCycle]
) -> list[tuple[str, Any, Any]]:
    """Return where the stored rows say something else: what, stored, derived."""
    found = [
        (column, stored, wanted)
        for column, wanted in derived.ledger.items()
        if (stored := getattr(ledger, column)) != wanted
    ]
    rows = {(row.metric, row.ordinal): row for row in cycles}
    for key in sorted({*rows, *derived.cycles}):
        name = f"{key[0].value} {key[1]}"
        if key not in rows or key not in derived.cycles:
            found.append((name, "stored" if key in rows else None, derived.cycles.get(key)))
            continue
        found += [
            (f"{name}: {column}", stored, wanted)
            for column, wanted in derived.cycles[key].items()
            if (stored := getattr(rows[key], column)) != wanted
        ]
    return found
