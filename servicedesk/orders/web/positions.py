"""Where devices were: what is known without a look, the look itself, and who looked.

A look is a POST. Asking for the page again only tells that a position is known; to see it again is
another look, and the browser asks before it sends one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, render_template, request

from servicedesk.accounts.labels import ROLE_LABELS
from servicedesk.clients.choices import clients_to_choose
from servicedesk.core.permissions import Permission, require
from servicedesk.devices.queries import device_named
from servicedesk.orders.positions import looking, queries
from servicedesk.orders.queries import order_named
from servicedesk.orders.web.places import mapped
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.core.paging import Page
    from servicedesk.orders.positions.looking import Sighting


def blueprint() -> Blueprint:
    """Return `/positions`."""
    made = Blueprint("positions", __name__, url_prefix="/positions")
    made.add_url_rule("/", view_func=looks)
    made.add_url_rule("/devices/<reference>", view_func=device)
    made.add_url_rule("/devices/<reference>", view_func=look_at_device, methods=["POST"])
    made.add_url_rule("/orders/<reference>", view_func=order)
    made.add_url_rule("/orders/<reference>", view_func=look_at_order, methods=["POST"])
    return made


def looks() -> ResponseReturnValue:
    """List who looked at positions: the client's own report."""
    actor = current_actor()
    client = request.args.get("client", "")[:40].replace("\x00", "")
    return render_template(
        "orders/positions/looks.html",
        page=queries.looks(actor, client=client, cursor=request.args.get("cursor")),
        client=client,
        clients=[] if actor.is_contact else clients_to_choose(actor),
        roles=ROLE_LABELS,
    )


def device(reference: str) -> ResponseReturnValue:
    """Tell whether a device's position is known, and who looked."""
    return _device_page(reference)


def look_at_device(reference: str) -> ResponseReturnValue:
    """Show where a device was, and record who looked."""
    sighting = looking.look_at_device(current_actor(), reference)
    return _device_page(reference, sighting)


def _device_page(reference: str, sighting: Sighting | None = None) -> ResponseReturnValue:
    actor = current_actor()
    found = device_named(actor, reference)
    require(actor, Permission.LOCATION_READ)
    return render_template(
        "orders/positions/device.html",
        device=found,
        position=queries.known_position(actor, found.id),
        page=queries.looks(actor, device_id=found.id, cursor=request.args.get("cursor")),
        seen=mapped([sighting]) if sighting else None,
        roles=ROLE_LABELS,
    )


def order(reference: str) -> ResponseReturnValue:
    """Tell which devices an order has found."""
    return _order_page(reference)


def look_at_order(reference: str) -> ResponseReturnValue:
    """Show where an order found its devices, a page at a time, and record who looked."""
    cursor = request.form.get("cursor") or None
    return _order_page(reference, looking.look_at_order(current_actor(), reference, cursor))


def _order_page(reference: str, sightings: Page[Sighting] | None = None) -> ResponseReturnValue:
    actor = current_actor()
    found = order_named(actor, reference)
    require(actor, Permission.LOCATION_READ)
    cursor = request.args.get("cursor")
    return render_template(
        "orders/positions/order.html",
        order=found,
        known=None if sightings else queries.known_positions(actor, found, cursor),
        cursor=cursor,
        seen=mapped(sightings.items) if sightings else None,
        following=sightings.next if sightings else None,
    )
