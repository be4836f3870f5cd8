"""States of policies, built by the steps that orders take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.core import clock
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.models import DeviceGroup, DeviceGroupMember
from servicedesk.devices.policies.changes import assign, own_profile, publish, set_entry
from servicedesk.devices.policies.desired import refresh_desired
from servicedesk.devices.policies.models import DevicePolicy, EffectivePolicy, PolicyProfile
from servicedesk.devices.policies.reported import record_reports
from servicedesk.devices.policies.sections import BY_CODE

if TYPE_CHECKING:
    from servicedesk.clients.models import Client
    from servicedesk.devices.models import Device

PASSWORD = "a wifi nobody reads"
WIFI = {
    "ssid": "Office",
    "security": "wpa2_personal",
    "password": PASSWORD,
    "hidden": "yes",
}
PASSCODE = {"min_length": "6", "complexity": "alphanumeric"}


def group_of(client: Client, name: str, *devices: Device) -> DeviceGroup:
    with unit_of_work(SYSTEM, "test.group") as work:
        group = DeviceGroup(client_id=client.id, name=name)
        work.session.add(group)
        work.session.flush()
        work.session.add_all(
            DeviceGroupMember(group_id=group.id, device_id=device.id, client_id=client.id)
            for device in devices
        )
    return group


def bring(
    reference: str,
    number: int,
    *,
    groups: tuple[DeviceGroup, ...] = (),
    devices: tuple[Device, ...] = (),
    precedence: int = 100,
) -> None:
    """Publish a version and assign its profile, as orders do."""
    with unit_of_work(SYSTEM, "test.bring") as work:
        profile = work.session.scalars(
            select(PolicyProfile).where(PolicyProfile.reference == reference)
        ).one()
        publish(work, profile, number, "OT-2026-000001")
        ids = [group.id for group in groups], [device.id for device in devices]
        assign(work, profile, *ids, precedence)
        refresh_desired(work, profile.client_id)


def refresh(client: Client) -> None:
    """Compute anew what a client's devices should have."""
    with unit_of_work(SYSTEM, "test.refresh") as work:
        refresh_desired(work, client.id)


def own_setting(client: Client, section: str, values: dict[str, str], **owner: int) -> str:
    """Give a group or device a setting of its own; return the profile's reference."""
    with unit_of_work(SYSTEM, "test.own") as work:
        profile = own_profile(work, client.id, **owner)
        kind = BY_CODE[section]
        kept = kind.taken(values)
        set_entry(work, profile, section, kind.key(kept), kept, "OT-2026-000002")
        refresh_desired(work, client.id)
    return profile.reference


def report(device: Device, **sections: dict[str, str]) -> None:
    """Have a device say what it has: section → key → digest."""
    with unit_of_work(SYSTEM, "test.report") as work:
        record_reports(work, {device.id: (sections, clock.now())})


def report_all(device: Device) -> None:
    """Have a device say that it has just what it should."""
    with unit_of_work(SYSTEM, "test.report") as work:
        desired = work.session.scalar(
            select(EffectivePolicy.fingerprints)
            .join(DevicePolicy, DevicePolicy.effective_id == EffectivePolicy.id)
            .where(DevicePolicy.device_id == device.id)
        )
        record_reports(work, {device.id: (desired, clock.now())})
