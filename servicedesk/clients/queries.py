"""What is read about clients; every read keeps to the actor's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select, tuple_

from servicedesk.accounts.models import User
from servicedesk.accounts.queries import numbered
from servicedesk.clients.contract_year import ContractYear, contract_year_of
from servicedesk.clients.models import (
    AccountManagement,
    AuthorisedContact,
    Client,
    Contract,
    LimitChange,
)
from servicedesk.clients.visibility import of_customers, visible_to
from servicedesk.core import database
from servicedesk.core.actors import Role
from servicedesk.core.errors import NotFound
from servicedesk.core.permissions import Permission, require

if TYPE_CHECKING:
    from datetime import date

    from servicedesk.core.actors import Actor

PAGE = 50


@dataclass(frozen=True, kw_only=True)
class ClientLine:
    """A client in a list, with the contract that is in force or else the latest."""

    client: Client
    contract: Contract | None


@dataclass(frozen=True, kw_only=True)
class ClientPage:
    """A stretch of the list; `next` is the cursor of the following one, if there is one."""

    lines: list[ClientLine]
    next: str | None


@dataclass(frozen=True, kw_only=True)
class ContractStatement:
    """A contract as it stands on a day; `year` is None before it starts and after it ended."""

    contract: Contract
    is_in_force: bool
    year: ContractYear | None
    waiting: LimitChange | None = None  # looser limits that a second supervisor has to agree to


@dataclass(frozen=True, kw_only=True)
class ContactLine:
    """A person who speaks for a client."""

    user: User
    phone: str


@dataclass(frozen=True, kw_only=True)
class ClientView:
    """All that a client's page shows of the client itself; contracts newest first."""

    client: Client
    contracts: list[ContractStatement]
    contacts: list[ContactLine]
    managers: list[User]

    @property
    def current(self) -> ContractStatement | None:
        """Return the contract in force, or else the newest one."""
        in_force = [statement for statement in self.contracts if statement.is_in_force]
        return next(iter(in_force or self.contracts), None)


def clients(actor: Actor, today: date, words: str = "", after: str | None = None) -> ClientPage:
    """Return the actor's clients by name, `PAGE` at a time; one statement.

    The operator's own is found by its words only. `after` is the `next` of the page before.
    """
    require(actor, Permission.CLIENT_READ)
    by_name = func.lower(Client.name)
    in_force = (Contract.starts_on <= today) & (Contract.ends_on >= today)
    best = (
        select(Contract.id)
        .where(Contract.client_id == Client.id)
        .order_by(in_force.desc(), Contract.starts_on.desc())
        .limit(1)
        .correlate(Client)
        .scalar_subquery()
    )
    query = (
        select(Client, Contract)
        .outerjoin(Contract, Contract.id == best)
        .where(visible_to(actor, Client.id))
        .order_by(by_name, Client.id)
        .limit(PAGE + 1)
    )
    if words:
        plain = words.replace("\x00", "")
        query = query.where(
            or_(
                Client.name.icontains(plain, autoescape=True),
                Client.reference.icontains(plain, autoescape=True),
            )
        )
    else:
        query = query.where(of_customers(Client.id))
    if after is not None:
        last_shown = select(by_name, Client.id).where(Client.id == numbered(after))
        query = query.where(tuple_(by_name, Client.id) > last_shown.scalar_subquery())
    rows = database.session().execute(query).all()
    lines = [ClientLine(client=client, contract=contract) for client, contract in rows[:PAGE]]
    return ClientPage(lines=lines, next=str(lines[-1].client.id) if len(rows) > PAGE else None)


def client(actor: Actor, reference: str) -> Client:
    """Return one client. Raises NotFound, also for a client that is not the actor's."""
    require(actor, Permission.CLIENT_READ)
    found = database.session().scalar(
        select(Client).where(Client.reference == reference, visible_to(actor, Client.id))
    )
    if found is None:
        raise NotFound
    return found


def client_view(actor: Actor, reference: str, today: date) -> ClientView:
    """Return a client with contracts, contacts and managers; four statements. Raises NotFound."""
    found, session = client(actor, reference), database.session()
    contracts = session.execute(
        select(Contract, LimitChange)
        .outerjoin(
            LimitChange,
            (LimitChange.contract_id == Contract.id)
            & LimitChange.agreed_at.is_(None)
            & LimitChange.withdrawn_at.is_(None),
        )
        .where(Contract.client_id == found.id)
        .order_by(Contract.starts_on.desc())
    )
    contacts = session.execute(
        select(User, AuthorisedContact.phone)
        .join(AuthorisedContact, AuthorisedContact.user_id == User.id)
        .where(AuthorisedContact.client_id == found.id)
        .order_by(func.lower(User.name), User.id)
    )
    managers = session.scalars(
        select(User)
        .join(AccountManagement, AccountManagement.user_id == User.id)
        .where(AccountManagement.client_id == found.id)
        .order_by(func.lower(User.name), User.id)
    )
    return ClientView(
        client=found,
        contracts=[statement_on(contract, today, waiting) for contract, waiting in contracts],
        contacts=[ContactLine(user=user, phone=phone) for user, phone in contacts],
        managers=list(managers),
    )


def contract(actor: Actor, reference: str) -> tuple[Contract, Client]:
    """Return one contract with its client. Raises NotFound."""
    require(actor, Permission.CLIENT_READ)
    found = (
        database.session()
        .execute(
            select(Contract, Client)
            .join(Client, Client.id == Contract.client_id)
            .where(Contract.reference == reference, visible_to(actor, Contract.client_id))
        )
        .one_or_none()
    )
    if found is None:
        raise NotFound
    return found[0], found[1]


def waiting_limits(actor: Actor, contract_reference: str) -> LimitChange | None:
    """Return looser limits of a contract that wait for somebody's agreement."""
    require(actor, Permission.CLIENT_READ)
    return database.session().scalar(
        select(LimitChange)
        .join(Contract, Contract.id == LimitChange.contract_id)
        .where(
            Contract.reference == contract_reference,
            visible_to(actor, LimitChange.client_id),
            LimitChange.agreed_at.is_(None),
            LimitChange.withdrawn_at.is_(None),
        )
    )


def assignable_managers(actor: Actor) -> list[User]:
    """Return the active account managers, by name."""
    require(actor, Permission.CLIENT_ADMINISTER)
    return list(
        database.session().scalars(
            select(User)
            .where(User.role == Role.ACCOUNT_MANAGER, User.is_active)
            .order_by(func.lower(User.name), User.id)
        )
    )


def statement_on(
    contract: Contract, today: date, waiting: LimitChange | None = None
) -> ContractStatement:
    """Return how a contract stands on `today`."""
    is_in_force = contract.is_in_force(today)
    return ContractStatement(
        contract=contract,
        is_in_force=is_in_force,
        year=contract_year_of(contract.starts_on, today) if is_in_force else None,
        waiting=waiting,
    )
