"""For whom a task's action is meant, while its form is filled in: groups and devices of a client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import request
from sqlalchemy import select

from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.devices.groups import groups_with_sizes
from servicedesk.devices.queries import FleetFilter, devices, devices_by_reference
from servicedesk.orders.preview import judged, reach_of_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.devices.catalogue.action import ManagedAction
    from servicedesk.devices.models import Device

FOUND = 20  # devices shown for a search
MOST_DEVICES = 500
MOST_GROUPS = 50


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The client, and what of it was ticked; what is another client's is left out."""

    client: Client | None
    devices: Sequence[Device]
    groups: Sequence[str]


def chosen_of(
    actor: Actor, client: str, groups: Sequence[str], references: Sequence[str]
) -> Chosen:
    """Return what was ticked of a client."""
    found = _client(actor, client) if client else None
    if found is None:
        return Chosen(client=None, devices=[], groups=[])
    wanted = list(references)[:MOST_DEVICES]
    there = [one for one in devices_by_reference(actor, wanted) if one.client_id == found.id]
    return Chosen(client=found, devices=there, groups=list(groups)[:MOST_GROUPS])


def _client(actor: Actor, reference: str) -> Client | None:
    plain = reference.replace("\x00", "")
    return database.session().scalar(
        select(Client).where(Client.reference == plain, visible_to(actor, Client.id))
    )


def ticked(name: str) -> list[str]:
    """Return what was ticked under a name, and what an address already ticks."""
    given = request.form.getlist(name) if request.method == "POST" else request.args.getlist(name)
    plain = (value[:100].replace("\x00", "").strip() for value in given)
    return [value for value in dict.fromkeys(plain) if value]


def targets_shown(actor: Actor, action: ManagedAction, chosen: Chosen) -> dict[str, Any]:
    """Return what the part of the form shows that says for whom."""
    q = request.values.get("q", "").strip().replace("\x00", "")[:200]
    here = {device.id for device in chosen.devices}
    client = chosen.client.reference if chosen.client else ""
    found = devices(actor, FleetFilter(q=q, client=client), size=FOUND).items if q else []
    return {
        "judged": judged(action, chosen.devices),
        "found": [device for device in found if device.id not in here],
        "groups": groups_with_sizes(actor, chosen.client.id) if chosen.client else [],
        "reaches": reach_of_groups(actor, action, chosen.client.id, chosen.groups)
        if chosen.client
        else [],
        "q": q,
    }
