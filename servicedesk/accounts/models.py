"""People who may sign in, and how they prove who they are."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from servicedesk.core.actors import Role
from servicedesk.core.database import Model


class User(Model):
    """A person with an account. What they may do follows from the role."""

    __tablename__ = "user"
    __table_args__ = (
        Index("ix_user_email_lower", text("lower(email)"), unique=True),
        CheckConstraint("role not in ('system', 'gate')", "a_person_has_a_persons_role"),
    )
    __tenant__ = None

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    name: Mapped[str]
    role: Mapped[Role]
    language: Mapped[str] = mapped_column(default="es")
    time_zone: Mapped[str] = mapped_column(default="Europe/Madrid")
    is_active: Mapped[bool] = mapped_column(default=True)
    session_version: Mapped[int] = mapped_column(default=1)  # raised: every session ends
    created_at: Mapped[datetime]
    last_sign_in_at: Mapped[datetime | None]
    role_since: Mapped[datetime] = mapped_column(server_default=text("now()"))

    credential: Mapped[Credential] = relationship(back_populates="user", lazy="raise_on_sql")


class Credential(Model):
    """The secrets of a user, in a table that no client's database role can read."""

    __tablename__ = "credential"
    __tenant__ = None

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    password_hash: Mapped[str | None] = mapped_column(info={"secret": True})
    password_changed_at: Mapped[datetime | None]
    # the second factor's place: a later issue fills it and asks for it at sign-in
    second_factor: Mapped[str | None] = mapped_column(info={"secret": True})

    user: Mapped[User] = relationship(back_populates="credential")


class LinkPurpose(StrEnum):
    """What a one-time link lets its holder do, once."""

    FIRST_PASSWORD = "first_password"  # noqa: S105
    RESET_PASSWORD = "reset_password"  # noqa: S105


class OneTimeLink(Model):
    """A link sent by mail: only its hash is kept, it works once and expires."""

    __tablename__ = "one_time_link"
    __tenant__ = None

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    purpose: Mapped[LinkPurpose]
    token_hash: Mapped[str] = mapped_column(unique=True, info={"secret": True})
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignInAttempt(Model):
    """A try to sign in, by account and by address: what throttling and lock-out count."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        Index("ix_sign_in_attempt_email_at", "email", "at"),
        Index("ix_sign_in_attempt_address_at", "address", "at"),
    )
    __tenant__ = None
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    email: Mapped[str]
    address: Mapped[str]
    succeeded: Mapped[bool]


class ApiToken(Model):
    """A personal token for the API: hashed, scoped, expiring."""

    __tablename__ = "api_token"
    __tenant__ = None

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    name: Mapped[str]
    secret_hash: Mapped[str] = mapped_column(unique=True, info={"secret": True})
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]

    user: Mapped[User] = relationship(lazy="raise_on_sql")


class Notice(Model):
    """Something a person is told inside the desk; `kind` and `facts` become words when it is read.

    `client_id` says whom it is about; clients stand a floor above, so it is no key.
    """

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_user_id_id", "user_id", "id"),
        Index("ix_notice_unread", "user_id", postgresql_where=text("read_at is null")),
    )
    __audited__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    client_id: Mapped[int | None]
    at: Mapped[datetime]
    kind: Mapped[str]
    reference: Mapped[str]  # of what it leads to
    facts: Mapped[dict[str, Any]]
    read_at: Mapped[datetime | None]
