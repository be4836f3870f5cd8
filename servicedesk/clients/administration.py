"""What a supervisor does with clients: companies, contracts, contacts, account managers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.accounts import links, people
from servicedesk.accounts.models import LinkPurpose, User
from servicedesk.clients.events import ContractChanged, ContractSigned
from servicedesk.clients.models import AccountManagement, AuthorisedContact, Client, Contract
from servicedesk.clients.terms import ContractTerms, check_terms, in_order
from servicedesk.clients.wipe_limits import WipeLimits, set_limits
from servicedesk.core.actors import Role
from servicedesk.core.errors import InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.core.references import next_reference
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import Work, unit_of_work

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor

TEXT_MAX_LENGTH = 120
PHONE_MAX_LENGTH = 40


@dataclass(frozen=True, kw_only=True)
class ClientFacts:
    """What is known of a company."""

    name: str
    tax_id: str = ""
    sector: str = ""
    city: str = ""


def create_client(actor: Actor, facts: ClientFacts, terms: ContractTerms) -> Client:
    """Add a company with its first contract. Raises Forbidden or InvalidInput with the field."""
    require(actor, Permission.CLIENT_ADMINISTER)
    checked = _checked_facts(facts)
    check_terms(terms)
    with unit_of_work(actor, "clients.create") as work:
        client = add_client(work, checked, terms)
        work.concerns(client.id, client.reference)
    return client


def add_client(
    work: Work, facts: ClientFacts, terms: ContractTerms, *, is_internal: bool = False
) -> Client:
    """Write a company with its first contract, both checked already."""
    client = Client(
        reference=next_reference(work, "CLI", with_year=False),
        name=facts.name,
        tax_id=facts.tax_id,
        sector=facts.sector,
        city=facts.city,
        created_at=work.at,
        is_internal=is_internal,
    )
    work.session.add(client)
    work.session.flush()
    contract = Contract(client_id=client.id, reference=next_reference(work, "CTR", with_year=False))
    _write_terms(contract, terms)
    work.session.add(contract)
    work.session.flush()
    # a ticket of it may be opened in this very transaction: it has to be measured by then
    work.publish_now(ContractSigned(client_id=client.id, contract_id=contract.id))
    return client


def edit_client(actor: Actor, reference: str, facts: ClientFacts) -> Client:
    """Change what is known of a company. Raises NotFound or InvalidInput with the field."""
    require(actor, Permission.CLIENT_ADMINISTER)
    checked = _checked_facts(facts)
    with unit_of_work(actor, "clients.edit") as work:
        client = _locked_client(work, reference)
        client.name, client.tax_id = checked.name, checked.tax_id
        client.sector, client.city = checked.sector, checked.city
    return client


def edit_contract(
    actor: Actor, reference: str, terms: ContractTerms, limits: WipeLimits | None = None
) -> Contract:
    """Change a contract's terms; looser `limits` wait for another supervisor.

    Raises NotFound, or InvalidInput with the field.
    """
    require(actor, Permission.CLIENT_ADMINISTER)
    check_terms(terms)
    with unit_of_work(actor, "clients.edit_contract") as work:
        contract = work.session.scalar(
            select(Contract).where(Contract.reference == reference).with_for_update()
        )
        if contract is None:
            raise NotFound
        _write_terms(contract, terms)
        if limits is not None:
            set_limits(work, contract, limits)
        work.concerns(contract.client_id, contract.reference)
        work.publish(ContractChanged(client_id=contract.client_id))
    return contract


def create_contact(
    actor: Actor,
    client_reference: str,
    *,
    email: str,
    name: str,
    public_url: str,
    phone: str = "",
    language: str = "es",
) -> User:
    """Add a person who speaks for a client and welcome them with the link to the portal.

    Raises Forbidden, NotFound, InvalidInput with the field at fault, or NotAllowedNow for the
    operator's own.
    """
    require(actor, Permission.CLIENT_ADMINISTER)
    require(actor, Permission.ACCOUNT_ADMINISTER)
    number = _checked_text(phone, "phone", PHONE_MAX_LENGTH)
    with unit_of_work(actor, "clients.create_contact") as work:
        client = _locked_customer(work, client_reference)
        user = people.add_account(
            work, email=email, name=name, role=Role.CONTACT, language=language
        )
        work.session.add(AuthorisedContact(user_id=user.id, client_id=client.id, phone=number))
        links.send_link(work, user, LinkPurpose.FIRST_PASSWORD, public_url)
        work.concerns(client.id, user.email)
    return user


def assign_manager(actor: Actor, client_reference: str, user_id: int) -> None:
    """Have an account manager look after a client. Idempotent.

    Raises InvalidInput, NotFound, or NotAllowedNow for the operator's own.
    """
    require(actor, Permission.CLIENT_ADMINISTER)
    with unit_of_work(actor, "clients.assign_manager") as work:
        client = _locked_customer(work, client_reference)
        user = work.session.get(User, user_id)
        if user is None or user.role is not Role.ACCOUNT_MANAGER or not user.is_active:
            raise InvalidInput(msgid("Choose an active account manager."), field="user_id")
        if _management(work, client.id, user_id) is None:
            work.session.add(AccountManagement(user_id=user_id, client_id=client.id))


def unassign_manager(actor: Actor, client_reference: str, user_id: int) -> None:
    """End an account manager's charge of a client. Idempotent; raises NotFound."""
    require(actor, Permission.CLIENT_ADMINISTER)
    with unit_of_work(actor, "clients.unassign_manager") as work:
        client = _locked_client(work, client_reference)
        management = _management(work, client.id, user_id)
        if management is not None:
            work.session.delete(management)


def _locked_client(work: Work, reference: str) -> Client:
    """Return a client for changing it, or what is its own, one act at a time."""
    client = work.session.scalar(
        select(Client).where(Client.reference == reference).with_for_update()
    )
    if client is None:
        raise NotFound
    work.concerns(client.id, client.reference)
    return client


def _locked_customer(work: Work, reference: str) -> Client:
    """Return a client that people outside may see. Raises NotAllowedNow for the operator's own."""
    client = _locked_client(work, reference)
    if client.is_internal:
        raise NotAllowedNow(msgid("This is the operator's own: it has no contacts or managers."))
    return client


def _management(work: Work, client_id: int, user_id: int) -> AccountManagement | None:
    return work.session.scalar(
        select(AccountManagement).where(
            AccountManagement.client_id == client_id, AccountManagement.user_id == user_id
        )
    )


def _write_terms(contract: Contract, terms: ContractTerms) -> None:
    contract.modality = terms.modality
    contract.starts_on = terms.starts_on
    contract.ends_on = terms.ends_on
    contract.time_zone = terms.time_zone
    contract.blocks = in_order(terms.blocks)
    contract.engagement_days = terms.engagement_days
    contract.location_days = terms.location_days


def _checked_facts(facts: ClientFacts) -> ClientFacts:
    checked = ClientFacts(
        name=_checked_text(facts.name, "name"),
        tax_id=_checked_text(facts.tax_id, "tax_id"),
        sector=_checked_text(facts.sector, "sector"),
        city=_checked_text(facts.city, "city"),
    )
    if not checked.name:
        raise InvalidInput(msgid("Enter a name."), field="name")
    return checked


def _checked_text(typed: str, field: str, length: int = TEXT_MAX_LENGTH) -> str:
    cleaned = " ".join(typed.split())
    if len(cleaned) > length or not cleaned.isprintable():
        raise InvalidInput(
            msgid("Use at most %(length)s ordinary characters."), field=field, length=length
        )
    return cleaned
