"""What became of a visit: done with its real length, cancelled, or corrected afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.errors import NotAllowedNow
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.engagement.invitations import call_off
from servicedesk.engagement.ledger import give_back, locked_again, reverse, spend
from servicedesk.engagement.models import VisitState
from servicedesk.engagement.plans import check_length, reason_needed
from servicedesk.engagement.visits import locked_visit, must_be_planned

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work
    from servicedesk.engagement.models import Visit


def confirm_visit(actor: Actor, reference: str, quarters: int, *, version: int) -> Visit:
    """Say that a visit took place and how long it took: that is consumed, the rest is given back.

    Raises NotFound, Forbidden, Conflict, NotAllowedNow, InvalidInput, or BudgetExhausted when it
    took longer than was planned and the year has not as much left.
    """
    check_length(quarters)
    with unit_of_work(actor, "engagement.confirm_visit") as work:
        visit = locked_visit(work, reference, version)
        must_be_planned(visit)
        if visit.starts_at > work.at:
            raise NotAllowedNow(msgid("This visit has not begun yet."))
        year = locked_again(work, visit.year_id)
        spend(work, visit, year, quarters)
        _settle(work, visit, VisitState.DONE)
    return visit


def cancel_visit(actor: Actor, reference: str, reason: str, *, version: int) -> Visit:
    """Call a planned visit off: its time is given back, with the reason. Attendees are told.

    Raises NotFound, Forbidden, Conflict, NotAllowedNow, or InvalidInput without a reason.
    """
    why = reason_needed(reason)
    with unit_of_work(actor, "engagement.cancel_visit") as work:
        visit = locked_visit(work, reference, version)
        must_be_planned(visit)
        locked_again(work, visit.year_id)
        give_back(work, visit, visit.reserved_quarters, why)
        _call_off(work, visit, why)
    return visit


def correct_visit(
    actor: Actor, reference: str, quarters: int, reason: str, *, version: int
) -> Visit:
    """Put right how long a done visit took, by reversing entries; nothing at all: it was not.

    Raises NotFound, Forbidden, Conflict, NotAllowedNow, InvalidInput or BudgetExhausted.
    """
    why = reason_needed(reason)
    if quarters:
        check_length(quarters)
    with unit_of_work(actor, "engagement.correct_visit") as work:
        visit = locked_visit(work, reference, version)
        if visit.state is not VisitState.DONE:
            raise NotAllowedNow(msgid("Only what was confirmed can be corrected."))
        locked_again(work, visit.year_id)
        reverse(work, visit, why)
        spend(work, visit, locked_again(work, visit.year_id), quarters, why)
        visit.note = why
        _settle(work, visit, VisitState.DONE if quarters else VisitState.CANCELLED)
    return visit


def _call_off(work: Work, visit: Visit, why: str) -> None:
    visit.note = why
    visit.sequence += 1
    _settle(work, visit, VisitState.CANCELLED)
    work.session.flush()
    call_off(work, visit, visit.attendees)


def _settle(work: Work, visit: Visit, state: VisitState) -> None:
    visit.state = state
    visit.settled_at, visit.settled_by_name = work.at, work.actor.name
