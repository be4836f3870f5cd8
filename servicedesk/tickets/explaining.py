"""Giving or correcting, later than at its end, why a ticket missed a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.errors import NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla.cycles import Metric
from servicedesk.tickets.breaches import (
    Explanation,
    checked,
    explain_missing,
    is_breached,
    keep_cause,
    tell_cause,
)
from servicedesk.tickets.handling import locked_ticket

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor
    from servicedesk.tickets.models import Ticket


def explain_breaches(
    actor: Actor, reference: str, given: Explanation, cycle: tuple[str, int] | None = None
) -> Ticket:
    """Say why a ticket missed its targets: all that have no cause yet, or one (metric, ordinal).

    Raises NotFound (the ticket, or no such missed target), Forbidden, NotAllowedNow, InvalidFields.
    """
    with unit_of_work(actor, "tickets.explain") as work:
        ticket = locked_ticket(work, reference)
        require(actor, Permission.BREACH_EXPLAIN)
        if cycle is None:
            if not explain_missing(work, ticket, given):
                raise NotAllowedNow(msgid("No missed target of this ticket lacks a cause."))
        else:
            metric, ordinal = cycle
            if metric not in set(Metric) or not is_breached(work.session, ticket, metric, ordinal):
                raise NotFound
            cause, words = checked(given)
            keep_cause(work, ticket, (Metric(metric), ordinal), cause, words)
            tell_cause(work, ticket, [Metric(metric)], cause, words)
    return ticket
