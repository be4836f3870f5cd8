"""What policies do when devices begin or cease to conform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.devices.policies.desired import refresh_desired
from servicedesk.devices.policies.models import RECONCILE_POLICIES

if TYPE_CHECKING:
    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.events import ConformityChanged


def on_conformity_changed(work: Work, event: ConformityChanged) -> None:
    """Withhold what the rules withhold, give back what they do not any more."""
    if refresh_desired(work, event.client_id, event.device_ids):
        work.enqueue(
            RECONCILE_POLICIES,
            once_as=f"{RECONCILE_POLICIES.name}:{event.client_id}",
            client_id=event.client_id,
        )
