"""The fleet: list, search, export; for both audiences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template, request

from servicedesk.clients.choices import clients_to_choose
from servicedesk.core.permissions import Permission, may
from servicedesk.core.text import msgid
from servicedesk.devices import queries
from servicedesk.devices.catalogue import ACTIONS
from servicedesk.devices.conformity.models import CONFORMITY_LABELS, Conformity
from servicedesk.devices.models import (
    DEVICE_STATE_LABELS,
    OWNERSHIP_LABELS,
    PLATFORM_LABELS,
    DeviceState,
    Ownership,
    Platform,
)
from servicedesk.devices.web.export import csv_of, xlsx_of
from servicedesk.shell.navigation import nav
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask.typing import ResponseReturnValue

SEEN_LABELS = {
    "day": msgid("In the last day"),
    "week": msgid("In the last week"),
    "month": msgid("In the last month"),
    "silent": msgid("Silent for over a month"),
}

DRIFT_LABELS = {"yes": msgid("Differs from it")}


def asked_filter() -> queries.FleetFilter:
    """Read the filter from the address; what is not understood is left out."""

    def one_of(name: str, allowed: Iterable[str]) -> str:
        value = request.args.get(name, "")
        return value if value in set(allowed) else ""

    return queries.FleetFilter(
        platform=one_of("platform", Platform),
        state=one_of("state", DeviceState),
        ownership=one_of("ownership", Ownership),
        seen=one_of("seen", SEEN_LABELS),
        conformity=one_of("conformity", Conformity),
        drift=one_of("drift", DRIFT_LABELS),
        policy=request.args.get("policy", "")[:40].replace("\x00", ""),
        group=request.args.get("group", "")[:100].replace("\x00", ""),
        client=request.args.get("client", "")[:40].replace("\x00", ""),
        q=request.args.get("q", "")[:200],
    )


@nav("portal.devices.index", msgid("Fleet"), "device-mobile", 30, Permission.DEVICE_READ)
@nav("desk.devices.index", msgid("Devices"), "device-mobile", 40, Permission.DEVICE_READ)
def index() -> ResponseReturnValue:
    """Show a page of the fleet."""
    actor, wanted = current_actor(), asked_filter()
    return render_template(
        "devices/index.html",
        page=queries.devices(actor, wanted, request.args.get("cursor")),
        wanted=wanted,
        platforms=PLATFORM_LABELS,
        states=DEVICE_STATE_LABELS,
        ownerships=OWNERSHIP_LABELS,
        seen=SEEN_LABELS,
        conformities=CONFORMITY_LABELS,
        drift=DRIFT_LABELS,
        group_options=[(name, name) for name in queries.groups_of(actor)],
        clients=[] if actor.is_contact else clients_to_choose(actor),
        actions=ACTIONS if may(actor, Permission.DEVICE_ACT) else (),
    )


def export_csv() -> ResponseReturnValue:
    """Stream the fleet as filtered, as CSV."""
    return csv_of(queries.stream_fleet(current_actor(), asked_filter()))


def export_xlsx() -> ResponseReturnValue:
    """Give the fleet as filtered, as a workbook."""
    return xlsx_of(queries.stream_fleet(current_actor(), asked_filter()))
