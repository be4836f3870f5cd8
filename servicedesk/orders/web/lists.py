"""The list of work orders: those of tickets, and those the desk gave itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template, request

from servicedesk.clients.choices import clients_to_choose
from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue import ACTIONS
from servicedesk.orders.listing import SHOWS, OrderFilter, orders
from servicedesk.orders.models import ORDER_STATE_LABELS
from servicedesk.shell.navigation import nav
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


@nav("desk.orders.index", msgid("Orders"), "player-play", 35, Permission.ORDER_READ)
def index() -> ResponseReturnValue:
    """Show work orders, the newest first; what needs somebody is a filter of its own."""
    actor = current_actor()
    show = request.args.get("show", "")
    code = request.args.get("action", "")
    wanted = OrderFilter(
        show=show if show in SHOWS or show in set(ORDER_STATE_LABELS) else "",
        action=code if any(action.code == code for action in ACTIONS) else "",
        client=request.args.get("client", "")[:40].replace("\x00", ""),
    )
    return render_template(
        "orders/index.html",
        page=orders(actor, wanted, request.args.get("cursor")),
        wanted=wanted,
        shows={**SHOWS, **ORDER_STATE_LABELS},
        actions={action.code: action for action in ACTIONS},
        action_labels={action.code: action.label for action in ACTIONS},
        clients=[] if actor.is_contact else clients_to_choose(actor),
    )
