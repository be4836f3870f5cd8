"""When the grace of a rule is over: one ticket with one order that locks whoever still fails it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import exists, func, select

from servicedesk.clients.contracts import contract_in_force
from servicedesk.core.actors import SYSTEM
from servicedesk.core.jobs import JobName
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.catalogue import action_named
from servicedesk.devices.catalogue.lock import LockDevices
from servicedesk.devices.conformity.locking import lock_evaluation
from servicedesk.devices.conformity.models import ConformityFinding, ConformityRule, Consequence
from servicedesk.orders.checking import targets_of
from servicedesk.orders.drafting import Cause, draft_order, has_able_device
from servicedesk.orders.execution import execute
from servicedesk.orders.models import OrderState, OrderTarget, WorkOrder
from servicedesk.tickets.desk_tickets import open_for_desk
from servicedesk.tickets.intake import NewTicket, contact_of
from servicedesk.tickets.models import EntryKind, TicketKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.events import LockDue

LOCK_FAILING = JobName("tickets.lock_failing", "devices")
TOGETHER = timedelta(minutes=1)  # what falls due within it becomes one ticket
LATELY = timedelta(hours=24)


def on_lock_due(work: Work, event: LockDue) -> None:
    """Have a ticket opened soon, for these devices and others that fall due meanwhile."""
    work.enqueue(
        LOCK_FAILING,
        at=work.at + TOGETHER,
        once_as=f"{LOCK_FAILING.name}:{event.rule_id}",
        rule_id=event.rule_id,
    )


def lock_failing(rule_id: int) -> None:
    """Open the ticket of a rule for who is due and not in an order yet, and lock them.

    The order is drafted in the name of who answers for the rule: many wait for a second person.
    Without a contract in force nobody is served, so nothing is done; a repeat does nothing.
    """
    with unit_of_work(SYSTEM, "tickets.lock_failing") as work:
        rule = work.session.get(ConformityRule, rule_id)
        if rule is None:
            return
        lock_evaluation(work, rule.client_id)
        work.session.refresh(rule)
        due = _due(work, rule)
        contract = contract_in_force(work.session, rule.client_id, work.at.date())
        requester = contact_of(work, rule.client_id) or _author(rule)
        if not due or contract is None or requester is None:
            return
        name = f"{rule.name} · {rule.reference}"
        order = draft_order(
            work,
            action_named(LockDevices.code),
            {"message": name},
            targets_of(work.session, due),
            contract,
            Cause(
                rule_id=rule.id,
                # without anybody who answers for it, it is the client's own rule
                author_id=rule.author_id or requester[0],
                author_name=f"{rule.author_name} ({rule.reference})",
                lately=_reached_lately(work, rule),
            ),
        )
        facts = {"rule": rule.reference, "devices": len(due), "hours": rule.grace_hours}
        open_for_desk(
            work,
            client_id=rule.client_id,
            new=NewTicket(kind=TicketKind.REQUEST, subject=name, description=""),
            requester=requester,
            order=order,
            because=(EntryKind.GRACE_OVER, facts),
        )
        if order.state is OrderState.DRAFT and has_able_device(work, order):
            execute(work, order)


def _due(work: Work, rule: ConformityRule) -> Sequence[int]:
    """Return who has been due since an order of the rule last named them."""
    if not rule.is_active or not rule.has(Consequence.LOCK):
        return []
    was_ordered = (
        exists()
        .where(
            OrderTarget.device_id == ConformityFinding.device_id,
            WorkOrder.id == OrderTarget.order_id,
            WorkOrder.rule_id == rule.id,
            WorkOrder.created_at >= ConformityFinding.locked_at,
        )
        .correlate(ConformityFinding)
    )
    return work.session.scalars(
        select(ConformityFinding.device_id)
        .where(
            ConformityFinding.rule_id == rule.id,
            ConformityFinding.locked_at.is_not(None),
            ~was_ordered,
        )
        .order_by(ConformityFinding.device_id)
    ).all()


def _author(rule: ConformityRule) -> tuple[int, str] | None:
    return (rule.author_id, rule.author_name) if rule.author_id else None


def _reached_lately(work: Work, rule: ConformityRule) -> int:
    """Return how many devices the rule had locked within a day without a second person.

    Few at a time are many in the end.
    """
    return (
        work.session.scalar(
            select(func.count())
            .select_from(OrderTarget)
            .join(WorkOrder, WorkOrder.id == OrderTarget.order_id)
            .where(
                WorkOrder.rule_id == rule.id,
                WorkOrder.created_at > work.at - LATELY,
                WorkOrder.needs_approval.is_(False),
                OrderTarget.possible,
            )
        )
        or 0
    )
