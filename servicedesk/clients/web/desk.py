"""The operator's pages about clients."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request

from servicedesk.clients import queries
from servicedesk.clients.models import BLOCK_LABELS, MODALITY_LABELS
from servicedesk.clients.web.forms import ManagerForm
from servicedesk.core import clock
from servicedesk.core.permissions import Permission, may
from servicedesk.core.text import msgid
from servicedesk.shell.language import chosen_zone
from servicedesk.shell.navigation import nav
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from datetime import date

    from flask.typing import ResponseReturnValue

clients = Blueprint("clients", __name__, url_prefix="/clients")


@clients.get("/")
@nav("desk.clients.index", msgid("Clients"), "building", 50, Permission.CLIENT_READ)
def index() -> ResponseReturnValue:
    """List the actor's clients by name."""
    words = request.args.get("q", "").strip()
    page = queries.clients(current_actor(), today(), words, request.args.get("cursor"))
    return render_template(
        "clients/desk/index.html",
        page=page,
        filters={"q": words},
        today=today(),
        modality_labels=MODALITY_LABELS,
    )


@clients.get("/<reference>")
def show(reference: str) -> ResponseReturnValue:
    """Show a client: contract, contacts, account managers."""
    actor = current_actor()
    view = queries.client_view(actor, reference, today())
    return render_template(
        "clients/desk/show.html",
        view=view,
        manager_form=_manager_form(view) if may(actor, Permission.CLIENT_ADMINISTER) else None,
        modality_labels=MODALITY_LABELS,
        block_labels=BLOCK_LABELS,
    )


def today() -> date:
    """Return the reader's day."""
    return clock.now().astimezone(ZoneInfo(chosen_zone())).date()


def _manager_form(view: queries.ClientView) -> ManagerForm | None:
    """Return the form to add a manager, if there is one to add."""
    already = {user.id for user in view.managers}
    others = [u for u in queries.assignable_managers(current_actor()) if u.id not in already]
    return ManagerForm.offering(others) if others else None
