"""Planned reconciliation: devices that differ from what they should have are told it again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text

from servicedesk.clients.contracts import contract_in_force
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import NotAllowedNow
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.catalogue.reconcile_policy import ReconcilePolicy
from servicedesk.devices.instructions import ApplyPolicy
from servicedesk.devices.models import Device
from servicedesk.devices.policies.desired import refresh_desired
from servicedesk.devices.policies.models import PolicyProfile
from servicedesk.orders.checking import COLUMNS, Targets
from servicedesk.orders.configuration import POLICY_CODES
from servicedesk.orders.drafting import draft_order
from servicedesk.orders.progress import begin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.unit_of_work import Work

PATIENCE = timedelta(hours=20)  # before a device that was told the same is told it again


def clients_with_policies() -> Sequence[int]:
    """Return the clients for whose devices something is wanted."""
    with unit_of_work(SYSTEM, "orders.clients_with_policies") as work:
        return work.session.scalars(
            select(PolicyProfile.client_id).distinct().order_by(PolicyProfile.client_id)
        ).all()


def reconcile_policies(client_id: int) -> str | None:
    """Order the devices that differ, and that nothing else is telling, to be told again.

    Returns the order's reference, or None where there is nothing to do or no device can.
    """
    with unit_of_work(SYSTEM, "orders.refresh_policies") as work:
        refresh_desired(work, client_id)  # holds also where nobody can be told
    try:
        with unit_of_work(SYSTEM, "orders.reconcile_policies") as work:
            ids = _differing(work, client_id)
            if not ids:
                return None
            rows = work.session.execute(
                select(*COLUMNS).where(Device.id == func.any(ids)).order_by(Device.id)
            ).all()
            contract = contract_in_force(work.session, client_id, work.at.date())
            order = draft_order(work, ReconcilePolicy(), {}, Targets(rows=rows), contract)
            work.concerns(client_id, order.reference)
            order.executed_by_name, order.executed_at = work.actor.name, work.at
            begin(work, order)
            return order.reference
    except NotAllowedNow:
        return None  # none of them can be told anything now; the next round looks again


def _differing(work: Work, client_id: int) -> list[int]:
    return list(
        work.session.scalars(
            DIFFERING,
            {
                "client": client_id,
                "apply": ApplyPolicy.kind,
                "codes": list(POLICY_CODES),
                "lately": work.at - PATIENCE,
            },
        )
    )


DIFFERING = text("""
    SELECT p.device_id
      FROM device_policy p JOIN device d ON d.id = p.device_id AND d.state = 'enrolled'
     WHERE p.client_id = :client AND p.has_drift AND NOT p.is_held
       AND NOT EXISTS (
         SELECT FROM device_command c JOIN command_batch b ON b.id = c.batch_id
          WHERE c.device_id = p.device_id AND b.instruction = :apply
            AND (c.state IN ('queued', 'sent', 'not_now', 'unknown')
                 OR c.created_at >= greatest(p.desired_at, :lately)))
       AND NOT EXISTS (
         SELECT FROM work_order o JOIN order_target t ON t.order_id = o.id
          WHERE o.client_id = :client AND o.state IN ('executing', 'paused')
            AND o.action_code = ANY (CAST(:codes AS text[])) AND t.device_id = p.device_id)
     ORDER BY p.device_id
""")
