"""Asking for an action: say what, for whom, see for each device whether it can, send."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from servicedesk.clients.choices import clients_to_choose
from servicedesk.clients.models import Client
from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.core.errors import DomainError, NotFound
from servicedesk.core.permissions import Permission, may
from servicedesk.devices.catalogue import ACTIONS
from servicedesk.devices.catalogue.desired_state import DesiredStateAction
from servicedesk.devices.choices import offers_for
from servicedesk.devices.groups import groups_with_sizes
from servicedesk.devices.queries import FleetFilter, devices, devices_by_reference
from servicedesk.orders.checking import targets_reached
from servicedesk.orders.drafting import checked_parameters
from servicedesk.orders.preview import Reach, judged, reach_of_groups, reach_of_rows
from servicedesk.shell.errors import put_beside_field
from servicedesk.shell.session import current_actor
from servicedesk.tickets.intake import open_ticket
from servicedesk.tickets.models import TicketKind
from servicedesk.tickets.web.forms import request_form, wanted_action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

    from servicedesk.devices.catalogue.action import ManagedAction
    from servicedesk.devices.models import Device
    from servicedesk.tickets.web.forms import TicketForm

FOUND = 20  # devices shown for a search; the fleet page shows them all
MOST_DEVICES = 500
MOST_GROUPS = 50


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """For whom something is asked: a client's groups and devices."""

    client: Client | None  # the operator may not have said yet
    devices: Sequence[Device]
    groups: Sequence[str]

    @property
    def is_nobody(self) -> bool:
        """Whether nothing was chosen yet."""
        return not self.devices and not self.groups


def action(code: str) -> ResponseReturnValue:
    """Ask for an action of the catalogue; whatever is pressed, what was typed stays."""
    wanted = next((action for action in ACTIONS if action.code == code), None)
    if wanted is None or not may(current_actor(), Permission.DEVICE_ACT):
        raise NotFound
    chosen = _chosen()
    form_class = request_form(wanted, _offers(wanted, chosen))
    if request.method == "GET":
        form = form_class(
            formdata=None,
            once=secrets.token_urlsafe(12),
            subject=_(wanted.label),
            **form_class.presets(wanted, request.args),
        )
        return _page(wanted, chosen, form)
    form = form_class()
    if "look" in request.form or not form.validate_on_submit():
        return _page(wanted, chosen, form)
    named = wanted_action(wanted, form, [one.reference for one in chosen.devices], chosen.groups)
    client = chosen.client.reference if chosen.client else ""
    try:
        ticket = open_ticket(
            current_actor(), replace(form.to_ticket(TicketKind.REQUEST, client), action=named)
        )
    except DomainError as error:
        put_beside_field(form, error)
        return _page(wanted, chosen, form)
    return opened(ticket.reference)


def _page(wanted: ManagedAction, chosen: Chosen, form: TicketForm) -> ResponseReturnValue:
    actor = current_actor()
    q = request.values.get("q", "").strip().replace("\x00", "")[:200]
    client = chosen.client.reference if chosen.client else ""
    found = devices(actor, FleetFilter(q=q, client=client), size=FOUND).items if q else []
    here = {device.id for device in chosen.devices}
    by_device = judged(wanted, chosen.devices)
    reaches = _reaches(wanted, chosen, form)
    page = render_template(
        "tickets/ask_action.html",
        action=wanted,
        form=form,
        chosen=chosen,
        judged=by_device,
        reaches=reaches,
        possible=sum(verdict.possible for _device, verdict in by_device)
        + sum(reach.able for reach in reaches),
        all=len(by_device) + sum(reach.devices for reach in reaches),
        found=[device for device in found if device.id not in here],
        groups=groups_with_sizes(actor, chosen.client.id) if chosen.client else [],
        clients=[] if actor.is_contact else clients_to_choose(actor),
        q=q,
    )
    return page, (422 if form.errors or form.form_errors else 200)


def _reaches(wanted: ManagedAction, chosen: Chosen, form: TicketForm) -> list[Reach]:
    """Return how far it reaches in each group, or among the devices it finds itself."""
    actor = current_actor()
    if chosen.client is None:
        return []
    if not isinstance(wanted, DesiredStateAction) or not wanted.finds_its_targets:
        return reach_of_groups(actor, wanted, chosen.client.id, chosen.groups)
    try:
        named = checked_parameters(wanted, wanted_action(wanted, form, [], []).parameters)
        targets = targets_reached(database.session(), actor, chosen.client.reference, wanted, named)
    except DomainError:
        return []  # not filled in yet
    return [reach_of_rows(wanted, chosen.client.id, targets.rows)]


def _chosen() -> Chosen:
    actor = current_actor()
    references = _named("device")[:MOST_DEVICES]
    found = list(devices_by_reference(actor, references))
    return Chosen(client=_client(found), devices=found, groups=_named("group")[:MOST_GROUPS])


def _client(devices: Sequence[Device]) -> Client | None:
    """Return whose it is: the devices' client, the one that was chosen, the only one there is."""
    query = select(Client).where(visible_to(current_actor(), Client.id)).limit(2)
    if devices:
        query = query.where(Client.id == devices[0].client_id)
    elif named := _named("client"):
        query = query.where(Client.reference == named[0])
    found = database.session().scalars(query).all()
    return found[0] if len(found) == 1 else None


def _named(name: str) -> list[str]:
    given = [*request.args.getlist(name), *request.form.getlist(name)]
    if request.method == "POST":
        given = request.form.getlist(name)
    plain = (value[:100].replace("\x00", "").strip() for value in given)
    return [value for value in dict.fromkeys(plain) if value]


def _offers(wanted: ManagedAction, chosen: Chosen) -> dict[str, Sequence[tuple[str, str]]]:
    if chosen.client is None:
        return {}
    kinds = {parameter.offers for parameter in wanted.parameters if parameter.offers}
    return offers_for(current_actor(), chosen.client.id, kinds)


def opened(reference: str) -> ResponseReturnValue:
    """Say that it was sent, and show it."""
    flash(_("Sent: %(reference)s. We keep you informed here and by mail.", reference=reference))
    audience = "portal" if current_actor().is_contact else "desk"
    return redirect(url_for(f"{audience}.tickets.show", reference=reference))
