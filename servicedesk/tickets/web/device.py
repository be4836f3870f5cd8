"""One device: its facts, its commands and the tickets about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template

from servicedesk.core.permissions import Permission, may
from servicedesk.devices import queries
from servicedesk.devices.catalogue import POINT_ACTIONS
from servicedesk.devices.conformity.queries import changes_of, standings_of
from servicedesk.devices.models import (
    DEVICE_STATE_LABELS,
    MANAGEMENT_LABELS,
    OWNERSHIP_LABELS,
    PLATFORM_LABELS,
)
from servicedesk.devices.policies.standing import policy_standing
from servicedesk.orders.positions.queries import known_position
from servicedesk.shell.session import current_actor
from servicedesk.tickets.queries import tickets_of_device

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


def show(reference: str) -> ResponseReturnValue:
    """Show a device."""
    actor = current_actor()
    device = queries.device_named(actor, reference)
    return render_template(
        "devices/show.html",
        device=device,
        groups=queries.groups_of(actor, device.id),
        commands=queries.commands_of_device(actor, device.id),
        standings=standings_of(actor, device.id),
        changes=changes_of(actor, device.id),
        position=known_position(actor, device.id),
        policy=policy_standing(actor, device.id),
        tickets=tickets_of_device(actor, device.id),
        actions=POINT_ACTIONS if may(actor, Permission.DEVICE_ACT) else (),
        platforms=PLATFORM_LABELS,
        states=DEVICE_STATE_LABELS,
        ownerships=OWNERSHIP_LABELS,
        managements=MANAGEMENT_LABELS,
    )
