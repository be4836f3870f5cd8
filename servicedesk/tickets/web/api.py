"""Tickets in the API."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from flask import request
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from servicedesk.clients.web.api import PageQuery, person_of_token
from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue import ACTIONS
from servicedesk.orders.models import OrderState
from servicedesk.orders.queries import every_outcome
from servicedesk.orders.web.api import ReadyList, VerdictSchema, verdicts_of
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor
from servicedesk.sla.web.api_words import understood
from servicedesk.tickets import handling, merging, queries
from servicedesk.tickets.intake import (
    DESCRIPTION_LENGTH,
    SUBJECT_LENGTH,
    NewTicket,
    WantedAction,
    open_ticket,
)
from servicedesk.tickets.models import (
    EntryKind,
    Impact,
    Priority,
    Queue,
    Ticket,
    TicketKind,
    TicketState,
    Urgency,
)
from servicedesk.tickets.moves import MOVES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.tickets.models import TicketEntry

MOST_TARGETS = 20_000
KEY_LENGTH = 200


class TargetsSchema(Schema):
    """What an action is done to."""

    devices = fields.List(
        fields.String(validate=validate.Length(1, 40)),
        load_default=list,
        validate=validate.Length(max=MOST_TARGETS),
        metadata={"description": "References of devices."},
    )
    groups = fields.List(
        fields.String(validate=validate.Length(1, 100)),
        load_default=list,
        validate=validate.Length(max=50),
        metadata={"description": "Names of groups: every device that is in one of them now."},
    )


class ActionSchema(Schema):
    """An action of the catalogue."""

    code = fields.String(required=True, validate=validate.OneOf([a.code for a in ACTIONS]))
    targets = fields.Nested(TargetsSchema, required=True)
    parameters = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        load_default=dict,
        metadata={"description": "`GET /actions/{code}` gives their JSON Schema."},
    )


class NewTicketSchema(Schema):
    """What opens a ticket."""

    kind = fields.Enum(TicketKind, by_value=True, required=True)
    subject = fields.String(required=True, validate=validate.Length(1, SUBJECT_LENGTH))
    description = fields.String(required=True, validate=validate.Length(1, DESCRIPTION_LENGTH))
    impact = fields.Enum(Impact, by_value=True, load_default=Impact.LOW)
    urgency = fields.Enum(Urgency, by_value=True, load_default=Urgency.MEDIUM)
    client = fields.String(load_default="", validate=validate.Length(max=40))
    devices = fields.List(fields.String(validate=validate.Length(1, 40)), load_default=list)
    action = fields.Nested(ActionSchema, load_default=None, allow_none=True)


class SlaSchema(Schema):
    """When what is due."""

    first_response_due = fields.AwareDateTime(
        attribute="response_due_at", required=True, allow_none=True
    )
    resolution_due = fields.AwareDateTime(
        attribute="resolution_due_at", required=True, allow_none=True
    )


class WorkOrderSchema(Schema):
    """An order of a ticket, in short."""

    reference = fields.String(required=True)
    state = fields.Enum(OrderState, by_value=True, required=True)
    verdicts = ReadyList(fields.Nested(VerdictSchema), required=True)


class TicketLine(Schema):
    """A ticket in a list."""

    reference = fields.String(required=True)
    kind = fields.Enum(TicketKind, by_value=True, required=True)
    subject = fields.String(required=True)
    state = fields.Enum(TicketState, by_value=True, required=True)
    priority = fields.Enum(Priority, by_value=True, required=True)
    client = fields.Function(lambda ticket: ticket.client.reference, required=True)
    assignee = fields.String(attribute="assignee_name", required=True, allow_none=True)
    escalation = fields.Integer(required=True)
    created_at = fields.AwareDateTime(required=True)
    sla = fields.Nested(SlaSchema, attribute="ledger", required=True)


class AnswerSchema(Schema):
    """An answer by a question to the fleet: what it counted then, and what it counts now."""

    question = fields.String(required=True)
    reference = fields.String(required=True)
    filter = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    devices = fields.Integer(required=True)
    devices_now = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Null for old answers of a long timeline: ask for the list."},
    )


class EntrySchema(Schema):
    """A line of the timeline."""

    at = fields.AwareDateTime(required=True)
    kind = fields.String(required=True)
    author = fields.String(attribute="author_name", required=True)
    public = fields.Boolean(attribute="is_public", required=True)
    body = fields.String(required=True)
    answer = fields.Nested(AnswerSchema, required=True, allow_none=True)


class TicketSchema(Schema):
    """A ticket."""

    reference = fields.String(required=True)
    kind = fields.Enum(TicketKind, by_value=True, required=True)
    subject = fields.String(required=True)
    description = fields.String(required=True)
    state = fields.Enum(TicketState, by_value=True, required=True)
    impact = fields.Enum(Impact, by_value=True, required=True)
    urgency = fields.Enum(Urgency, by_value=True, required=True)
    priority = fields.Enum(Priority, by_value=True, required=True)
    client = fields.String(required=True)
    assignee = fields.String(required=True, allow_none=True)
    escalation = fields.Integer(
        required=True,
        metadata={"description": "How often, up to 3, a warning called for more attention."},
    )
    created_at = fields.AwareDateTime(required=True)
    resolved_at = fields.AwareDateTime(required=True, allow_none=True)
    sla = fields.Nested(SlaSchema, required=True)
    work_orders = fields.List(fields.Nested(WorkOrderSchema), required=True)
    timeline = fields.List(fields.Nested(EntrySchema), required=True)


class TicketPage(Schema):
    """A piece of the list of tickets."""

    items = fields.List(fields.Nested(TicketLine), required=True)
    next = fields.String(required=True, allow_none=True)


class TicketQuery(PageQuery):
    """Filters of the list."""

    state = fields.String(
        load_default="all", validate=validate.OneOf(["open", "done", "all", *TicketState])
    )
    kind = fields.String(load_default="", validate=validate.OneOf([*TicketKind]))
    priority = fields.String(load_default="", validate=validate.OneOf([*Priority]))
    client = fields.String(load_default="", validate=validate.Length(max=40))
    escalated = fields.Boolean(load_default=False)
    q = fields.String(load_default="", validate=validate.Length(max=200))
    queue = fields.String(load_default="", validate=validate.OneOf([*Queue]))
    agent = understood(
        "agent", "Number of a person, or none; counts for the operator's people only."
    )
    sla = understood(
        "sla", "How it stands now: breached, at_risk, paused, on_track, or open for all."
    )
    metric = understood("metric", "Tickets with decided cycles of this metric.")
    outcome = understood(
        "outcome", "Of decided cycles: met, near (met with 90 % used) or breached."
    )
    month = understood("month", "In which cycles were decided: 2026-11.")
    arrived = understood("arrived", "Month of arrival: 2026-11.")
    weekday = understood("weekday", "Of arrival, from Monday, 1, to Sunday, 7.")
    hour = understood("hour", "Of arrival, 0 to 23.")
    opened_from = understood("opened_from", "First day of arrival: 2026-11-30.")
    opened_to = understood("opened_to", "Last day of arrival.")


class CommentSchema(Schema):
    """Something said."""

    body = fields.String(required=True, validate=validate.Length(1, DESCRIPTION_LENGTH))
    public = fields.Boolean(load_default=True)


class NewAnswerSchema(Schema):
    """A question to the fleet that answers a query, and words to go with it."""

    question = fields.String(required=True, validate=validate.Length(1, 40))
    words = fields.String(load_default="", validate=validate.Length(max=DESCRIPTION_LENGTH))


class TransitionSchema(Schema):
    """A step to make."""

    transition = fields.String(
        required=True, validate=validate.OneOf([move.name for move in MOVES])
    )
    body = fields.String(load_default="", validate=validate.Length(max=DESCRIPTION_LENGTH))
    until = fields.AwareDateTime(
        load_default=None, allow_none=True, metadata={"description": "The agreed date of `plan`."}
    )


class MergeSchema(Schema):
    """The ticket that goes on."""

    into = fields.String(required=True, validate=validate.Length(1, 40))


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
            "body": entry.body,
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
        "client": ticket.client.reference,
        "assignee": ticket.assignee_name,
        "escalation": ticket.escalation,
        "created_at": ticket.created_at,
        "resolved_at": ticket.resolved_at,
        "sla": ticket.ledger,
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
        """Make a step: take, wait, plan, resume, resolve, confirm, reopen or cancel."""
        handling.move_ticket(
            current_actor(),
            _word(reference),
            body["transition"],
            words=body["body"],
            until=body["until"],
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
