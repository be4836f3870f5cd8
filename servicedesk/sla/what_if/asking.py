"""What a supervisor does with a what-if: ask it, and call it off."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from servicedesk.clients.models import Contract
from servicedesk.clients.visibility import visible_to
from servicedesk.core.errors import InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.jobs import JobName
from servicedesk.core.permissions import Permission, require
from servicedesk.core.references import next_reference
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla.what_if.models import UNFINISHED, WhatIf, WhatIfState
from servicedesk.sla.what_if.wishes import MOST_MONTHS, checked

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work
    from servicedesk.sla.what_if.wishes import Wish

COUNT = JobName("sla.what_if")
MOST_AT_A_TIME = 3  # unfinished ones of a person


def ask_what_if(actor: Actor, wish: Wish) -> WhatIf:
    """Have a worker replay a contract's last months under a draft; nothing else changes.

    Raises Forbidden, NotAllowedNow while too many of one's own are unfinished, and InvalidInput.
    """
    with unit_of_work(actor, "what_if.ask") as work:
        require(actor, Permission.SLA_SIMULATE)
        contract = _contract(work, wish.contract)
        if not 1 <= wish.months <= MOST_MONTHS:
            raise InvalidInput(msgid("Give 1 to 13 months."), field="months")
        definition = checked(work.session, wish)
        _refuse_too_many(work)
        this_month = work.at.astimezone(ZoneInfo(contract.time_zone)).date().replace(day=1)
        what_if = WhatIf(
            client_id=contract.client_id,
            contract_id=contract.id,
            reference=next_reference(work, "SIM"),
            asked_by_id=actor.user_id,
            asked_by_name=actor.name,
            asked_at=work.at,
            first_month=months_before(this_month, wish.months),
            last_month=months_before(this_month, 1),
            definition=definition,
            progress_at=work.at,
        )
        work.session.add(what_if)
        work.session.flush()
        work.concerns(contract.client_id, what_if.reference)
        work.enqueue(COUNT, lock=what_if.reference, what_if_id=what_if.id)
    return what_if


def cancel_what_if(actor: Actor, reference: str) -> WhatIf:
    """Have nobody count on. Raises NotFound, Forbidden, NotAllowedNow when it is over."""
    with unit_of_work(actor, "what_if.cancel") as work:
        what_if = work.session.scalar(
            select(WhatIf)
            .where(
                WhatIf.reference == reference.replace("\x00", ""),
                visible_to(actor, WhatIf.client_id),
            )
            .with_for_update()
        )
        if what_if is None:
            raise NotFound
        require(actor, Permission.SLA_SIMULATE)
        if not what_if.is_unfinished:
            raise NotAllowedNow
        what_if.state, what_if.finished_at = WhatIfState.CANCELLED, work.at
        work.concerns(what_if.client_id, what_if.reference)
    return what_if


def months_before(month: date, count: int) -> date:
    """Return the first day of the month so many months before `month`."""
    year, number = divmod(month.year * 12 + month.month - 1 - count, 12)
    return date(year, number + 1, 1)


def _contract(work: Work, reference: str) -> Contract:
    found = work.session.scalar(
        select(Contract).where(
            Contract.reference == reference.replace("\x00", ""),
            visible_to(work.actor, Contract.client_id),
        )
    )
    if found is None:
        raise InvalidInput(msgid("Choose a contract."), field="contract")
    return found


def _refuse_too_many(work: Work) -> None:
    unfinished = select(func.count(WhatIf.id)).where(
        WhatIf.asked_by_id == work.actor.user_id, WhatIf.state.in_(UNFINISHED)
    )
    if (work.session.scalar(unfinished) or 0) >= MOST_AT_A_TIME:
        raise NotAllowedNow(msgid("Three of yours are not done yet: wait, or cancel one."))
