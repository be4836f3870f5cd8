"""The fleet: list, search, state, export; for both audiences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import render_template, request

from servicedesk.clients.choices import clients_to_choose
from servicedesk.clients.models import BLOCK_LABELS
from servicedesk.core import clock
from servicedesk.core.permissions import Permission, may
from servicedesk.core.text import Text, msgid
from servicedesk.devices import queries
from servicedesk.devices.catalogue import ACTIONS
from servicedesk.devices.conformity.models import CONFORMITY_LABELS
from servicedesk.devices.fleet_state import CONTACT_LABELS, UNRULED_LABEL, fleet_state
from servicedesk.devices.models import (
    DEVICE_STATE_LABELS,
    OWNERSHIP_LABELS,
    PLATFORM_LABELS,
)
from servicedesk.devices.queries import FleetFilter
from servicedesk.devices.web.export import csv_of, xlsx_of
from servicedesk.shell.language import translate
from servicedesk.shell.navigation import nav
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

    from servicedesk.devices.catalogue.action import ManagedAction
    from servicedesk.devices.questions import SavedQuestion

SEEN_LABELS: dict[str, str] = {
    "day": msgid("In the last day"),
    "week": msgid("In the last week"),
    "month": msgid("In the last month"),
    **CONTACT_LABELS,
}
STANDINGS: dict[Any, str] = {**CONFORMITY_LABELS, queries.UNRULED: UNRULED_LABEL}
DRIFT_LABELS = {"yes": msgid("Differs from it")}
# what each part of a filter is called, and what its values are called
WORDS: Mapping[str, tuple[str, Mapping[Any, str]]] = {
    "q": (msgid("Search"), {}),
    "platform": (msgid("Platform"), PLATFORM_LABELS),
    "version": (msgid("Version"), {queries.UNTOLD: msgid("not told")}),
    "state": (msgid("State"), DEVICE_STATE_LABELS),
    "ownership": (msgid("Ownership"), OWNERSHIP_LABELS),
    "seen": (msgid("Last contact"), SEEN_LABELS),
    "conformity": (msgid("Conformity"), STANDINGS),
    "drift": (msgid("Policy"), DRIFT_LABELS),
    "policy": (msgid("Policy"), {}),
    "group": (msgid("Group"), {}),
}


def asked_filter() -> FleetFilter:
    """Read the filter from the address; what is not understood is left out."""
    return FleetFilter.read(request.args)


def filter_words(wanted: FleetFilter) -> list[tuple[str, str]]:
    """Return what a filter says in the reader's language, without its client."""
    set_parts = wanted.as_query()
    return [
        (translate(label), _value_words(name, values, set_parts[name]))
        for name, (label, values) in WORDS.items()
        if name in set_parts
    ]


def _value_words(name: str, values: Mapping[Any, str], value: str) -> str:
    if name == "version" and value.startswith("<"):
        return translate(Text(msgid("lower than %(version)s"), {"version": value[1:]}))
    return translate(values[value]) if value in values else value


@nav("portal.devices.index", msgid("Fleet"), "device-mobile", 30, Permission.DEVICE_READ)
@nav("desk.devices.index", msgid("Devices"), "device-mobile", 40, Permission.DEVICE_READ)
def index() -> ResponseReturnValue:
    """Show a page of the fleet."""
    return listed(asked_filter())


def listed(wanted: FleetFilter, question: SavedQuestion | None = None) -> ResponseReturnValue:
    """Show a page of the fleet as filtered, by hand or by a saved question."""
    actor = current_actor()
    actions = ACTIONS if may(actor, Permission.DEVICE_ACT) else ()
    return render_template(
        "devices/index.html",
        page=queries.devices(actor, wanted, request.args.get("cursor")),
        count=queries.fleet_count(actor, wanted),
        wanted=wanted,
        question=question,
        asked_at=clock.now(),
        odd_version="" if question or wanted.version else request.args.get("version", "")[:20],
        here={"reference": question.reference} if question else wanted.as_query(),
        platforms=PLATFORM_LABELS,
        states=DEVICE_STATE_LABELS,
        ownerships=OWNERSHIP_LABELS,
        seen=SEEN_LABELS,
        conformities=STANDINGS,
        drift=DRIFT_LABELS,
        group_options=[(name, name) for name in queries.groups_of(actor)],
        clients=[] if actor.is_contact else clients_to_choose(actor),
        actions=[action for action in actions if action.is_point_action],
        more_actions=[action for action in actions if _is_for_devices(action)],
        block_labels=BLOCK_LABELS,
    )


def _is_for_devices(action: ManagedAction) -> bool:
    """Whether single devices can be named for it, and it has no button of its own."""
    return not (action.is_point_action or action.needs_groups or action.finds_its_targets)


def state() -> ResponseReturnValue:
    """Show the figures of the fleet; each leads to the devices behind it."""
    actor = current_actor()
    found = fleet_state(actor, asked_filter())
    return render_template(
        "devices/state.html",
        found=found,
        wanted=found.wanted,
        platforms=PLATFORM_LABELS,
        ownerships=OWNERSHIP_LABELS,
        group_options=[(name, name) for name in queries.groups_of(actor)],
        clients=[] if actor.is_contact else clients_to_choose(actor),
    )


def export_csv() -> ResponseReturnValue:
    """Stream the fleet as filtered, as CSV."""
    return csv_of(queries.stream_fleet(current_actor(), asked_filter()))


def export_xlsx() -> ResponseReturnValue:
    """Give the fleet as filtered, as a workbook."""
    return xlsx_of(queries.stream_fleet(current_actor(), asked_filter()))
