"""Client companies, what they have contracted, and who speaks for them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from servicedesk.accounts.models import User
from servicedesk.core.database import Model
from servicedesk.core.text import msgid


class Modality(StrEnum):
    """How much of the administration the operator takes over."""

    SELF_MANAGED = "self_managed"
    MANAGED = "managed"
    ADVANCED_MANAGED = "advanced_managed"


class FunctionalBlock(StrEnum):
    """A named set of actions and policies that a contract can contain."""

    DEVICE_SECURITY = "device_security"
    MESSAGING = "messaging"
    LOCATION = "location"
    CONFIGURATION = "configuration"
    APPLICATIONS = "applications"
    DOCUMENTS = "documents"
    CONFORMITY = "conformity"
    ENROLMENT = "enrolment"


MODALITY_LABELS = {
    Modality.SELF_MANAGED: msgid("Self-managed"),
    Modality.MANAGED: msgid("Managed"),
    Modality.ADVANCED_MANAGED: msgid("Advanced managed"),
}
BLOCK_LABELS = {
    FunctionalBlock.DEVICE_SECURITY: msgid("Device security"),
    FunctionalBlock.MESSAGING: msgid("Messages to devices"),
    FunctionalBlock.LOCATION: msgid("Location"),
    FunctionalBlock.CONFIGURATION: msgid("Configuration of wifi, mail and VPN"),
    FunctionalBlock.APPLICATIONS: msgid("Application catalogue"),
    FunctionalBlock.DOCUMENTS: msgid("Documents"),
    FunctionalBlock.CONFORMITY: msgid("Conformity rules"),
    FunctionalBlock.ENROLMENT: msgid("Enrolment"),
}

# which blocks a modality can be sold with
COMPATIBLE_BLOCKS = {
    Modality.SELF_MANAGED: frozenset(
        {FunctionalBlock.DEVICE_SECURITY, FunctionalBlock.MESSAGING, FunctionalBlock.ENROLMENT}
    ),
    Modality.MANAGED: frozenset(FunctionalBlock) - {FunctionalBlock.CONFORMITY},
    Modality.ADVANCED_MANAGED: frozenset(FunctionalBlock),
}


class Client(Model):
    """A tenant: one company."""

    __tablename__ = "client"
    __table_args__ = (
        Index(
            "uq_client_internal", "is_internal", unique=True, postgresql_where=text("is_internal")
        ),
    )
    __tenant__ = "id"

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    tax_id: Mapped[str]
    sector: Mapped[str]
    city: Mapped[str]
    created_at: Mapped[datetime]
    # the operator's own: for work on the service as a whole; nobody's contact, in no figures
    is_internal: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    contracts: Mapped[list[Contract]] = relationship(lazy="raise_on_sql", back_populates="client")


class Contract(Model):
    """What a client has bought, from when to when, and on whose clock."""

    __tablename__ = "contract"
    __table_args__ = (
        CheckConstraint("ends_on > starts_on", "it_ends_after_it_starts"),
        CheckConstraint("engagement_days between 0 and 366", "days_fit_a_year"),
        CheckConstraint(
            "wipes_per_order between 1 and 100 and wipes_per_hour between 1 and 1000"
            " and wipe_share_per_day between 0 and 0.25 and cancel_window_minutes between 5 and 1440",
            "wipe_limits_are_limits",
        ),
        CheckConstraint("location_days between 1 and 30", "positions_go_within_thirty_days"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    reference: Mapped[str] = mapped_column(unique=True)
    modality: Mapped[Modality]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    time_zone: Mapped[str]
    blocks: Mapped[list[str]]
    engagement_days: Mapped[Decimal] = mapped_column(Numeric(5, 2), default=Decimal(16))
    # how much of the fleet may be wiped without the ceremony of a wide order
    wipes_per_order: Mapped[int] = mapped_column(default=1)
    wipes_per_hour: Mapped[int] = mapped_column(default=5)
    wipe_share_per_day: Mapped[Decimal] = mapped_column(Numeric(4, 3), default=Decimal("0.02"))
    cancel_window_minutes: Mapped[int] = mapped_column(default=30)  # before a wide wipe begins
    location_days: Mapped[int] = mapped_column(default=30)  # how long a device's position is kept

    client: Mapped[Client] = relationship(lazy="raise_on_sql", back_populates="contracts")

    def includes(self, block: FunctionalBlock) -> bool:
        """Whether the contract contains `block`."""
        return block.value in self.blocks

    @property
    def is_without_end(self) -> bool:
        """Whether it goes on until somebody ends it."""
        return self.ends_on == date.max

    def is_in_force(self, day: date) -> bool:
        """Whether the contract covers `day`."""
        return self.starts_on <= day <= self.ends_on


class LimitChange(Model):
    """Looser wipe limits: one supervisor asks for them, another agrees, or anyone withdraws them."""

    __tablename__ = "limit_change"
    __table_args__ = (
        CheckConstraint("agreed_by_id <> asked_by_id", "two_people_loosen"),
        CheckConstraint(
            "(agreed_by_id is null) = (agreed_at is null)", "an_agreement_has_person_and_time"
        ),
        CheckConstraint(
            "agreed_at is null or (proved_at is not null and proved_at <= agreed_at"
            " and proved_at > agreed_at - interval '5 minutes')",
            "who_agrees_has_proved_to_be_there",
        ),
        CheckConstraint("agreed_at is null or withdrawn_at is null", "it_ends_once"),
        Index(
            "uq_limit_change_waiting",
            "contract_id",
            unique=True,
            postgresql_where=text("agreed_at is null and withdrawn_at is null"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"))
    wipes_per_order: Mapped[int]
    wipes_per_hour: Mapped[int]
    wipe_share_per_day: Mapped[Decimal] = mapped_column(Numeric(4, 3))
    cancel_window_minutes: Mapped[int]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    asked_by_name: Mapped[str]
    asked_at: Mapped[datetime]
    agreed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    agreed_by_name: Mapped[str | None]
    agreed_at: Mapped[datetime | None]
    proved_at: Mapped[datetime | None]  # when the second person last proved to be there, for this
    withdrawn_by_name: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]


class AuthorisedContact(Model):
    """The person who speaks for a client: the only client-side person who may act."""

    __tablename__ = "authorised_contact"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    phone: Mapped[str] = mapped_column(default="")

    user: Mapped[User] = relationship(lazy="raise_on_sql")


class AccountManagement(Model):
    """Which clients an account manager looks after."""

    __tablename__ = "account_management"
    __table_args__ = (UniqueConstraint("user_id", "client_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)

    user: Mapped[User] = relationship(lazy="raise_on_sql")
