"""What a supervisor does with accounts, and what everybody does with their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.accounts import links, people, tokens
from servicedesk.accounts.models import LinkPurpose, User
from servicedesk.core.actors import Role
from servicedesk.core.errors import DomainError, Forbidden, InvalidInput
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import Work, unit_of_work

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor

# a contact's account is made together with their place at a client
ROLES_BY_ITSELF = (Role.AGENT, Role.ACCOUNT_MANAGER, Role.SUPERVISOR)


class LastSupervisor(DomainError):
    """Without a supervisor nobody could open an account again."""

    code = "last-supervisor"
    sentence = msgid("The last supervisor cannot be deactivated.")


class OwnAccount(DomainError):
    """Nobody closes the door behind themselves."""

    code = "own-account"
    sentence = msgid("You cannot deactivate your own account.")


class AccountClosed(DomainError):
    """A deactivated person gets no links."""

    code = "account-closed"
    sentence = msgid("This account is deactivated. Activate it first.")


def create_account(
    actor: Actor, *, email: str, name: str, role: Role, public_url: str, language: str = "es"
) -> User:
    """Add a person of the operator and mail them the link to choose a password.

    Raises Forbidden or InvalidInput with the field at fault.
    """
    require(actor, Permission.ACCOUNT_ADMINISTER)
    with unit_of_work(actor, "accounts.create") as work:
        user = _add_operator(work, email, name, role, language)
        links.send_link(work, user, LinkPurpose.FIRST_PASSWORD, public_url)
    return user


def open_first_account(
    actor: Actor, *, email: str, name: str, role: Role, public_url: str, language: str = "es"
) -> str:
    """Add a person of the operator and return their link, for where no mail is sent yet."""
    require(actor, Permission.ACCOUNT_ADMINISTER)
    with unit_of_work(actor, "accounts.create") as work:
        user = _add_operator(work, email, name, role, language)
        return links.make_link(work, user, LinkPurpose.FIRST_PASSWORD, public_url)


def send_first_password(actor: Actor, user_id: int, public_url: str) -> None:
    """Mail a new link to choose a password. Raises AccountClosed."""
    require(actor, Permission.ACCOUNT_ADMINISTER)
    with unit_of_work(actor, "accounts.send_first_password") as work:
        user = people.locked_user(work, user_id)
        if not user.is_active:
            raise AccountClosed
        links.send_link(work, user, LinkPurpose.FIRST_PASSWORD, public_url)


def deactivate_account(actor: Actor, user_id: int) -> None:
    """Close an account: its sessions, links and tokens end at once. Idempotent.

    Raises Forbidden, NotFound, OwnAccount or LastSupervisor.
    """
    require(actor, Permission.ACCOUNT_ADMINISTER)
    if actor.user_id == user_id:
        raise OwnAccount
    with unit_of_work(actor, "accounts.deactivate") as work:
        supervisors = _locked_supervisors(work)
        user = people.locked_user(work, user_id)
        if supervisors == [user_id]:
            raise LastSupervisor
        if not user.is_active:
            return
        user.is_active = False
        user.session_version += 1
        tokens.revoke_all(work, user.id)


def activate_account(actor: Actor, user_id: int) -> None:
    """Open a closed account again; its password is as it was. Idempotent."""
    require(actor, Permission.ACCOUNT_ADMINISTER)
    with unit_of_work(actor, "accounts.activate") as work:
        people.locked_user(work, user_id).is_active = True


def change_own_language(actor: Actor, language: str) -> None:
    """Choose the language of one's pages and mails. Raises InvalidInput."""
    if actor.user_id is None:
        raise Forbidden
    chosen = people.checked_language(language)
    with unit_of_work(actor, "accounts.change_language") as work:
        people.locked_user(work, actor.user_id).language = chosen


def _add_operator(work: Work, email: str, name: str, role: Role, language: str) -> User:
    if role not in ROLES_BY_ITSELF:
        raise InvalidInput(msgid("Contacts are added on their client's page."), field="role")
    return people.add_account(work, email=email, name=name, role=role, language=language)


def _locked_supervisors(work: Work) -> list[int]:
    """Return the open supervisors; two who close each other's account wait for one another."""
    return list(
        work.session.scalars(
            select(User.id)
            .where(User.role == Role.SUPERVISOR, User.is_active)
            .order_by(User.id)
            .with_for_update()
        )
    )
