"""What a supervisor agrees with a contract: by which plan and calendar it is measured from a day on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import select

from servicedesk.clients.models import Contract
from servicedesk.clients.visibility import visible_to
from servicedesk.core.errors import Conflict, InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla.models import CalendarVersion, PlanVersion, ServiceLevel
from servicedesk.sla.replanning import REPLAN_CONTRACTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work

REASON_LENGTH = 500


@dataclass(frozen=True, kw_only=True)
class NewLevel:
    """By what a contract is to be measured, from a day on; `seen` is what `state_of` said before."""

    plan_code: str
    calendar_code: str
    effective_on: date
    reason: str
    seen: str


def state_of(levels: Iterable[ServiceLevel]) -> str:
    """Return a word that changes whenever a contract's levels do."""
    told = "|".join(
        f"{level.effective_on} {level.plan_code} {level.calendar_code}" for level in levels
    )
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def agree(actor: Actor, reference: str, wanted: NewLevel) -> ServiceLevel:
    """Have a contract measured by a plan and a calendar from a day on, today or later.

    Raises Forbidden, NotFound, Conflict, InvalidInput with the field.
    """
    require(actor, Permission.SLA_ADMINISTER)
    reason = _checked_reason(wanted.reason)
    with unit_of_work(actor, "sla.agree") as work:
        contract, levels, today = _locked(work, reference)
        if state_of(levels) != wanted.seen:
            raise Conflict
        _check_day(wanted.effective_on, today, contract)
        _check_codes(work, wanted)
        before = [level for level in levels if level.effective_on <= wanted.effective_on]
        if before and _says(before[-1]) == (wanted.plan_code, wanted.calendar_code):
            raise InvalidInput(
                msgid("On that day it is measured by just this plan and calendar."),
                field="plan_code",
            )
        level = before[-1] if before and before[-1].effective_on == wanted.effective_on else None
        if level is None:
            level = ServiceLevel(
                contract_id=contract.id,
                client_id=contract.client_id,
                effective_on=wanted.effective_on,
            )
            work.session.add(level)
        level.plan_code, level.calendar_code = wanted.plan_code, wanted.calendar_code
        level.reason, level.author_name, level.created_at = reason, work.actor.name, work.at
        if wanted.effective_on == today:
            work.enqueue(REPLAN_CONTRACTS)
    return level


def withdraw_level(actor: Actor, reference: str, effective_on: date) -> None:
    """Take back what is to hold from a day that has not come.

    Raises Forbidden, NotFound, NotAllowedNow.
    """
    require(actor, Permission.SLA_ADMINISTER)
    with unit_of_work(actor, "sla.withdraw_level") as work:
        _contract, levels, today = _locked(work, reference)
        level = next((one for one in levels if one.effective_on == effective_on), None)
        if level is None:
            raise NotFound
        if level.effective_on <= today:
            raise NotAllowedNow(msgid("It holds already: agree to another from today on."))
        work.session.delete(level)


def _locked(work: Work, reference: str) -> tuple[Contract, Sequence[ServiceLevel], date]:
    """Return a contract under lock with its levels in order, and its day."""
    contract = work.session.scalar(
        select(Contract)
        .where(Contract.reference == reference, visible_to(work.actor, Contract.client_id))
        .with_for_update()
    )
    if contract is None:
        raise NotFound
    work.concerns(contract.client_id, contract.reference)
    levels = work.session.scalars(
        select(ServiceLevel)
        .where(ServiceLevel.contract_id == contract.id)
        .order_by(ServiceLevel.effective_on)
    ).all()
    return contract, levels, work.at.astimezone(ZoneInfo(contract.time_zone)).date()


def _says(level: ServiceLevel) -> tuple[str, str]:
    return level.plan_code, level.calendar_code


def _checked_reason(typed: str) -> str:
    reason = " ".join(typed.split())
    if not reason:
        raise InvalidInput(msgid("Say why."), field="reason")
    if len(reason) > REASON_LENGTH or not reason.isprintable():
        raise InvalidInput(
            msgid("Use at most %(length)s ordinary characters."),
            field="reason",
            length=REASON_LENGTH,
        )
    return reason


def _check_day(effective_on: date, today: date, contract: Contract) -> None:
    if effective_on < today:
        raise InvalidInput(
            msgid("From today on or later: what has passed never changes."), field="effective_on"
        )
    if effective_on > contract.ends_on:
        raise InvalidInput(
            msgid("The contract ends before, on %(date)s."),
            field="effective_on",
            date=contract.ends_on,
        )


def _check_codes(work: Work, wanted: NewLevel) -> None:
    """Refuse what would leave the contract without exactly one plan and calendar on that day."""
    for model, code, field, unknown, later in (
        (
            PlanVersion,
            wanted.plan_code,
            "plan_code",
            msgid("Choose a plan."),
            msgid("This plan begins later than that day."),
        ),
        (
            CalendarVersion,
            wanted.calendar_code,
            "calendar_code",
            msgid("Choose a calendar."),
            msgid("This calendar begins later than that day."),
        ),
    ):
        # held until the commit, so that nobody takes a version away meanwhile
        dates = work.session.scalars(
            select(model.effective_on)
            .where(model.code == code, model.withdrawn_by_id.is_(None))
            .with_for_update(read=True)
        ).all()
        if not dates:
            raise InvalidInput(unknown, field=field)
        if min(dates) > wanted.effective_on:
            raise InvalidInput(later, field=field)
