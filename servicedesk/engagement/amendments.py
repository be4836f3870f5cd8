"""More days for a contract year: offered by the operator, agreed to by both sides, counted only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.clients.choices import client_named
from servicedesk.clients.visibility import visible_to
from servicedesk.core.errors import Forbidden, InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, may, require
from servicedesk.core.references import next_reference
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.engagement.ledger import add_days, locked_again, locked_year
from servicedesk.engagement.models import Amendment, AmendmentState
from servicedesk.engagement.plans import reason_needed
from servicedesk.engagement.visits import contract_on

if TYPE_CHECKING:
    from datetime import date

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work

MOST_QUARTERS = 400


def offer_days(
    actor: Actor, client_reference: str, day: date, quarters: int, reason: str
) -> Amendment:
    """Offer more days for the contract year of `day`; a supervisor's offer is the operator's agreement.

    Raises Forbidden, or InvalidInput with the field.
    """
    require(actor, Permission.ENGAGEMENT_EDIT)
    why = reason_needed(reason)
    if not 1 <= quarters <= MOST_QUARTERS:
        raise InvalidInput(
            msgid("An amendment adds from a quarter of a day to 100 days."), field="days"
        )
    with unit_of_work(actor, "engagement.offer_days") as work:
        client = client_named(work.session, actor, client_reference)
        contract = contract_on(work, client, day)
        year = locked_year(work, contract, day)
        amendment = Amendment(
            client_id=client.id,
            contract_id=contract.id,
            year_id=year.id,
            reference=next_reference(work, "AMP"),
            quarters=quarters,
            reason=why,
            proposed_by_id=_person(actor),
            proposed_by_name=actor.name,
            proposed_at=work.at,
        )
        if may(actor, Permission.CLIENT_ADMINISTER):
            _agree_as_operator(work, amendment)
        work.session.add(amendment)
        work.concerns(client.id, amendment.reference)
    return amendment


def agree_for_operator(actor: Actor, reference: str) -> Amendment:
    """Agree as the operator: a supervisor's matter. Raises NotFound, Forbidden, NotAllowedNow."""
    with unit_of_work(actor, "engagement.agree_for_operator") as work:
        amendment = _pending(work, reference)
        require(actor, Permission.CLIENT_ADMINISTER)
        if amendment.operator_agreed_at is None:
            _agree_as_operator(work, amendment)
            _count(work, amendment)
    return amendment


def accept_days(actor: Actor, reference: str) -> Amendment:
    """Agree as the client: its authorised contact does. Raises NotFound, Forbidden, NotAllowedNow."""
    with unit_of_work(actor, "engagement.accept_days") as work:
        amendment = _pending(work, reference)
        require(actor, Permission.ENGAGEMENT_ACCEPT)
        if amendment.client_agreed_at is None:
            amendment.client_agreed_by_id = actor.user_id
            amendment.client_agreed_by_name = actor.name
            amendment.client_agreed_at = work.at
            _count(work, amendment)
    return amendment


def end_offer(actor: Actor, reference: str, reason: str) -> Amendment:
    """Decline as the client, or withdraw as the operator, while it does not count yet.

    Raises NotFound, Forbidden, NotAllowedNow, or InvalidInput without a reason.
    """
    why = reason_needed(reason)
    with unit_of_work(actor, "engagement.end_offer") as work:
        amendment = _pending(work, reference)
        allowed = Permission.ENGAGEMENT_ACCEPT if actor.is_contact else Permission.ENGAGEMENT_EDIT
        require(actor, allowed)
        amendment.ended_side = (
            AmendmentState.DECLINED if actor.is_contact else AmendmentState.WITHDRAWN
        )
        amendment.ended_by_name, amendment.ended_at = actor.name, work.at
        amendment.ended_reason = why
    return amendment


def _pending(work: Work, reference: str) -> Amendment:
    """Return an offer for settling it, under its own lock and its year's."""
    amendment = work.session.scalar(
        select(Amendment)
        .where(
            Amendment.reference == reference.replace("\x00", ""),
            visible_to(work.actor, Amendment.client_id),
        )
        .with_for_update()
    )
    if amendment is None:
        raise NotFound
    work.concerns(amendment.client_id, amendment.reference)
    if not amendment.is_pending:
        raise NotAllowedNow(msgid("This amendment is settled already."))
    locked_again(work, amendment.year_id)
    return amendment


def _agree_as_operator(work: Work, amendment: Amendment) -> None:
    amendment.operator_agreed_by_id = work.actor.user_id
    amendment.operator_agreed_by_name = work.actor.name
    amendment.operator_agreed_at = work.at


def _count(work: Work, amendment: Amendment) -> None:
    if amendment.state is AmendmentState.AGREED:
        add_days(work, amendment)


def _person(actor: Actor) -> int:
    if actor.user_id is None:
        raise Forbidden
    return actor.user_id
