"""Lists of tickets, for both audiences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template, request

from servicedesk.clients.choices import clients_to_choose
from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.shell.language import translate
from servicedesk.shell.navigation import nav
from servicedesk.shell.session import current_actor
from servicedesk.sla.evidence import counted
from servicedesk.tickets import queries
from servicedesk.tickets.categories import CATEGORY_LABELS, IncidentCategory
from servicedesk.tickets.models import (
    KIND_LABELS,
    PRIORITY_LABELS,
    QUEUE_LABELS,
    STATE_LABELS,
    TicketState,
)

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

SHOWN = {
    "open": msgid("Open"),
    "all": msgid("All"),
    "resolved": msgid("Solved, to be confirmed"),
    "done": msgid("Closed"),
}


def asked_filter() -> queries.TicketFilter:
    """Read the filter from the address; what is not understood is left out."""

    def one_of(name: str, allowed: object) -> str:
        value = request.args.get(name, "")
        return value if value in set(allowed) else ""  # type: ignore[call-overload]

    return queries.TicketFilter.read(
        request.args,
        show=one_of("show", [*SHOWN, *TicketState]) or "open",
        assignee=one_of("assignee", ("me", "none")),
        escalated=one_of("escalated", ("1",)),
        category=one_of("category", IncidentCategory),
        unexplained=one_of("unexplained", ("1",)),
        rated=one_of("rated", ("low",)),
        q=request.args.get("q", "")[:200],
    )


@nav("portal.tickets.index", msgid("My tickets"), "ticket", 20, Permission.TICKET_READ)
@nav("desk.tickets.index", msgid("Tickets"), "ticket", 20, Permission.TICKET_READ)
def index() -> ResponseReturnValue:
    """Show a page of tickets, newest first."""
    actor, wanted = current_actor(), asked_filter()
    page = queries.tickets(actor, wanted, request.args.get("cursor"))
    return render_template(
        "tickets/index.html",
        page=page,
        wanted=wanted,
        shown=SHOWN,
        kinds=KIND_LABELS,
        priorities=PRIORITY_LABELS,
        categories=CATEGORY_LABELS,
        queues=QUEUE_LABELS,
        clients=[] if actor.is_contact else clients_to_choose(actor, with_house=True),
        counted=counted(actor, wanted) if wanted.is_all_evidence else None,
    )


def state_label(state: TicketState) -> str:
    """Return the state in the words of whoever reads: two labels for one state."""
    agent, contact = STATE_LABELS[state]
    return translate(contact if current_actor().is_contact else agent)
