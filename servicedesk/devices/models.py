"""The fleet: devices, who holds them, how they are grouped, and the engine that reaches them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column, query_expression, relationship

from servicedesk.clients.models import Client
from servicedesk.core.database import Model
from servicedesk.core.text import msgid


class Platform(StrEnum):
    """Operating system family."""

    IOS = "ios"
    IPADOS = "ipados"
    ANDROID = "android"


class Ownership(StrEnum):
    """Whose device it is."""

    CORPORATE = "corporate"
    PERSONAL = "personal"


class Management(StrEnum):
    """How deep the engine manages the device."""

    SUPERVISED = "supervised"  # Apple, through the organisation's programme
    MANAGED = "managed"  # Apple, device enrolment
    USER_ENROLMENT = "user_enrolment"  # Apple, personal device
    FULLY_MANAGED = "fully_managed"  # Android
    WORK_PROFILE_COMPANY = "work_profile_company"
    WORK_PROFILE_PERSONAL = "work_profile_personal"


class DeviceState(StrEnum):
    """Where the device is in its life with the service."""

    PENDING = "pending"  # known, not enrolled yet
    ENROLLED = "enrolled"
    RETIRED = "retired"  # the company's data was removed, it left the service
    WIPED = "wiped"  # reset to the state of a new device


PLATFORM_LABELS = {
    Platform.IOS: "iOS",
    Platform.IPADOS: "iPadOS",
    Platform.ANDROID: "Android",
}
OWNERSHIP_LABELS = {
    Ownership.CORPORATE: msgid("Corporate"),
    Ownership.PERSONAL: msgid("Personal"),
}
MANAGEMENT_LABELS = {
    Management.SUPERVISED: msgid("Supervised"),
    Management.MANAGED: msgid("Managed"),
    Management.USER_ENROLMENT: msgid("User enrolment"),
    Management.FULLY_MANAGED: msgid("Fully managed"),
    Management.WORK_PROFILE_COMPANY: msgid("Work profile on company device"),
    Management.WORK_PROFILE_PERSONAL: msgid("Work profile on personal device"),
}
DEVICE_STATE_LABELS = {
    DeviceState.PENDING: msgid("Pending enrolment"),
    DeviceState.ENROLLED: msgid("Enrolled"),
    DeviceState.RETIRED: msgid("Retired"),
    DeviceState.WIPED: msgid("Wiped"),
}


class EngineAccount(Model):
    """An MDM engine the desk commands; where it is and its key come from the settings."""

    __tablename__ = "engine_account"
    __tenant__ = None

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    is_simulated: Mapped[bool]


class EngineContact(Model):
    """When an engine was last looked at, and whether it answered."""

    __tablename__ = "engine_contact"
    __tenant__ = None
    __audited__ = False  # twice a minute, and itself a record

    engine_id: Mapped[int] = mapped_column(
        ForeignKey("engine_account.id"), primary_key=True, autoincrement=False
    )
    looked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    mute_since: Mapped[datetime | None]  # the first look it left without an answer
    milliseconds: Mapped[float]


class DeviceUser(Model):
    """An employee who holds a device; no sign-in."""

    __tablename__ = "device_user"
    __table_args__ = (UniqueConstraint("client_id", "email"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    name: Mapped[str]
    email: Mapped[str]
    department: Mapped[str]


class DeviceGroup(Model):
    """What policies are assigned to."""

    __tablename__ = "device_group"
    __table_args__ = (UniqueConstraint("client_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    name: Mapped[str]


class DeviceGroupMember(Model):
    """A device in a group."""

    __tablename__ = "device_group_member"

    group_id: Mapped[int] = mapped_column(ForeignKey("device_group.id"), primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True, index=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)


class Device(Model):
    """A telephone, tablet or handheld of a client's fleet."""

    __tablename__ = "device"
    __table_args__ = (
        UniqueConstraint("engine_id", "external_id"),
        Index("ix_device_client_id_id", "client_id", "id"),
        Index("ix_device_client_id_last_contact_at", "client_id", "last_contact_at"),
        Index("ix_device_search", "search", postgresql_using="gin"),
        CheckConstraint(
            "management not in ('user_enrolment', 'work_profile_personal')"
            " or ownership = 'personal'",
            "a_private_profile_is_on_a_personal_device",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    reference: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    serial: Mapped[str]
    imei: Mapped[str] = mapped_column(default="")
    phone_number: Mapped[str] = mapped_column(default="")
    platform: Mapped[Platform]
    os_version: Mapped[str]
    manufacturer: Mapped[str]
    model: Mapped[str]
    ownership: Mapped[Ownership]
    management: Mapped[Management]
    state: Mapped[DeviceState] = mapped_column(default=DeviceState.ENROLLED)
    device_user_id: Mapped[int | None] = mapped_column(ForeignKey("device_user.id"), index=True)
    engine_id: Mapped[int] = mapped_column(ForeignKey("engine_account.id"))
    external_id: Mapped[str]
    enrolled_at: Mapped[datetime | None]
    last_contact_at: Mapped[datetime | None]
    # what its last inventory said; None where it did not say
    inventory_at: Mapped[datetime | None]
    os_version_key: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    has_passcode: Mapped[bool | None]
    is_encrypted: Mapped[bool | None]
    is_compromised: Mapped[bool | None]
    # the first number of the version, which is what people ask for: 17
    os_major: Mapped[int | None] = mapped_column(
        Computed(text("(substring(os_version from '^\\s*([0-9]{1,9})'))::bigint"), persisted=True),
        deferred=True,
    )
    search: Mapped[str] = mapped_column(
        TSVECTOR,
        Computed(
            text(
                "to_tsvector('simple', reference || ' ' || name || ' ' || serial || ' ' || imei"
                " || ' ' || phone_number || ' ' || model)"
            ),
            persisted=True,
        ),
        deferred=True,
    )

    holder: Mapped[DeviceUser | None] = relationship(lazy="raise_on_sql")
    engine: Mapped[EngineAccount] = relationship(lazy="raise_on_sql")
    client: Mapped[Client] = relationship(lazy="raise_on_sql")
    # how it stands towards the rules; only there where a query asked for it
    conformity: Mapped[str | None] = query_expression()
    # whether it has something else than its policy says; likewise, and None where it has no policy
    drifts: Mapped[bool | None] = query_expression()

    @property
    def is_personal(self) -> bool:
        """Whether it belongs to the employee."""
        return self.ownership is Ownership.PERSONAL
