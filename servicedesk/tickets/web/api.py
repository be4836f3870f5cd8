"""Tickets in the API."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from flask import request
from flask.views import MethodView
from flask_smorest import Blueprint

from servicedesk.clients.web.api import person_of_token
from servicedesk.core import database
from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import Text, msgid
from servicedesk.orders.queries import every_outcome
from servicedesk.orders.web.api import verdicts_of
from servicedesk.shell.api import guard
from servicedesk.shell.language import translate
from servicedesk.shell.session import current_actor
from servicedesk.tickets import handling, merging, queries
from servicedesk.tickets.breaches import Explanation, causes_of
from servicedesk.tickets.intake import (
    NewTicket,
    WantedAction,
    open_ticket,
)
from servicedesk.tickets.models import (
    EntryKind,
    Ticket,
)
from servicedesk.tickets.web.api_schemas import (
    KEY_LENGTH,
    CommentSchema,
    EntrySchema,
    MergeSchema,
    NewAnswerSchema,
    NewTicketSchema,
    TicketPage,
    TicketQuery,
    TicketSchema,
    TransitionSchema,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.tickets.models import TicketEntry


def ticket_named(reference: str) -> dict[str, Any]:
    """Return the ticket of a reference as the API tells of it."""
    return told(queries.ticket_named(current_actor(), reference))


def entries_told(entries: Sequence[TicketEntry]) -> list[dict[str, Any]]:
    """Return lines of a timeline as the API tells of them; one statement for all answers."""
    counts = queries.counts_now(current_actor(), entries)
    return [
        {
            "at": entry.at,
            "kind": entry.kind.value,
            "author_name": entry.author_name,
            "is_public": entry.is_public,
            "body": translate(Text.from_json(entry.facts))
            if entry.kind is EntryKind.DESK_NOTE
            else entry.body,
            "answer": {**entry.facts, "devices_now": counts.get(entry.id)}
            if entry.kind is EntryKind.ANSWERED
            else None,
        }
        for entry in entries
    ]


def told(ticket: Ticket) -> dict[str, Any]:
    """Return a loaded ticket as the API tells of it."""
    return {
        "reference": ticket.reference,
        "kind": ticket.kind,
        "subject": ticket.subject,
        "description": ticket.description,
        "state": ticket.state,
        "impact": ticket.impact,
        "urgency": ticket.urgency,
        "priority": ticket.priority,
        "category": ticket.category,
        "client": ticket.client.reference,
        "assignee": ticket.assignee_name,
        "escalation": ticket.escalation,
        "created_at": ticket.created_at,
        "resolved_at": ticket.resolved_at,
        "closing_verdict": ticket.closing_verdict,
        "rating": ticket.rating,
        "rated_at": ticket.rated_at,
        "left_out_as": ticket.left_out_as,
        "breach_causes": causes_of(database.session(), [ticket.id])[ticket.id],
        "sla": ticket.ledger,
        "steps": queries.steps_for(current_actor(), ticket),
        "work_orders": [
            {
                "reference": order.reference,
                "state": order.state,
                "verdicts": verdicts_of(every_outcome(order)),
            }
            for order in ticket.orders
        ],
        "timeline": entries_told(queries.entries_of(current_actor(), ticket)),
    }


blueprint = Blueprint("api-tickets", __name__, url_prefix="/api/v1/tickets")
guard(blueprint, person_of_token)


@blueprint.route("")
class Tickets(MethodView):
    """The tickets the token's owner sees."""

    @blueprint.arguments(TicketQuery, location="query")
    @blueprint.response(200, TicketPage)
    def get(self, query: dict[str, Any]) -> Any:
        """List tickets, newest first."""
        cursor, limit = query.pop("cursor"), query.pop("limit")
        wanted = queries.TicketFilter(
            show=query.pop("state"),
            escalated="1" if query.pop("escalated") else "",
            unexplained="1" if query.pop("unexplained") else "",
            **{k: v.replace("\x00", "") for k, v in query.items()},
        )
        return queries.tickets(current_actor(), wanted, cursor, limit)

    @blueprint.arguments(NewTicketSchema)
    @blueprint.response(201, TicketSchema)
    @blueprint.doc(
        parameters=[
            {
                "in": "header",
                "name": "Idempotency-Key",
                "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH},
                "description": "Repeating the call with the same key opens nothing twice.",
            }
        ]
    )
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Open a ticket; for a request with an action its work order is drafted and checked."""
        return told(open_ticket(current_actor(), _new_ticket(body)))


def _new_ticket(body: dict[str, Any]) -> NewTicket:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= KEY_LENGTH:
        raise InvalidInput(msgid("This is too long."), field="Idempotency-Key")
    action = body["action"]
    content = json.dumps(request.get_json(), sort_keys=True).encode()
    return NewTicket(
        kind=body["kind"],
        subject=body["subject"],
        description=body["description"],
        impact=body["impact"],
        urgency=body["urgency"],
        category=body["category"],
        client=_word(body["client"]),
        devices=[_word(reference) for reference in body["devices"]],
        action=WantedAction(
            code=action["code"],
            devices=[_word(reference) for reference in action["targets"]["devices"]],
            groups=[_word(name) for name in action["targets"]["groups"]],
            parameters=action["parameters"],
        )
        if action
        else None,
        idempotency_key=key,
        request_hash=hashlib.sha256(content).hexdigest(),
    )


def _word(text: str) -> str:
    """Return a reference as the database can be asked for it."""
    return text.replace("\x00", "")


@blueprint.route("/<reference>")
class OneTicket(MethodView):
    """A ticket."""

    @blueprint.response(200, TicketSchema)
    def get(self, reference: str) -> dict[str, Any]:
        """Show a ticket with its orders and timeline."""
        return ticket_named(_word(reference))


@blueprint.route("/<reference>/comments")
class Comments(MethodView):
    """The conversation."""

    @blueprint.arguments(CommentSchema)
    @blueprint.response(201, EntrySchema)
    def post(self, body: dict[str, Any], reference: str) -> Any:
        """Say something; `public: false` notes it for the operator alone."""
        entry = handling.add_message(
            current_actor(), _word(reference), body["body"], is_public=body["public"]
        )
        return entries_told([entry])[0]


@blueprint.route("/<reference>/answers")
class Answers(MethodView):
    """Answers to a query by questions to the fleet."""

    @blueprint.arguments(NewAnswerSchema)
    @blueprint.response(201, EntrySchema)
    def post(self, body: dict[str, Any], reference: str) -> Any:
        """Answer a query with a saved question, as it counts at this moment."""
        entry = handling.answer_ticket(
            current_actor(), _word(reference), body["question"], body["words"]
        )
        return entries_told([entry])[0]


@blueprint.route("/<reference>/transitions")
class Transitions(MethodView):
    """The steps of a ticket."""

    @blueprint.arguments(TransitionSchema)
    @blueprint.response(200, TicketSchema)
    def post(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Make a step: take, wait, plan, resume, resolve, confirm, reopen or cancel in one of its ways."""
        handling.move_ticket(
            current_actor(),
            _word(reference),
            body["transition"],
            words=body["body"],
            until=body["until"],
            why=Explanation(cause=body["cause"], words=body["cause_words"]),
        )
        return ticket_named(_word(reference))


@blueprint.route("/<reference>/merge")
class Merge(MethodView):
    """Two tickets about one thing."""

    @blueprint.arguments(MergeSchema)
    @blueprint.response(200, TicketSchema)
    def post(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """End this ticket in favour of another open one of the same client."""
        merging.merge_ticket(current_actor(), _word(reference), body["into"])
        return ticket_named(_word(reference))
