"""How an order comes to be: drafted from a form, checked, and never wider than what was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert

from servicedesk.core.errors import InvalidInput
from servicedesk.core.permissions import Permission, require
from servicedesk.core.references import next_reference
from servicedesk.orders.checking import verdicts
from servicedesk.orders.models import OrderState, OrderTarget, WorkOrder, content_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicedesk.clients.models import Contract
    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.catalogue.action import ManagedAction
    from servicedesk.devices.models import Device


class BadParameters(InvalidInput):
    """Parameters of an action that cannot be used; `faults` says which and why (msgids)."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        """Name the first fault in the sentence; all are in `faults`."""
        name, fault = next(iter(faults.items()))
        super().__init__(fault, field=f"action.parameters.{name}")
        self.faults = dict(faults)


def draft_order(
    work: Work,
    action: ManagedAction,
    parameters: Mapping[str, object],
    devices: Sequence[Device],
    contract: Contract | None,
) -> WorkOrder:
    """Write an order with a verdict for every device. Raises Forbidden, BadParameters."""
    require(work.actor, Permission.DEVICE_ACT)
    if faults := action.faults(parameters):
        raise BadParameters(faults)
    if work.actor.user_id is None:
        raise InvalidInput
    cleaned = action.cleaned(parameters)
    ids = [device.id for device in devices]
    order = WorkOrder(
        client_id=devices[0].client_id,
        reference=next_reference(work, "OT"),
        action_code=action.code,
        parameters=cleaned,
        state=OrderState.AWAITING_APPROVAL if action.is_destructive else OrderState.DRAFT,
        needs_approval=action.is_destructive,
        content_hash=content_hash(devices[0].client_id, action.code, cleaned, ids),
        author_id=work.actor.user_id,
        author_name=work.actor.name,
        created_at=work.at,
    )
    work.session.add(order)
    work.session.flush()
    judged = verdicts(work.session, action, devices, contract, work.at.date())
    work.session.execute(
        insert(OrderTarget),
        [
            {
                "order_id": order.id,
                "device_id": device.id,
                "client_id": order.client_id,
                "possible": verdict.possible,
                "reason": verdict.reason and verdict.reason.msgid,
                "reason_values": verdict.reason and dict(verdict.reason.values),
            }
            for device, verdict in zip(devices, judged, strict=True)
        ],
    )
    work.note(targets=[device.reference for device in devices][:50], target_count=len(devices))
    return order
