"""Whether an action can be done to a device, and why not: the same answer in form, API and order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicedesk.clients.models import BLOCK_LABELS
from servicedesk.core.text import Text, msgid
from servicedesk.devices.engines.contract import DeviceFacts
from servicedesk.devices.models import PLATFORM_LABELS, Device, DeviceState, Management

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date

    from servicedesk.clients.models import Contract
    from servicedesk.devices.catalogue.action import ManagedAction
    from servicedesk.devices.engines.contract import Capability

    # what an engine can do: (device, kind of instruction) → capability
    EngineAbility = Callable[[DeviceFacts, str], Capability]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it is possible, and if not, the first reason in words."""

    possible: bool
    reason: Text | None = None


POSSIBLE = Verdict(possible=True)

_STATE_REFUSALS: Mapping[DeviceState, str] = {
    DeviceState.PENDING: msgid("The device is not enrolled yet."),
    DeviceState.ENROLLED: msgid("The device is enrolled already."),
    DeviceState.RETIRED: msgid("The device has left the service."),
    DeviceState.WIPED: msgid("The device was wiped and is not enrolled."),
}


def compatibility(
    action: ManagedAction,
    device: Device,
    contract: Contract | None,
    day: date,
    engine: EngineAbility,
) -> Verdict:
    """Judge one device: contract first, then the device, then what its engine can do."""
    for reason in _reasons(action, device, contract, day, engine):
        return Verdict(possible=False, reason=reason)
    return POSSIBLE


def _reasons(
    action: ManagedAction,
    device: Device,
    contract: Contract | None,
    day: date,
    engine: EngineAbility,
) -> Iterator[Text]:
    if contract is None or not contract.is_in_force(day):
        yield Text(msgid("There is no contract in force."))
        return
    if not contract.includes(action.block):
        yield Text(
            msgid("The contract does not contain the block “%(block)s”."),
            {"block": BLOCK_LABELS[action.block]},
        )
    if device.state not in action.states:
        yield Text(_STATE_REFUSALS[device.state])
    if device.ownership not in action.ownerships:
        yield Text(action.ownership_refusal)
    if device.manufacturer in action.manufacturers_without:
        yield Text(action.manufacturers_without[device.manufacturer])
    yield from _platform_reasons(action, device)
    capability = engine(facts_of(device), action.sends)
    if not capability.possible:
        yield Text(capability.reason)


def _platform_reasons(action: ManagedAction, device: Device) -> Iterator[Text]:
    ways = [
        way
        for way in action.ways
        if device.platform in way.platforms and device.management in way.managements
    ]
    if not ways:
        yield Text(action.way_refusal)
        return
    lowest = min(way.from_version for way in ways)
    if version_of(device.os_version) < lowest:
        yield Text(
            msgid("It needs %(platform)s %(version)s or later; the device has %(present)s."),
            {
                "platform": PLATFORM_LABELS[device.platform],
                "version": ".".join(map(str, lowest)),
                "present": device.os_version,
            },
        )


def version_of(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: 15.7.1-beta is (15, 7, 1)."""
    match = re.match(r"\d+(\.\d+)*", text.strip())
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def facts_of(device: Device) -> DeviceFacts:
    """Return what an engine needs to know of a device."""
    return DeviceFacts(
        external_id=device.external_id,
        platform=device.platform.value,
        os_version=device.os_version,
        manufacturer=device.manufacturer,
        model=device.model,
        ownership=device.ownership.value,
        management=device.management.value,
        supervised=device.management is Management.SUPERVISED,
        last_contact_at=device.last_contact_at,
    )
