"""What conformity does when devices have reported something new."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from servicedesk.devices.conformity.models import EVALUATE_CONFORMITY

if TYPE_CHECKING:
    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.events import InventoryChanged

MOST_NAMED = 1000  # with more devices the whole client is judged


def on_inventory_changed(work: Work, event: InventoryChanged) -> None:
    """Have the devices judged; the same devices wait in one job only."""
    name = f"{EVALUATE_CONFORMITY.name}:{event.client_id}"
    if len(event.device_ids) > MOST_NAMED:
        work.enqueue(EVALUATE_CONFORMITY, once_as=name, client_id=event.client_id)
        return
    ids = list(event.device_ids)
    digest = hashlib.sha256(repr(ids).encode()).hexdigest()[:32]
    work.enqueue(
        EVALUATE_CONFORMITY, once_as=f"{name}:{digest}", client_id=event.client_id, device_ids=ids
    )
