"""What is read about accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select, tuple_

from servicedesk.accounts import tokens
from servicedesk.accounts.models import ApiToken, Credential, User
from servicedesk.core import database
from servicedesk.core.errors import NotFound
from servicedesk.core.permissions import Permission, require

if TYPE_CHECKING:
    from datetime import datetime

    from servicedesk.core.actors import Actor, Role

PAGE = 50
LONGEST_ID = 19  # digits of a bigint


@dataclass(frozen=True, kw_only=True)
class AccountLine:
    """An account in the list; `has_password` is False until the first link was used."""

    id: int
    email: str
    name: str
    role: Role
    is_active: bool
    has_password: bool
    last_sign_in_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class AccountPage:
    """A stretch of the list; `next` is the cursor of the following one, if there is one."""

    lines: list[AccountLine]
    next: str | None


@dataclass(frozen=True, kw_only=True)
class Account:
    """All that is shown of an account."""

    user: User
    has_password: bool
    password_changed_at: datetime | None
    tokens: list[ApiToken]


@dataclass(frozen=True, kw_only=True)
class AccountFilter:
    """What the list is narrowed to."""

    words: str = ""
    role: Role | None = None
    is_active: bool | None = None


def accounts(
    actor: Actor, wanted: AccountFilter | None = None, after: str | None = None
) -> AccountPage:
    """Return accounts by name, `PAGE` at a time; `after` is the `next` of the page before."""
    require(actor, Permission.ACCOUNT_ADMINISTER)
    narrowed = wanted or AccountFilter()
    by_name = func.lower(User.name)
    query = (
        select(User, Credential.password_hash.is_not(None))
        .join(Credential, Credential.user_id == User.id)
        .order_by(by_name, User.id)
        .limit(PAGE + 1)
    )
    if narrowed.words:
        words = narrowed.words.replace("\x00", "")
        query = query.where(
            or_(
                User.name.icontains(words, autoescape=True),
                User.email.icontains(words, autoescape=True),
            )
        )
    if narrowed.role is not None:
        query = query.where(User.role == narrowed.role)
    if narrowed.is_active is not None:
        query = query.where(User.is_active.is_(narrowed.is_active))
    if after is not None:
        last_shown = select(by_name, User.id).where(User.id == numbered(after)).scalar_subquery()
        query = query.where(tuple_(by_name, User.id) > last_shown)
    rows = database.session().execute(query).all()
    lines = [_line(user, has_password=has_password) for user, has_password in rows[:PAGE]]
    return AccountPage(lines=lines, next=str(lines[-1].id) if len(rows) > PAGE else None)


def account(actor: Actor, user_id: int) -> Account:
    """Return one account with its tokens. Raises NotFound."""
    require(actor, Permission.ACCOUNT_ADMINISTER)
    return _account(user_id)


def own_account(actor: Actor) -> Account:
    """Return the actor's own account with its tokens. Raises NotFound."""
    if actor.user_id is None:
        raise NotFound
    return _account(actor.user_id)


def numbered(cursor: str) -> int:
    """Return the id a cursor carries; one that was made up finds nothing."""
    return int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < LONGEST_ID else 0


def _account(user_id: int) -> Account:
    found = (
        database.session()
        .execute(select(User, Credential).join(Credential).where(User.id == user_id))
        .one_or_none()
    )
    if found is None:
        raise NotFound
    user, credential = found
    return Account(
        user=user,
        has_password=credential.password_hash is not None,
        password_changed_at=credential.password_changed_at,
        tokens=tokens.tokens_of(user_id),
    )


def _line(user: User, *, has_password: bool) -> AccountLine:
    return AccountLine(
        id=user.id,
        email=user.email,
        name=user.name,
        role=user.role,
        is_active=user.is_active,
        has_password=has_password,
        last_sign_in_at=user.last_sign_in_at,
    )
