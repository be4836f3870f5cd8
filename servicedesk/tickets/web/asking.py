"""Asking for something in words: a query, an incident, another request; and what there is to ask."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from flask import redirect, render_template, request

from servicedesk.clients.choices import clients_to_choose
from servicedesk.clients.contracts import contract_in_force
from servicedesk.clients.models import BLOCK_LABELS, FunctionalBlock
from servicedesk.core import clock, database
from servicedesk.core.errors import DomainError, NotFound
from servicedesk.core.permissions import Permission, may
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue import ACTIONS
from servicedesk.devices.queries import devices_by_reference
from servicedesk.shell.errors import put_beside_field
from servicedesk.shell.navigation import nav, to
from servicedesk.shell.session import current_actor
from servicedesk.tickets.intake import open_ticket
from servicedesk.tickets.models import KIND_LABELS, TicketKind
from servicedesk.tickets.web.asking_action import opened
from servicedesk.tickets.web.forms import IncidentForm, TicketForm

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue

    from servicedesk.core.actors import Actor
    from servicedesk.devices.catalogue.action import ManagedAction
    from servicedesk.devices.models import Device

MOST_DEVICES = 500


def _is_fleet(action: ManagedAction) -> bool:
    return action.block is FunctionalBlock.ENROLMENT or action.code == "device.move"


# how people look for it
FAMILIES: tuple[tuple[str, Callable[[ManagedAction], bool]], ...] = (
    (msgid("On devices"), lambda a: a.code.startswith("device.") and not _is_fleet(a)),
    (
        msgid("Settings, apps and documents of a group"),
        lambda a: a.code.startswith(("config.", "apps.", "documents.")),
    ),
    (
        msgid("Policies and conformity"),
        lambda a: a.code.startswith(("policy.", "conformity.")),
    ),
    (msgid("Enrolment and groups"), _is_fleet),
)


@nav("portal.ask.index", msgid("Ask for something"), "plus", 10, Permission.TICKET_OPEN)
@nav("desk.ask.index", msgid("Open a ticket"), "plus", 30, Permission.TICKET_OPEN)
def index() -> ResponseReturnValue:
    """Show what can be asked for."""
    actor = current_actor()
    families = [(label, [a for a in ACTIONS if belongs(a)]) for label, belongs in FAMILIES]
    return render_template(
        "tickets/ask.html",
        families=families if may(actor, Permission.DEVICE_ACT) else [],
        missing=_missing_blocks(actor),
        blocks=BLOCK_LABELS,
    )


def choose() -> ResponseReturnValue:
    """Lead from a list of actions to the one chosen, with the devices that were ticked."""
    code = request.args.get("code", "")
    if not code:
        return redirect(to("ask.index"))
    if code not in {action.code for action in ACTIONS}:
        raise NotFound
    ticked = request.args.getlist("device")[:MOST_DEVICES]
    return redirect(to("ask.action", code=code, device=ticked))


def _missing_blocks(actor: Actor) -> frozenset[FunctionalBlock]:
    """Return what the contract of a contact's client does not contain; nothing for who has several."""
    own = actor.client_ids or frozenset()
    if len(own) != 1:
        return frozenset()
    contract = contract_in_force(database.session(), next(iter(own)), clock.now().date())
    return frozenset(
        block for block in FunctionalBlock if contract is None or not contract.includes(block)
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
    form_of = IncidentForm if kind == TicketKind.INCIDENT.value else TicketForm
    form = form_of()
    if request.method == "GET":
        form = form_of(formdata=None, once=secrets.token_urlsafe(12))
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
