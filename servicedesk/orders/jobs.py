"""What workers do for orders."""

from __future__ import annotations

from datetime import timedelta

from servicedesk.core.errors import NotAllowedNow
from servicedesk.core.jobs import job
from servicedesk.devices.policies.models import RECONCILE_POLICIES
from servicedesk.orders.positions.keeping import forget_expired
from servicedesk.orders.progress import advance, due_orders, give_up
from servicedesk.orders.reconciling import reconcile_policies
from servicedesk.orders.stopping import PAUSE_STOPPED
from servicedesk.orders.stopping import pause_stopped as pause_orders_of


@job("orders.advance", queue="devices", every=timedelta(seconds=5))
def advance_due() -> None:
    """Begin what has waited for its time, and start the next stages."""
    for order_id in due_orders():
        try:
            advance(order_id)
        except NotAllowedNow:
            give_up(order_id)


@job(RECONCILE_POLICIES)
def bring_to_policy(client_id: int) -> None:
    """Tell devices of a client that differ from their policy what they should have."""
    reconcile_policies(client_id)


@job(PAUSE_STOPPED, stays_inside=True)
def pause_stopped(client_id: int) -> None:
    """Pause the destructive orders of a client whose stop is on."""
    pause_orders_of(client_id)


@job("positions.forget", every=timedelta(minutes=5))
def forget_positions() -> None:
    """Delete the positions whose days are over."""
    forget_expired()
