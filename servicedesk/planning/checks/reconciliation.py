"""Devices that differ from what they should have are told it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from servicedesk.core.errors import DomainError
from servicedesk.core.text import Text, msgid
from servicedesk.devices.policies.models import DevicePolicy, PolicyProfile
from servicedesk.orders.reconciling import clients_with_policies, reconcile_policies
from servicedesk.planning.checks.check import Check
from servicedesk.planning.checks.looking import clients_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.planning.checks.check import Round


TOLD = msgid("%(client)s: order %(order)s tells them.")
REFUSED = msgid("%(client)s: its devices cannot be brought to their policy. %(reason)s")


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
        wanted = set(clients_with_policies())
        clients = [client for client in clients_in(None) if client.id in wanted]
        orders = 0
        for number, client in enumerate(clients):
            given.seen(number, len(clients))
            orders += _reconciled(given, client)
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


def _reconciled(given: Round, client: Any) -> bool:
    """Bring a client's devices to their policy, and tell; return whether an order was begun."""
    try:
        reference = reconcile_policies(client.id)
    except DomainError as refusal:
        # the others must not suffer for it
        given.problem(
            REFUSED, subject=client.reference, client=client.name, reason=refusal.text.to_json()
        )
        return False
    if reference is None:
        return False
    given.info(TOLD, subject=reference, client=client.name, order=reference)
    return True
