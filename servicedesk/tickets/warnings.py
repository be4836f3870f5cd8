"""Telling people that a clock runs out: once, if it is still so, in their hours; and what follows.

See decision 0021. Everything of one warning is one transaction under the lock of its row, so that a
job that runs twice, or dies half-way, tells nobody twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, false, or_, select

from servicedesk.accounts.models import User
from servicedesk.accounts.notices import tell_people
from servicedesk.clients.models import AccountManagement, Client
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla.clocks import evaluated
from servicedesk.sla.derivation import numbered
from servicedesk.sla.models import SlaWarning
from servicedesk.sla.plan import Recipient
from servicedesk.sla.watch import CAUSE_GONE, PASSED_OVER, TELL_WARNING, TOLD, told_from
from servicedesk.tickets.handling import hand_over, ledger_of
from servicedesk.tickets.models import MOST_ESCALATED, EntryKind, Queue, Ticket
from servicedesk.tickets.timeline import tell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from servicedesk.core.unit_of_work import Work
    from servicedesk.sla.cycles import Cycle
    from servicedesk.sla.plan import Threshold

NOTICE = "sla_warning"
ASKED_AGAIN = timedelta(minutes=10)  # while the clock is paused


@dataclass(frozen=True, kw_only=True)
class Due:
    """A warning whose cause still holds: the clock that runs out, and what the plan says of it."""

    warning: SlaWarning
    ticket: Ticket
    cycle: Cycle
    threshold: Threshold


def tell_warning(warning_id: int) -> None:
    """Tell a warning to whom the plan's threshold reaches, unless its cause is gone.

    While the clock is paused, or people have gone home, it is asked again later.
    """
    with unit_of_work(SYSTEM, TELL_WARNING.name) as work:
        warning = work.session.get(SlaWarning, warning_id, with_for_update=True)
        if warning is None or warning.outcome is not None:
            return
        ticket = work.session.scalar(
            select(Ticket).where(Ticket.ledger_id == warning.ledger_id).with_for_update()
        )
        due = _due(work, warning, ticket) if ticket else None
        if due is None:
            _settle(work, warning, ticket, CAUSE_GONE)
        elif (later := _later(work, due.cycle)) > work.at:
            work.enqueue(TELL_WARNING, at=later, warning_id=warning_id)
        elif _is_overtaken(work, due):
            _settle(work, warning, ticket, PASSED_OVER)
        else:
            _tell(work, due)


def _due(work: Work, warning: SlaWarning, ticket: Ticket) -> Due | None:
    """Return the clock as it stands at this moment, from its events alone; None if all is well."""
    ledger_of(work, ticket)
    cycles = numbered(evaluated(work.session, warning.ledger_id, work.at))
    cycle = cycles.get((warning.metric, warning.ordinal))
    if cycle is None or not cycle.is_open or not cycle.has_reached(warning.percent):
        return None
    for threshold in cycle.terms.thresholds:
        is_meant = threshold.is_for(warning.metric, cycle.terms.priority)
        if is_meant and threshold.percent == warning.percent:
            return Due(warning=warning, ticket=ticket, cycle=cycle, threshold=threshold)
    return None


def _later(work: Work, cycle: Cycle) -> datetime:
    """Return from when on it may be told."""
    at = work.at if cycle.is_running else work.at + ASKED_AGAIN
    return told_from(work.session, cycle.terms, at)


def _is_overtaken(work: Work, due: Due) -> bool:
    """Whether a higher threshold of the same clock says it already, or is about to."""
    higher = work.session.scalars(
        select(SlaWarning.percent).where(
            SlaWarning.ledger_id == due.warning.ledger_id,
            SlaWarning.metric == due.warning.metric,
            SlaWarning.ordinal == due.warning.ordinal,
            SlaWarning.percent > due.warning.percent,
            or_(SlaWarning.outcome.is_(None), SlaWarning.outcome == TOLD),
        )
    )
    return any(due.cycle.has_reached(percent) for percent in higher)


def _settle(
    work: Work,
    warning: SlaWarning,
    ticket: Ticket | None,
    outcome: str,
    told_to: Sequence[str] = (),
) -> None:
    warning.outcome, warning.told_to = outcome, list(told_to)
    warning.told_at = work.at if outcome == TOLD else None
    work.concerns(warning.client_id, ticket.reference if ticket else str(warning.id))
    work.note(
        metric=warning.metric, percent=warning.percent, outcome=outcome, told_to=warning.told_to
    )


def _tell(work: Work, due: Due) -> None:
    people = _people(work, due)
    ticket, cycle = due.ticket, due.cycle
    tell_people(
        work,
        people,
        NOTICE,
        reference=ticket.reference,
        client_id=ticket.client_id,
        title=ticket.subject,
        client=work.session.scalar(select(Client.name).where(Client.id == ticket.client_id)),
        metric=due.warning.metric,
        percent=due.warning.percent,
        left=int((cycle.target - cycle.elapsed).total_seconds()),  # below zero: overdue
        due_at=cycle.due_at,
    )
    _escalate(work, due)
    _settle(work, due.warning, ticket, TOLD, [person.name for person in people])


def _people(work: Work, due: Due) -> Sequence[User]:
    """Return whom it reaches, each once; for an assignee who is not there, every agent."""
    ticket, reaches = due.ticket, due.threshold.reaches
    agents: ColumnElement[bool] = User.role == Role.AGENT
    assignee = User.id == ticket.assignee_id
    is_there = select(User.id).where(assignee, User.is_active)
    if Recipient.ASSIGNEE in reaches and work.session.scalar(is_there) is None:
        reaches |= {Recipient.QUEUE}
    manages = exists().where(
        AccountManagement.user_id == User.id, AccountManagement.client_id == ticket.client_id
    )
    reached = {
        Recipient.ASSIGNEE: assignee,
        Recipient.QUEUE: agents,
        Recipient.SUPERVISORS: User.role == Role.SUPERVISOR,
        Recipient.ACCOUNT_MANAGERS: (User.role == Role.ACCOUNT_MANAGER) & manages,
    }
    whom = or_(false(), *(reached[recipient] for recipient in sorted(reaches)))
    return work.session.scalars(
        select(User).where(User.is_active, whom).order_by(User.name, User.id)
    ).all()


def _escalate(work: Work, due: Due) -> None:
    """Do what the threshold says beside telling: more attention, another queue."""
    ticket, threshold = due.ticket, due.threshold
    if not threshold.raises and not threshold.queue:
        return
    facts: dict[str, Any] = {"metric": due.warning.metric, "percent": due.warning.percent}
    if threshold.raises:
        ticket.escalation = min(ticket.escalation + 1, MOST_ESCALATED)
        facts["escalation"] = ticket.escalation
    if threshold.queue:
        hand_over(work, ticket, Queue(threshold.queue))
        facts["queue"] = threshold.queue
    tell(work, ticket, EntryKind.ESCALATED, is_public=False, plan=due.cycle.terms.name, **facts)
