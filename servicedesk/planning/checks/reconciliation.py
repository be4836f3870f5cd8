"""Devices that differ from what they should have are told it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from servicedesk.core.text import Text, msgid
from servicedesk.devices.policies.models import DevicePolicy, PolicyProfile
from servicedesk.orders.reconciling import clients_with_policies, reconcile_policies
from servicedesk.planning.checks.check import Check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.planning.checks.check import Round


class Reconciliation(Check):
    """Bring every client's devices to their policy: documents expire, people change settings."""

    code = "policies.reconcile"
    label = msgid("Devices are brought to their policy")
    description = msgid(
        "Computes what every device should have, and tells those that differ, unless they were told"
        " lately."
    )
    is_housekeeping = True

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Take one client after another."""
        del parameters
        clients = clients_with_policies()
        orders = 0
        for number, client_id in enumerate(clients):
            given.seen(number, len(clients))
            if reference := reconcile_policies(client_id):
                orders += 1
                given.info(msgid("Order %(order)s tells them."), subject=reference, order=reference)
        given.seen(len(clients), len(clients))
        return Text(
            msgid("%(clients)s clients were looked at; %(orders)s orders were begun."),
            {"clients": len(clients), "orders": orders},
        )

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Count clients, and the devices that differ now."""
        del client_id, parameters
        clients = session.scalar(select(func.count(PolicyProfile.client_id.distinct())))
        devices = session.scalar(
            select(func.count()).where(DevicePolicy.has_drift, ~DevicePolicy.is_held)
        )
        return [
            Text(
                msgid("Looks at %(clients)s clients; %(devices)s devices differ now."),
                {"clients": clients, "devices": devices},
            )
        ]
