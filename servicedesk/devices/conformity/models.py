"""What is installed on devices, the rules they are held to, and who fails which since when."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from servicedesk.clients.models import Client
from servicedesk.core.database import Model
from servicedesk.core.jobs import JobName
from servicedesk.core.text import msgid
from servicedesk.devices.models import DeviceGroup, Platform

EVALUATE_CONFORMITY = JobName("devices.evaluate_conformity", "devices")
LONGEST_GRACE = 24 * 365  # hours


class Consequence(StrEnum):
    """What follows for a device that fails a rule; in the order people read them."""

    WITHHOLD_WIFI = "withhold_wifi"
    WITHHOLD_MAIL = "withhold_mail"
    TELL = "tell"
    MARK = "mark"
    LOCK = "lock"


CONSEQUENCE_LABELS = {
    Consequence.WITHHOLD_WIFI: msgid("Withhold the company's wifi"),
    Consequence.WITHHOLD_MAIL: msgid("Withhold the company's mail"),
    Consequence.TELL: msgid("Tell the holder by mail"),
    Consequence.MARK: msgid("Mark it in the fleet"),
    Consequence.LOCK: msgid("Lock it after the hours of grace"),
}
# what a consequence keeps from a device
WITHHOLDS = {Consequence.WITHHOLD_WIFI: "wifi", Consequence.WITHHOLD_MAIL: "mail"}


class Conformity(StrEnum):
    """How a device stands towards the rules that apply to it."""

    CONFORMING = "conforming"
    FAILING = "failing"
    UNKNOWN = "unknown"  # nothing fails, but something needed has not been reported


CONFORMITY_LABELS = {
    Conformity.CONFORMING: msgid("Conforms"),
    Conformity.FAILING: msgid("Does not conform"),
    Conformity.UNKNOWN: msgid("Not known yet"),
}


class InstalledApp(Model):
    """An app on a device, as its last inventory said."""

    __tablename__ = "installed_app"
    __table_args__ = (Index("ix_installed_app_client_id_identifier", "client_id", "identifier"),)
    __audited__ = False  # telemetry: replaced by every inventory

    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True)
    identifier: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    name: Mapped[str]
    version: Mapped[str]
    version_key: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))


class ConformityRule(Model):
    """Something the devices of a client have to meet, and what follows if they do not."""

    __tablename__ = "conformity_rule"
    __table_args__ = (
        CheckConstraint(f"grace_hours between 0 and {LONGEST_GRACE}", "grace_is_at_most_a_year"),
        CheckConstraint("cardinality(consequences) > 0", "something_follows"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    reference: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[str]  # code of a kind in rules.py
    parameters: Mapped[dict[str, Any]]
    group_id: Mapped[int | None] = mapped_column(ForeignKey("device_group.id"))  # None: everybody
    platform: Mapped[Platform | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    consequences: Mapped[list[str]]
    grace_hours: Mapped[int]
    # since when it says what it says: grace never began before
    effective_at: Mapped[datetime]
    # who answers for it: whoever last decided what it says, or that it holds
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    author_name: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    client: Mapped[Client] = relationship(lazy="raise_on_sql")
    group: Mapped[DeviceGroup | None] = relationship(lazy="raise_on_sql")

    def has(self, consequence: Consequence) -> bool:
        """Whether `consequence` follows."""
        return consequence.value in self.consequences


class ConformityFinding(Model):
    """A device fails a rule now; the row goes when it conforms again."""

    __tablename__ = "conformity_finding"
    __table_args__ = (Index("ix_conformity_finding_device_id", "device_id"),)
    __audited__ = False  # its history is `conformity_change`

    rule_id: Mapped[int] = mapped_column(ForeignKey("conformity_rule.id"), primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    since: Mapped[datetime]
    told_at: Mapped[datetime | None]
    locked_at: Mapped[datetime | None]  # when its lock was asked for


class ConformityChange(Model):
    """A device began to fail a rule, or stopped failing it: append-only."""

    __tablename__ = "conformity_change"
    __table_args__ = (
        Index("ix_conformity_change_device_id_id", "device_id", "id"),
        Index("ix_conformity_change_rule_id_id", "rule_id", "id"),
    )
    __audited__ = False  # a record of what happened, kept for ever

    id: Mapped[int] = mapped_column(primary_key=True)
    rule_id: Mapped[int] = mapped_column(ForeignKey("conformity_rule.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    at: Mapped[datetime]
    failed: Mapped[bool]
