"""Orders that change what devices should have: the change is made when the order begins.

Its devices are then *held*: what they should have has changed, and each is told when its stage
comes. Reconciliation leaves held devices alone, so a change that stopped at its canary, or was
cancelled, never reaches the rest at night by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, select, text
from sqlalchemy.orm import aliased

from servicedesk.core.errors import InvalidInput, NotAllowedNow
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue import ACTIONS, action_named
from servicedesk.devices.catalogue.desired_state import DesiredStateAction, Scope
from servicedesk.devices.policies.changes import lock_policies
from servicedesk.devices.policies.content import digest
from servicedesk.devices.policies.desired import refresh_desired
from servicedesk.orders.models import OrderState, OrderTarget, WorkOrder
from servicedesk.orders.withdrawal import withdraw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from servicedesk.core.unit_of_work import Work

POLICY_CODES = tuple(action.code for action in ACTIONS if action.changes_policy)
UNDER_WAY = (OrderState.EXECUTING, OrderState.PAUSED)

HOLD = text("""
    UPDATE device_policy p SET is_held = true
      FROM order_target t
     WHERE t.order_id = :order AND p.device_id = t.device_id AND NOT p.is_held
""")
# whoever joined a group since it was asked is concerned by what changes for the group
AFFECTED = text("""
    SELECT device_id FROM order_target WHERE order_id = :order
    UNION SELECT device_id FROM device_group_member
           WHERE group_id = ANY (CAST(:groups AS bigint[]))
""")
LET_GO = text("""
    UPDATE device_policy SET is_held = false
     WHERE device_id = ANY (CAST(:devices AS bigint[])) AND is_held
""")


class PolicyChanged(NotAllowedNow):
    """The written settings are not those that somebody saw and approved."""

    code = "policy-changed"
    sentence = msgid(
        "The policy's settings were changed meanwhile: look at them again, or ask anew."
    )


class ChangeUnderWay(NotAllowedNow):
    """Another order is changing the policy of the same devices."""

    code = "change-under-way"
    sentence = msgid(
        "The order %(order)s is changing the policy of some of these devices: let it end, or cancel it."
    )


def policy_digest(session: Session, order: WorkOrder) -> str:
    """Return what tells the settings an order would bring from any others; empty: its parameters do."""
    action = action_named(order.action_code)
    if not isinstance(action, DesiredStateAction):
        return ""
    try:
        content = action.settles_on(session, order.client_id, order.parameters)
    except InvalidInput:
        return ""  # what it names is gone: executing it says so
    return digest(content) if content is not None else ""


def check_approved_policy(work: Work, order: WorkOrder) -> None:
    """Raise PolicyChanged when the settings are not those that were approved."""
    if order.approved_policy is not None and order.approved_policy != policy_digest(
        work.session, order
    ):
        raise PolicyChanged


def change_desired(work: Work, order: WorkOrder) -> None:
    """Change what an order's devices should have. Raises ChangeUnderWay, or what the action refuses."""
    action = action_named(order.action_code)
    if not isinstance(action, DesiredStateAction):
        order.undo = action.undo(order.parameters)
        return
    lock_policies(work, order.client_id)
    check_approved_policy(work, order)
    for other in _under_way(work, order):
        if not other.is_reconciliation:
            raise ChangeUnderWay(order=other.reference)
        withdraw(work, other)  # what it would still tell is what this order changes
    order.undo = action.change(work, _scope(work, order), order.parameters)
    affected = work.session.scalars(AFFECTED, {"order": order.id, "groups": order.group_ids}).all()
    refresh_desired(work, order.client_id, affected)
    work.session.execute(HOLD, {"order": order.id})


def let_go_policies(work: Work, device_ids: Sequence[int]) -> None:
    """Note that these devices are being told what they should have."""
    work.session.execute(LET_GO, {"devices": list(device_ids)})


def _scope(work: Work, order: WorkOrder) -> Scope:
    return Scope(
        client_id=order.client_id,
        group_ids=order.group_ids,
        device_ids=work.session.scalars(
            select(OrderTarget.device_id)
            .where(OrderTarget.order_id == order.id)
            .order_by(OrderTarget.device_id)
        ).all(),
        note=order.reference,
    )


def _under_way(work: Work, order: WorkOrder) -> Sequence[WorkOrder]:
    """Return other orders that tell the same devices their policy, locked."""
    mine, theirs = aliased(OrderTarget), aliased(OrderTarget)
    shares_a_device = exists().where(
        theirs.order_id == WorkOrder.id,
        mine.order_id == order.id,
        mine.device_id == theirs.device_id,
    )
    return work.session.scalars(
        select(WorkOrder)
        .where(
            WorkOrder.client_id == order.client_id,
            WorkOrder.id != order.id,
            WorkOrder.state.in_(UNDER_WAY),
            WorkOrder.action_code.in_(POLICY_CODES),
            shares_a_device,
        )
        .order_by(WorkOrder.id)
        .with_for_update(of=WorkOrder)
    ).all()
