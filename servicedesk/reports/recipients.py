"""To whom a report may be sent: active people who would see every row of it themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select

from servicedesk.accounts.models import User
from servicedesk.clients.models import AccountManagement, AuthorisedContact
from servicedesk.core.actors import Actor, Role, Side
from servicedesk.reports.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from servicedesk.reports.models import Report

MOST_RECIPIENTS = 20
MOST_OFFERED = 200
_BY_CODE = {kind.code: kind for kind in KINDS}


def possible_recipients(
    session: Session, report: Report, reach: Sequence[int] | None
) -> Sequence[User]:
    """Return its author, contacts and account managers of its clients, and supervisors; two statements.

    `reach` is whose rows are in it; None stands for those of all clients.
    """
    contacts = select(AuthorisedContact.user_id).where(AuthorisedContact.client_id.in_(reach or []))
    managers = (
        select(AccountManagement.user_id)
        .where(AccountManagement.client_id.in_(reach or []))
        .group_by(AccountManagement.user_id)
        .having(func.count() == len(reach or []))
    )
    is_one: list[Any] = [User.id == report.author_id, User.role == Role.SUPERVISOR]
    if reach is not None:
        is_one.append((User.role == Role.ACCOUNT_MANAGER) & User.id.in_(managers))
        if len(reach) == 1:
            is_one.append((User.role == Role.CONTACT) & User.id.in_(contacts))
    found = session.scalars(
        select(User)
        .where(User.is_active, or_(*is_one))
        .order_by(User.role, User.name, User.id)
        .limit(MOST_OFFERED)
    ).all()
    return [person for person in found if may_see(person, report, reach)]


def may_see(person: User, report: Report, reach: Sequence[int] | None) -> bool:
    """Whether a person whose clients are in reach would be told the same."""
    kind = _BY_CODE.get(report.kind)
    narrowed = person.role in {Role.CONTACT, Role.ACCOUNT_MANAGER}
    ids = frozenset(reach or ()) if narrowed else None
    reader = Actor(role=person.role, name=person.name, user_id=person.id, client_ids=ids)
    if kind is None or not kind.is_for(reader):
        return False
    if not reader.is_contact or report.author_side is Side.CLIENT:
        return True
    ours = {column.code for column in kind.columns if column.for_operator}
    ours |= {one.code for one in kind.filters if one.for_operator}
    return kind.is_same_for_client and not ours & {*report.columns, *report.filters}
