"""The fleet as it is: each device with its holder, groups and how it stands towards the rules."""

from __future__ import annotations

from sqlalchemy import exists, func, select

from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.devices.conformity.models import CONFORMITY_LABELS, Conformity
from servicedesk.devices.conformity.standing import standing, stands
from servicedesk.devices.models import (
    DEVICE_STATE_LABELS,
    MANAGEMENT_LABELS,
    OWNERSHIP_LABELS,
    PLATFORM_LABELS,
    Device,
    DeviceGroup,
    DeviceGroupMember,
    DeviceUser,
)
from servicedesk.reports.columns import Filter, choice, instant, narrow, words
from servicedesk.reports.kinds.kind import CLIENT, Lines, ReportKind, client_column, join_client

HOLDER = ("holder",)
GROUPS = (
    select(func.string_agg(DeviceGroup.name, ", "))
    .join(DeviceGroupMember, DeviceGroupMember.group_id == DeviceGroup.id)
    .where(DeviceGroupMember.device_id == Device.id)
    .correlate(Device)
    .scalar_subquery()
)


class Fleet(ReportKind):
    """Every device."""

    code = "fleet"
    label = msgid("Fleet inventory")
    description = msgid("Every device as it is now, with its holder, groups and conformity.")
    permission = Permission.DEVICE_READ
    lines = Lines(source=Device, client_id=Device.client_id, order=(Device.id,))
    joins = {  # noqa: RUF012
        CLIENT: join_client(Device.client_id),
        "holder": lambda query: query.outerjoin(DeviceUser, DeviceUser.id == Device.device_user_id),
    }
    columns = (
        client_column(),
        words("reference", msgid("Reference"), Device.reference),
        words("name", msgid("Name"), Device.name),
        words("holder", msgid("Holder"), DeviceUser.name, joins=HOLDER, is_personal=True),
        words(
            "holder_email",
            msgid("E-mail of the holder"),
            DeviceUser.email,
            joins=HOLDER,
            is_personal=True,
            in_default=False,
        ),
        words("department", msgid("Department"), DeviceUser.department, joins=HOLDER),
        words("groups", msgid("Groups"), GROUPS),
        choice("platform", msgid("Platform"), Device.platform, PLATFORM_LABELS),
        words("version", msgid("Version"), Device.os_version),
        words("manufacturer", msgid("Manufacturer"), Device.manufacturer),
        words("model", msgid("Model"), Device.model),
        choice("ownership", msgid("Ownership"), Device.ownership, OWNERSHIP_LABELS),
        choice(
            "management",
            msgid("Management"),
            Device.management,
            MANAGEMENT_LABELS,
            in_default=False,
        ),
        choice("state", msgid("State"), Device.state, DEVICE_STATE_LABELS),
        choice("conformity", msgid("Conformity"), standing(), CONFORMITY_LABELS),
        words("serial", msgid("Serial"), Device.serial),
        words("imei", msgid("IMEI"), Device.imei, in_default=False),
        words("number", msgid("Number"), Device.phone_number, is_personal=True, in_default=False),
        instant("enrolled", msgid("Enrolled at"), Device.enrolled_at, in_default=False),
        instant("last_contact", msgid("Last contact"), Device.last_contact_at),
    )
    filters = (
        narrow("platform", msgid("Platform"), Device.platform, PLATFORM_LABELS),
        narrow("state", msgid("State"), Device.state, DEVICE_STATE_LABELS),
        narrow("ownership", msgid("Ownership"), Device.ownership, OWNERSHIP_LABELS),
        Filter(
            code="conformity",
            label=msgid("Conformity"),
            labels=CONFORMITY_LABELS,
            condition=lambda value: stands(Conformity(value)),
        ),
        Filter(
            code="group",
            label=msgid("Name of the group"),
            condition=lambda value: exists().where(
                DeviceGroupMember.device_id == Device.id,
                DeviceGroupMember.group_id == DeviceGroup.id,
                DeviceGroup.name == value,
            ),
        ),
    )
