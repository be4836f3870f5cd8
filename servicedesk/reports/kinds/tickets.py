"""Tickets with their times, verdicts and rating."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, cast, func

from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.reports.columns import choice, duration, instant, narrow, number, words
from servicedesk.reports.kinds.kind import CLIENT, Lines, ReportKind, client_column, join_client
from servicedesk.reports.kinds.sla import VERDICT_LABELS
from servicedesk.sla.models import SlaLedger
from servicedesk.tickets.models import (
    IMPACT_LABELS,
    KIND_LABELS,
    PRIORITY_LABELS,
    QUEUE_LABELS,
    STATE_LABELS,
    URGENCY_LABELS,
    Ticket,
)

LEDGER = ("ledger",)
OURS: dict[Any, str] = {state: ours for state, (ours, _theirs) in STATE_LABELS.items()}
THEIRS: dict[Any, str] = {state: theirs for state, (_ours, theirs) in STATE_LABELS.items()}
TOOK = cast(func.extract("epoch", Ticket.resolved_at - Ticket.created_at), BigInteger)


class Tickets(ReportKind):
    """Every ticket of a period."""

    code = "tickets"
    label = msgid("Tickets")
    description = msgid("Requests, queries and incidents with their times, verdicts and rating.")
    permission = Permission.TICKET_READ
    period = msgid("When the ticket was opened")
    lines = Lines(
        source=Ticket, client_id=Ticket.client_id, at=Ticket.created_at, order=(Ticket.id,)
    )
    joins = {  # noqa: RUF012
        CLIENT: join_client(Ticket.client_id),
        "ledger": lambda query: query.join(SlaLedger, SlaLedger.id == Ticket.ledger_id),
    }
    columns = (
        client_column(),
        words("reference", msgid("Reference"), Ticket.reference),
        choice("kind", msgid("Kind"), Ticket.kind, KIND_LABELS),
        words("subject", msgid("Subject"), Ticket.subject),
        choice("state", msgid("State"), Ticket.state, OURS, labels_for_contact=THEIRS),
        choice("priority", msgid("Priority"), Ticket.priority, PRIORITY_LABELS),
        choice("impact", msgid("Impact"), Ticket.impact, IMPACT_LABELS, in_default=False),
        choice("urgency", msgid("Urgency"), Ticket.urgency, URGENCY_LABELS, in_default=False),
        choice("queue", msgid("Queue"), Ticket.queue, QUEUE_LABELS, in_default=False),
        words("requester", msgid("Asked for by"), Ticket.requester_name),
        words("assignee", msgid("Agent"), Ticket.assignee_name),
        instant("created", msgid("Opened at"), Ticket.created_at),
        instant("resolved", msgid("Resolved at"), Ticket.resolved_at),
        instant("closed", msgid("Closed at"), Ticket.closed_at, in_default=False),
        duration("took", msgid("From opened to resolved"), TOOK),
        choice(
            "response",
            msgid("First response"),
            SlaLedger.response_verdict,
            VERDICT_LABELS,
            joins=LEDGER,
        ),
        instant(
            "response_due",
            msgid("First response due at"),
            SlaLedger.response_due_at,
            joins=LEDGER,
            in_default=False,
        ),
        choice(
            "resolution",
            msgid("Resolution"),
            SlaLedger.resolution_verdict,
            VERDICT_LABELS,
            joins=LEDGER,
        ),
        instant(
            "resolution_due",
            msgid("Resolution due at"),
            SlaLedger.resolution_due_at,
            joins=LEDGER,
            in_default=False,
        ),
        number("reopened", msgid("Times reopened"), Ticket.reopened_count, in_default=False),
        number(
            "escalation",
            msgid("Escalation"),
            Ticket.escalation,
            in_default=False,
            for_operator=True,
        ),
        number("rating", msgid("Rating (1 to 5)"), Ticket.rating),
        words(
            "rating_comment",
            msgid("What was said with it"),
            Ticket.rating_comment,
            in_default=False,
        ),
    )
    filters = (
        narrow("kind", msgid("Kind"), Ticket.kind, KIND_LABELS),
        narrow("state", msgid("State"), Ticket.state, OURS),
        narrow("priority", msgid("Priority"), Ticket.priority, PRIORITY_LABELS),
        narrow("queue", msgid("Queue"), Ticket.queue, QUEUE_LABELS),
        narrow(
            "resolution",
            msgid("Resolution"),
            SlaLedger.resolution_verdict,
            VERDICT_LABELS,
            joins=LEDGER,
        ),
    )
