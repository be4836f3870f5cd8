"""What an order would reach, said while it is still being asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from servicedesk.clients.contracts import contract_in_force
from servicedesk.clients.visibility import visible_to
from servicedesk.core import clock, database
from servicedesk.devices.groups import IN_SERVICE
from servicedesk.devices.models import Device, DeviceGroup, DeviceGroupMember
from servicedesk.orders.checking import COLUMNS, verdicts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.core.text import Text
    from servicedesk.devices.catalogue.action import ManagedAction
    from servicedesk.devices.compatibility import Verdict


@dataclass(frozen=True)
class Reach:
    """How many devices there are, how many can, and why the others cannot."""

    name: str
    devices: int
    able: int
    refusals: Sequence[tuple[Text, int]]


def judged(action: ManagedAction, devices: Sequence[Device]) -> list[tuple[Device, Verdict]]:
    """Return each device with its verdict; they may be of several clients."""
    session, today = database.session(), clock.now().date()
    contracts = {
        client_id: contract_in_force(session, client_id, today)
        for client_id in {device.client_id for device in devices}
    }
    return [
        (device, verdicts(session, action, [device], contracts[device.client_id], today)[0])
        for device in devices
    ]


def reach_of_groups(
    actor: Actor, action: ManagedAction, client_id: int, names: Sequence[str]
) -> list[Reach]:
    """Return what an action reaches in each of a client's groups."""
    if not names:
        return []
    rows = database.session().execute(
        select(DeviceGroup.name, *COLUMNS)
        .join(DeviceGroupMember, DeviceGroupMember.group_id == DeviceGroup.id)
        .join(Device, Device.id == DeviceGroupMember.device_id)
        .where(
            DeviceGroup.client_id == client_id,
            DeviceGroup.name == func.any(list(names)),
            visible_to(actor, DeviceGroup.client_id),
            Device.state.in_(IN_SERVICE),
        )
    )
    by_group: dict[str, list[Any]] = {name: [] for name in names}
    for row in rows:
        by_group[row[0]].append(row)
    return [_reach(action, client_id, name, members) for name, members in by_group.items()]


def reach_of_rows(action: ManagedAction, client_id: int, rows: Sequence[Any]) -> Reach:
    """Return what an action reaches among devices it has found itself."""
    return _reach(action, client_id, "", rows)


def _reach(action: ManagedAction, client_id: int, name: str, rows: Sequence[Any]) -> Reach:
    session, today = database.session(), clock.now().date()
    contract = contract_in_force(session, client_id, today)
    found = verdicts(session, action, rows, contract, today)
    reasons: Counter[str] = Counter()
    words: Mapping[str, Text] = {str(v.reason): v.reason for v in found if v.reason is not None}
    for verdict in found:
        if verdict.reason is not None:
            reasons[str(verdict.reason)] += 1
    return Reach(
        name=name,
        devices=len(found),
        able=sum(verdict.possible for verdict in found),
        refusals=[(words[key], count) for key, count in reasons.most_common()],
    )
