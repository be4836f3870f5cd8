"""From a person to an actor: which clients they reach follows from their role and place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Select, func, select

from servicedesk.accounts.models import User
from servicedesk.clients.models import AccountManagement, AuthorisedContact
from servicedesk.core import database
from servicedesk.core.actors import Actor, Role

if TYPE_CHECKING:
    from sqlalchemy import ScalarSelect

LIMITED = {Role.CONTACT, Role.ACCOUNT_MANAGER}


def actor_for(user: User, address: str) -> Actor:
    """Return the actor `user` is, asked from `address`; at most one statement."""
    if user.role not in LIMITED:
        return _actor(user, None, address)
    reach = _contact_client(user.id) if user.role is Role.CONTACT else _managed_clients(user.id)
    return _actor(user, database.session().scalar(select(reach)), address)


def person_for_session(cookie_id: str, address: str) -> tuple[User, Actor] | None:
    """Return whose session `userid:version` is, unless it has ended; one statement.

    To be asked under the role of sign-in. The user is detached: a later rollback leaves it alone.
    """
    user_id, separator, version = cookie_id.partition(":")
    if not separator or not _is_number(user_id) or not _is_number(version):
        return None
    query: Select[User, list[int] | None, list[int] | None] = select(
        User, _contact_client(User.id), _managed_clients(User.id)
    ).where(User.id == int(user_id), User.session_version == int(version), User.is_active)
    session = database.session()
    found = session.execute(query.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        return None
    user, represented, managed = found
    session.expunge(user)
    return user, _actor(user, represented if user.role is Role.CONTACT else managed, address)


def _actor(user: User, reached: list[int] | None, address: str) -> Actor:
    return Actor(
        role=user.role,
        name=user.name,
        user_id=user.id,
        email=user.email,
        client_ids=frozenset(reached or ()) if user.role in LIMITED else None,
        address=address,
        language=user.language,
    )


def _contact_client(user_id: object) -> ScalarSelect[list[int]]:
    return (
        select(func.array_agg(AuthorisedContact.client_id))
        .where(AuthorisedContact.user_id == user_id)
        .scalar_subquery()
    )


def _managed_clients(user_id: object) -> ScalarSelect[list[int]]:
    return (
        select(func.array_agg(AccountManagement.client_id))
        .where(AccountManagement.user_id == user_id)
        .scalar_subquery()
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18  # noqa: PLR2004
