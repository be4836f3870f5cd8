"""Asking for something: a catalogue entry on devices, a query, an incident."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from servicedesk.clients.choices import clients_to_choose
from servicedesk.clients.contracts import contract_in_force
from servicedesk.core import clock, database
from servicedesk.core.errors import DomainError, NotFound
from servicedesk.core.permissions import Permission, may
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue import ACTIONS
from servicedesk.devices.queries import FleetFilter, devices, devices_by_reference
from servicedesk.orders.checking import verdicts
from servicedesk.shell.errors import put_beside_field
from servicedesk.shell.navigation import nav, to
from servicedesk.shell.session import current_actor
from servicedesk.tickets.intake import open_ticket
from servicedesk.tickets.models import KIND_LABELS, TicketKind
from servicedesk.tickets.web.forms import TicketForm, request_form, wanted_action

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.devices.catalogue.action import ManagedAction
    from servicedesk.devices.models import Device

FOUND = 20  # devices shown for a search; the fleet page shows them all
MOST_DEVICES = 500


@nav("portal.ask.index", msgid("Ask for something"), "plus", 10, Permission.TICKET_OPEN)
@nav("desk.ask.index", msgid("Open a ticket"), "plus", 30, Permission.TICKET_OPEN)
def index() -> ResponseReturnValue:
    """Show what can be asked for."""
    actions = ACTIONS if may(current_actor(), Permission.DEVICE_ACT) else ()
    return render_template("tickets/ask.html", actions=actions)


def choose() -> ResponseReturnValue:
    """Lead from a list of actions to the one chosen, with the devices that were ticked."""
    code = request.args.get("code", "")
    if not code:
        return redirect(to("ask.index"))
    if code not in {action.code for action in ACTIONS}:
        raise NotFound
    ticked = request.args.getlist("device")[:MOST_DEVICES]
    return redirect(to("ask.action", code=code, device=ticked))


def action(code: str) -> ResponseReturnValue:
    """Ask for an action: choose devices, see for each whether it can, say why, send."""
    wanted = next((action for action in ACTIONS if action.code == code), None)
    if wanted is None or not may(current_actor(), Permission.DEVICE_ACT):
        raise NotFound
    chosen = _chosen_devices()
    form = request_form(wanted)()
    if request.method == "GET":
        form = request_form(wanted)(formdata=None, once=secrets.token_urlsafe(12))
        form.subject.data = _(wanted.label)
    elif form.validate_on_submit():
        new = form.to_ticket(TicketKind.REQUEST, "")
        named = wanted_action(wanted, form, [device.reference for device in chosen])
        try:
            ticket = open_ticket(current_actor(), replace(new, action=named))
        except DomainError as error:
            put_beside_field(form, error)
        else:
            return _opened(ticket.reference)
    return _action_page(wanted, chosen, form)


def _action_page(
    wanted: ManagedAction, chosen: list[Device], form: TicketForm
) -> ResponseReturnValue:
    actor = current_actor()
    session, today = database.session(), clock.now().date()
    contracts = {
        client_id: contract_in_force(session, client_id, today)
        for client_id in {device.client_id for device in chosen}
    }
    judged = [
        (device, verdicts(session, wanted, [device], contracts[device.client_id], today)[0])
        for device in chosen
    ]
    q = request.args.get("q", "").strip()
    client = request.args.get("client", "")
    found = devices(actor, FleetFilter(q=q, client=client), size=FOUND).items if q else []
    return render_template(
        "tickets/ask_action.html",
        action=wanted,
        form=form,
        judged=judged,
        possible=sum(verdict.possible for _device, verdict in judged),
        found=[device for device in found if device not in chosen],
        q=q,
    ), (422 if form.errors or form.form_errors else 200)


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
            return _opened(ticket.reference)
    page = render_template(
        "tickets/ask_words.html",
        kind=kind,
        label=KIND_LABELS[TicketKind(kind)],
        form=form,
        chosen=chosen,
        clients=[] if actor.is_contact else clients_to_choose(actor),
    )
    return page, (422 if form.errors or form.form_errors else 200)


def _opened(reference: str) -> ResponseReturnValue:
    flash(_("Sent: %(reference)s. We keep you informed here and by mail.", reference=reference))
    audience = "portal" if current_actor().is_contact else "desk"
    return redirect(url_for(f"{audience}.tickets.show", reference=reference))
