"""Asking for something in words: a query, an incident, another request; and what there is to ask."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from flask import render_template, request

from servicedesk.clients.choices import clients_to_choose
from servicedesk.clients.models import BLOCK_LABELS
from servicedesk.core.errors import DomainError, NotFound
from servicedesk.core.permissions import Permission, may
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue import ACTIONS
from servicedesk.devices.queries import devices_by_reference
from servicedesk.shell.errors import put_beside_field
from servicedesk.shell.navigation import nav
from servicedesk.shell.session import current_actor
from servicedesk.tickets.intake import open_ticket
from servicedesk.tickets.models import KIND_LABELS, TicketKind
from servicedesk.tickets.web.asking_action import opened
from servicedesk.tickets.web.forms import TicketForm

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.devices.models import Device

MOST_DEVICES = 500


@nav("portal.ask.index", msgid("Ask for something"), "plus", 10, Permission.TICKET_OPEN)
@nav("desk.ask.index", msgid("Open a ticket"), "plus", 30, Permission.TICKET_OPEN)
def index() -> ResponseReturnValue:
    """Show what can be asked for."""
    actions = ACTIONS if may(current_actor(), Permission.DEVICE_ACT) else ()
    by_block = [
        (label, [action for action in actions if action.block is block])
        for block, label in BLOCK_LABELS.items()
    ]
    return render_template(
        "tickets/ask.html", blocks=[(label, found) for label, found in by_block if found]
    )


def _chosen_devices() -> list[Device]:
    names = [*request.args.getlist("device"), *request.form.getlist("device")]
    references = list(dict.fromkeys(name[:40].replace("\x00", "") for name in names))
    return list(devices_by_reference(current_actor(), references[:MOST_DEVICES]))


def words(kind: str) -> ResponseReturnValue:
    """Ask a query or report an incident."""
    if kind not in {TicketKind.QUERY.value, TicketKind.INCIDENT.value, TicketKind.REQUEST.value}:
        raise NotFound
    actor, chosen = current_actor(), _chosen_devices()
    form = TicketForm()
    if request.method == "GET":
        form = TicketForm(formdata=None, once=secrets.token_urlsafe(12))
    elif form.validate_on_submit():
        try:
            client = request.form.get("client", "").replace("\x00", "")
            references = [device.reference for device in chosen]
            ticket = open_ticket(actor, form.to_ticket(TicketKind(kind), client, references))
        except DomainError as error:
            put_beside_field(form, error)
        else:
            return opened(ticket.reference)
    page = render_template(
        "tickets/ask_words.html",
        kind=kind,
        label=KIND_LABELS[TicketKind(kind)],
        form=form,
        chosen=chosen,
        clients=[] if actor.is_contact else clients_to_choose(actor),
    )
    return page, (422 if form.errors or form.form_errors else 200)
