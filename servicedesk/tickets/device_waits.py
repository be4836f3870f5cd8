"""Waiting for devices: while nothing is missing but devices out of reach, that time is theirs.

Evidence is what engines say: a command that the engine has and the device has not fetched, because
its last contact was before it, or that the device put off. The wait begins when this is noticed, a
few minutes late, and ends at the contact itself: the doubt is on the operator's side.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.orders.models import OrderState, WorkOrder
from servicedesk.sla import clocks
from servicedesk.sla.cycles import Party
from servicedesk.sla.evaluation import EventKind
from servicedesk.tickets.handling import ledger_of
from servicedesk.tickets.models import OPEN_STATES, Ticket, TicketOrder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Row

    from servicedesk.core.unit_of_work import Work

SILENT_FOR = timedelta(minutes=5)  # a device that is on fetches its command long before

# Per ticket whose orders are on their way: how many commands are open, how many of them wait for
# their device alone, and the newest contact of a device that has been there and owes nothing more.
STANDING = text("""
WITH open_command AS (
  SELECT x.ticket_id, o.reference AS order_reference, d.reference AS device, d.last_contact_at,
         c.state = 'not_now' OR (c.state = 'sent' AND c.accepted_at IS NOT NULL
           AND c.sent_at < :silent_since
           AND (d.last_contact_at IS NULL OR d.last_contact_at <= c.sent_at)) AS waits
  FROM ticket_order x
  JOIN work_order o ON o.id = x.order_id AND o.state = 'executing'
  JOIN device_command c ON c.batch_id = o.batch_id
    AND c.state IN ('queued', 'sent', 'not_now', 'unknown')
  JOIN device d ON d.id = c.device_id
  WHERE x.ticket_id = ANY (:ids)
)
SELECT ticket_id, min(order_reference) AS order_reference,
       count(*) AS missing, count(*) FILTER (WHERE waits) AS waiting,
       min(last_contact_at) FILTER (WHERE waits) AS oldest_contact,
       (array_agg(device ORDER BY device) FILTER (WHERE waits))[1:5] AS devices,
       max(last_contact_at) FILTER (WHERE NOT waits) AS contact_at
FROM open_command GROUP BY ticket_id
""")
# an order of the ticket that somebody of the operator has to move: that time is not the device's
HANDS_NEEDED = text("""
SELECT DISTINCT x.ticket_id FROM ticket_order x JOIN work_order o ON o.id = x.order_id
WHERE x.ticket_id = ANY (:ids) AND o.state NOT IN ('executing', 'done', 'cancelled')
""")
LAST_ANSWER = text("""
SELECT x.ticket_id, max(c.finished_at) AS at FROM ticket_order x
JOIN work_order o ON o.id = x.order_id JOIN device_command c ON c.batch_id = o.batch_id
WHERE x.ticket_id = ANY (:ids) GROUP BY x.ticket_id
""")


def note_device_waits() -> int:
    """Begin and end the waits for devices as things stand now; return how many changed."""
    with unit_of_work(SYSTEM, "tickets.device_waits") as work:
        under_way = (
            select(TicketOrder.ticket_id)
            .join(WorkOrder, WorkOrder.id == TicketOrder.order_id)
            .where(WorkOrder.state == OrderState.EXECUTING)
        )
        tickets = work.session.scalars(
            select(Ticket)
            .where(
                Ticket.device_wait_since.is_not(None)
                | (Ticket.id.in_(under_way) & Ticket.state.in_(OPEN_STATES))
            )
            .order_by(Ticket.id)
            .with_for_update(skip_locked=True)
        ).all()
        return _note(work, tickets) if tickets else 0


def _note(work: Work, tickets: Sequence[Ticket]) -> int:
    ids = [ticket.id for ticket in tickets]
    silent_since = work.at - SILENT_FOR
    standing = {
        row.ticket_id: row
        for row in work.session.execute(STANDING, {"ids": ids, "silent_since": silent_since})
    }
    occupied = set(work.session.scalars(HANDS_NEEDED, {"ids": ids}))
    answered = {row.ticket_id: row.at for row in work.session.execute(LAST_ANSWER, {"ids": ids})}
    changed = 0
    for ticket in tickets:
        row = standing.get(ticket.id)
        waits = row is not None and row.missing == row.waiting and ticket.id not in occupied
        if waits is (ticket.device_wait_since is not None):
            continue
        changed += 1
        if waits and row is not None:
            _begin(work, ticket, row)
        else:
            _end(work, ticket, row.contact_at if row else answered.get(ticket.id))
    return changed


def _begin(work: Work, ticket: Ticket, row: Row[Any]) -> None:
    ticket.device_wait_since = work.at
    contact = row.oldest_contact
    clocks.record(
        work,
        ledger_of(work, ticket),
        EventKind.PAUSED,
        party=Party.DEVICE,
        order=row.order_reference,
        devices=row.devices,
        device_count=row.waiting,
        last_contact_at=contact.isoformat() if contact else None,
    )


def _end(work: Work, ticket: Ticket, seen_at: datetime | None) -> None:
    since = ticket.device_wait_since
    ticket.device_wait_since = None
    # the contact is when the device's time was over; without one, or from a wrong clock, it is now
    at = seen_at if seen_at and since and since < seen_at <= work.at else work.at
    ledger = ledger_of(work, ticket)
    clocks.record(work, ledger, EventKind.RESUMED, party=Party.DEVICE, at=at)
