"""What a review tells beside its figures: breaches with their causes, the oldest, changes, plans."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on

from servicedesk.devices.commands import CommandBatch
from servicedesk.devices.conformity.models import ConformityChange, ConformityRule
from servicedesk.devices.models import Device
from servicedesk.orders.models import OrderState, WorkOrder
from servicedesk.reviews.coming import planned_next, visits_of
from servicedesk.reviews.following import actions_before
from servicedesk.sla.cycles import Verdict
from servicedesk.tickets.breaches import causes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.reviews.counting import Counted
    from servicedesk.reviews.history import History
    from servicedesk.reviews.metrics.figure import Item

OLDEST = 5
MOST_ORDERS = 40  # told one by one; all of them are counted
MOST_RULES = 10


def chapters_of(counted: Counted) -> dict[str, Any]:
    """Return every chapter, as JSON knows it."""
    history, evidence = counted.history, counted.evidence
    return {
        "breaches": _breaches(history),
        "superseded": [
            {"reference": one.reference, "subject": one.subject, "metric": one.metric.value}
            for one in history.superseded
        ],
        "oldest": _oldest(history, evidence["backlog"]),
        "said": _said(history),
        "changes": _changes(history),
        "fleet": _fleet(history, evidence["conformity"]),
        "rules": _rules(history),
        "missed": [
            {
                "task": run.task,
                "title": run.title,
                "run_id": run.run_id,
                "due_at": run.due_at.isoformat(),
                "started_at": run.started_at.isoformat() if run.started_at else None,
                "punctuality": run.punctuality,
            }
            for run in history.runs
            if run.punctuality != "punctual"
        ],
        "planned_next": planned_next(history),
        "days": visits_of(history),
        "actions_before": actions_before(history),
    }


def _breaches(history: History) -> list[dict[str, Any]]:
    """Return every breach, the worst first, with its cause as it was given."""
    late = [cycle for cycle in history.decided if cycle.verdict is Verdict.BREACHED]
    late_ledgers = {cycle.ledger_id for cycle in late}
    ledgers = {one.id: one.ledger_id for one in history.tickets if one.ledger_id in late_ledgers}
    causes = {
        (ledgers[ticket_id], cause.metric, cause.ordinal): cause
        for ticket_id, given in causes_of(history.session, ledgers).items()
        for cause in given
    }
    found = []
    for cycle in late:
        cause = causes.get((cycle.ledger_id, cycle.metric, cycle.ordinal))
        found.append(
            {
                "reference": cycle.reference,
                "subject": cycle.subject,
                "metric": cycle.metric.value,
                "kind": cycle.kind,
                "priority": cycle.priority,
                "at": cycle.decided_at.isoformat(),
                "target_seconds": cycle.target_seconds,
                "beyond_seconds": history.beyond[cycle.ledger_id, cycle.metric, cycle.ordinal],
                "cause": cause.cause.value if cause else None,
                "words": cause.words if cause else "",
            }
        )
    return sorted(found, key=lambda one: (-one["beyond_seconds"], one["reference"]))


def _oldest(history: History, backlog: Sequence[Item]) -> list[dict[str, Any]]:
    created = {ticket.reference: ticket for ticket in history.counted}
    return [
        {
            "reference": item.reference,
            "subject": item.about,
            "kind": item.tags["kind"],
            "priority": item.tags["priority"],
            "age": item.tags["age"],
            "created_at": created[item.reference].story.created_at.isoformat(),
        }
        for item in backlog[:OLDEST]
    ]


def _said(history: History) -> list[dict[str, Any]]:
    """Return what people wrote with their scores, the lowest score first."""
    return [
        {"reference": ticket.reference, "score": given.score, "words": given.words}
        for ticket, given in sorted(
            history.scored, key=lambda one: (one[1].score or 0, one[0].reference)
        )
        if given.words
    ]


def _changes(history: History) -> dict[str, Any]:
    """Return the orders that ended in the month: how many of each action, and the widest of them."""
    period = history.period
    rows = history.session.execute(
        select(
            WorkOrder.reference,
            WorkOrder.action_code,
            WorkOrder.target_count,
            WorkOrder.finished_at,
            func.coalesce(CommandBatch.is_destructive, False).label("is_destructive"),
        )
        .outerjoin(CommandBatch, CommandBatch.id == WorkOrder.batch_id)
        .where(
            WorkOrder.client_id == period.client_id,
            WorkOrder.finished_at >= period.start,
            WorkOrder.finished_at < period.end,
            WorkOrder.state == OrderState.DONE,
        )
        .order_by(WorkOrder.target_count.desc(), WorkOrder.id)
    ).all()
    orders, devices = Counter[str](), Counter[str]()
    for row in rows:
        orders[row.action_code] += 1
        devices[row.action_code] += row.target_count
    return {
        "by_action": [
            {"action": action, "orders": count, "devices": devices[action]}
            for action, count in sorted(orders.items(), key=lambda one: (-one[1], one[0]))
        ],
        "orders": [
            {
                "reference": row.reference,
                "action": row.action_code,
                "devices": row.target_count,
                "at": row.finished_at.isoformat(),
                "is_destructive": row.is_destructive,
            }
            for row in rows[:MOST_ORDERS]
        ],
        "total": len(rows),
    }


def _fleet(history: History, devices: Sequence[Item]) -> dict[str, Any]:
    """Return of what the fleet was made at the month's end."""
    references = [item.reference for item in devices]
    rows = history.session.execute(
        select(Device.platform, Device.ownership, func.count().label("amount"))
        .where(
            Device.client_id == history.period.client_id,
            Device.reference == func.any(references),
        )
        .group_by(Device.platform, Device.ownership)
        .order_by(Device.platform, Device.ownership)
    )
    return {
        "managed": history.fleet.managed if history.fleet else None,
        "of": [
            {
                "platform": row.platform.value,
                "ownership": row.ownership.value,
                "amount": row.amount,
            }
            for row in rows
        ],
    }


def _rules(history: History) -> list[dict[str, Any]]:
    """Return the rules that most devices failed at the month's end."""
    last = (
        select(ConformityChange.rule_id, ConformityChange.failed)
        .where(
            ConformityChange.client_id == history.period.client_id,
            ConformityChange.at < history.period.end,
        )
        .ext(distinct_on(ConformityChange.rule_id, ConformityChange.device_id))
        .order_by(ConformityChange.rule_id, ConformityChange.device_id, ConformityChange.id.desc())
        .subquery()
    )
    rows = history.session.execute(
        select(ConformityRule.reference, ConformityRule.name, func.count().label("devices"))
        .join(last, last.c.rule_id == ConformityRule.id)
        .where(last.c.failed)
        .group_by(ConformityRule.id)
        .order_by(func.count().desc(), ConformityRule.id)
        .limit(MOST_RULES)
    )
    return [dict(row._mapping) for row in rows]  # noqa: SLF001
