"""Policy profiles, their versions, to whom they are assigned, and what each device should have and has."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from servicedesk.clients.models import Client
from servicedesk.core.database import Model
from servicedesk.core.jobs import JobName
from servicedesk.core.text import msgid
from servicedesk.devices.models import Device, DeviceGroup

RECONCILE_POLICIES = JobName("orders.reconcile_policies", "devices")
OWN_PRECEDENCE = 10  # of the settings a group or device was given by itself
USUAL_PRECEDENCE = 100
MOST_PRECEDENCE = 999


class VersionState(StrEnum):
    """Where a version of a profile is in its life."""

    DRAFT = "draft"  # being written: nobody has it
    PUBLISHED = "published"  # what assigned devices should have
    RETIRED = "retired"  # was published, another one took its place


VERSION_STATE_LABELS = {
    VersionState.DRAFT: msgid("Draft"),
    VersionState.PUBLISHED: msgid("Published"),
    VersionState.RETIRED: msgid("Superseded"),
}


class PolicyProfile(Model):
    """A named set of settings; or the own settings of one group or device, which orders write."""

    __tablename__ = "policy_profile"
    __table_args__ = (
        CheckConstraint("num_nonnulls(group_id, device_id) < 2", "own_settings_have_one_owner"),
        Index("ix_policy_profile_client_id_id", "client_id", "id"),
        Index(
            "uq_policy_profile_name",
            "client_id",
            "name",
            unique=True,
            postgresql_where=text("group_id is null and device_id is null"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    reference: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    group_id: Mapped[int | None] = mapped_column(ForeignKey("device_group.id"), unique=True)
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"), unique=True)
    created_at: Mapped[datetime]
    author_name: Mapped[str]

    client: Mapped[Client] = relationship(lazy="raise_on_sql")
    group: Mapped[DeviceGroup | None] = relationship(lazy="raise_on_sql")
    device: Mapped[Device | None] = relationship(lazy="raise_on_sql")

    @property
    def is_own(self) -> bool:
        """Whether it holds the own settings of a group or device."""
        return self.group_id is not None or self.device_id is not None


class PolicyVersion(Model):
    """What a profile says, or said; only a draft is ever changed."""

    __tablename__ = "policy_version"
    __table_args__ = (
        *(
            Index(
                f"uq_policy_version_{state}",
                "profile_id",
                unique=True,
                postgresql_where=text(f"state = '{state}'"),
            )
            for state in ("draft", "published")
        ),
        CheckConstraint(
            "(state = 'draft') = (published_at is null)", "who_published_is_known_and_when"
        ),
    )

    profile_id: Mapped[int] = mapped_column(ForeignKey("policy_profile.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    state: Mapped[VersionState]
    content: Mapped[dict[str, Any]]  # section → key → setting → text; secrets are sealed
    note: Mapped[str] = mapped_column(default="")  # why: an order, a person's words
    revision: Mapped[int] = mapped_column(default=1)  # of the draft: two editors never overwrite
    author_name: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    published_by_name: Mapped[str | None]
    retired_at: Mapped[datetime | None]

    profile: Mapped[PolicyProfile] = relationship(lazy="raise_on_sql")


class PolicyAssignment(Model):
    """A profile reaches a group or a device; the lower the precedence the stronger."""

    __tablename__ = "policy_assignment"
    __table_args__ = (
        CheckConstraint("num_nonnulls(group_id, device_id) = 1", "it_reaches_a_group_or_a_device"),
        CheckConstraint(
            f"precedence between 1 and {MOST_PRECEDENCE}", "precedence_is_within_its_range"
        ),
        UniqueConstraint("profile_id", "group_id"),
        UniqueConstraint("profile_id", "device_id"),
        Index("ix_policy_assignment_group_id", "group_id"),
        Index("ix_policy_assignment_device_id", "device_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    profile_id: Mapped[int] = mapped_column(ForeignKey("policy_profile.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("device_group.id"))
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"))
    precedence: Mapped[int]

    profile: Mapped[PolicyProfile] = relationship(lazy="raise_on_sql")
    group: Mapped[DeviceGroup | None] = relationship(lazy="raise_on_sql")
    device: Mapped[Device | None] = relationship(lazy="raise_on_sql")


class EffectivePolicy(Model):
    """What several profiles come to: a row for many devices, never changed."""

    __tablename__ = "effective_policy"
    __table_args__ = (UniqueConstraint("client_id", "digest"),)
    __audited__ = False  # follows from profiles, assignments and findings, which are audited

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    digest: Mapped[str]
    content: Mapped[dict[str, Any]]
    sources: Mapped[dict[str, Any]]  # section → key → setting → reference of the profile
    conflicts: Mapped[list[Any]]
    withheld: Mapped[list[str]]  # sections that conformity keeps back
    fingerprints: Mapped[
        dict[str, Any]
    ]  # section → key → digest: what a device reports when it has it


class DevicePolicy(Model):
    """What a device should have, and what it last said it has."""

    __tablename__ = "device_policy"
    __table_args__ = (
        Index(
            "ix_device_policy_drift",
            "client_id",
            "device_id",
            postgresql_where=text("has_drift"),
        ),
        Index("ix_device_policy_effective_id", "effective_id"),
    )
    __audited__ = False  # follows from what is audited; what was sent is its command's record

    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    effective_id: Mapped[int] = mapped_column(ForeignKey("effective_policy.id"))
    desired_at: Mapped[datetime]
    reported: Mapped[dict[str, Any]]  # section → key → digest; empty: nothing was reported yet
    reported_at: Mapped[datetime | None]
    has_drift: Mapped[bool]
    drift_since: Mapped[datetime | None]  # since when, without a break
    # an order that changed what it should have has not come to it: it waits for that order's stage,
    # or for a person where the order was cancelled; reconciliation leaves it alone
    is_held: Mapped[bool] = mapped_column(default=False)

    effective: Mapped[EffectivePolicy] = relationship(lazy="raise_on_sql")
