"""Personal tokens for the API: shown once, kept as a hash, scoped, expiring."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from servicedesk.accounts.models import ApiToken, User
from servicedesk.core import clock, database
from servicedesk.core.errors import Forbidden, InvalidInput, NotFound
from servicedesk.core.permissions import Permission, may
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import Work, unit_of_work

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicedesk.core.actors import Actor

PREFIX = "sd_"  # so that scanners of leaked secrets can tell what it is
DEFAULT_DAYS = 90
MAX_DAYS = 365
NAME_MAX_LENGTH = 80
TOKENS_PER_PERSON = 50
USE_IS_NOTED_EVERY = timedelta(minutes=1)


class Scope(StrEnum):
    """What a token may do at most; its owner's role decides the rest."""

    READ = "read"
    WRITE = "write"


def create_token(
    actor: Actor,
    name: str,
    scopes: Iterable[str] = (Scope.READ, Scope.WRITE),
    days: int = DEFAULT_DAYS,
) -> str:
    """Return a new token of the actor's own; it cannot be shown again.

    `days` is how long it works. Raises InvalidInput with the field at fault.
    """
    if actor.user_id is None:
        raise Forbidden
    label, chosen = _checked_name(name), _checked_scopes(scopes)
    if not 1 <= days <= MAX_DAYS:
        raise InvalidInput(
            msgid("A token can work for 1 to %(days)s days."), field="days", days=MAX_DAYS
        )
    plain = PREFIX + secrets.token_urlsafe(32)
    with unit_of_work(actor, "accounts.create_token") as work:
        if len(_usable(work, actor.user_id)) >= TOKENS_PER_PERSON:
            raise InvalidInput(msgid("Revoke a token you no longer need first."), field="name")
        token = ApiToken(
            user_id=actor.user_id,
            name=label,
            secret_hash=_hash(plain),
            scopes=chosen,
            created_at=work.at,
            expires_at=work.at + timedelta(days=days),
        )
        work.session.add(token)
        work.concerns(None, actor.email)
    return plain


def revoke_token(actor: Actor, token_id: int) -> None:
    """End a token: one's own, or anybody's for who administers accounts. Idempotent.

    Raises NotFound for a token that is not the actor's to revoke.
    """
    with unit_of_work(actor, "accounts.revoke_token") as work:
        token = work.session.get(ApiToken, token_id, with_for_update=True)
        is_own = token is not None and token.user_id == actor.user_id
        if token is None or not (is_own or may(actor, Permission.ACCOUNT_ADMINISTER)):
            raise NotFound
        token.revoked_at = token.revoked_at or work.at
        work.concerns(None, f"token {token.name}")


def revoke_all(work: Work, user_id: int) -> None:
    """End every token of a person."""
    for token in _usable(work, user_id):
        token.revoked_at = work.at


def tokens_of(user_id: int) -> list[ApiToken]:
    """Return a person's tokens that are not revoked, newest first; the expired ones too."""
    return list(
        database.session().scalars(
            select(ApiToken)
            .where(ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None))
            .order_by(ApiToken.created_at.desc(), ApiToken.id.desc())
        )
    )


def person_by_token(plain: str) -> tuple[User, ApiToken] | None:
    """Return whose token this is while it works; to be asked under the role of sign-in.

    That it was used is noted once a minute, in a transaction of its own.
    """
    at, session = clock.now(), database.session()
    found = session.execute(
        select(User, ApiToken)
        .join(ApiToken, ApiToken.user_id == User.id)
        .where(
            ApiToken.secret_hash == _hash(plain),
            ApiToken.revoked_at.is_(None),
            ApiToken.expires_at > at,
            User.is_active,
        )
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        return None
    user, token = found
    # what a request knows of its caller must not change with a later rollback
    session.expunge(user)
    session.expunge(token)
    if token.last_used_at is None or token.last_used_at <= at - USE_IS_NOTED_EVERY:
        session.execute(update(ApiToken).where(ApiToken.id == token.id).values(last_used_at=at))
        session.commit()
    return user, token


def _usable(work: Work, user_id: int) -> list[ApiToken]:
    return list(
        work.session.scalars(
            select(ApiToken).where(
                ApiToken.user_id == user_id,
                ApiToken.revoked_at.is_(None),
                ApiToken.expires_at > work.at,
            )
        )
    )


def _checked_name(name: str) -> str:
    label = " ".join(name.split())
    if not label or len(label) > NAME_MAX_LENGTH or not label.isprintable():
        raise InvalidInput(msgid("Enter a name that says what the token is for."), field="name")
    return label


def _checked_scopes(scopes: Iterable[str]) -> list[str]:
    chosen = sorted(set(scopes))
    if not chosen or not set(chosen) <= set(Scope):
        raise InvalidInput(msgid("Choose what the token may do."), field="scopes")
    return chosen


def _hash(plain: str) -> str:
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
