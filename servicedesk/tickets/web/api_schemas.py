"""What the API of tickets takes and tells."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from servicedesk.clients.web.api import PageQuery
from servicedesk.devices.catalogue import ACTIONS
from servicedesk.orders.models import OrderState
from servicedesk.orders.web.api import ReadyList, VerdictSchema
from servicedesk.sla.cycles import Metric
from servicedesk.sla.web.api_words import understood
from servicedesk.tickets.breaches import WORDS_LENGTH, Cause
from servicedesk.tickets.categories import IncidentCategory
from servicedesk.tickets.checklist import MOST_STEPS, STEP_LENGTH
from servicedesk.tickets.closing import COMMENT_LENGTH
from servicedesk.tickets.intake import (
    DESCRIPTION_LENGTH,
    SUBJECT_LENGTH,
)
from servicedesk.tickets.models import (
    Impact,
    Priority,
    Queue,
    TicketKind,
    TicketState,
    Urgency,
)
from servicedesk.tickets.moves import MOVES
from servicedesk.tickets.outcomes import BEST_RATING, WORST_RATING, ClosingVerdict, LeftOut
from servicedesk.tickets.ticking import REASON_LENGTH

MOST_TARGETS = 20_000
KEY_LENGTH = 200
MOST_CYCLES = 1_000_000


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
    category = fields.Enum(
        IncidentCategory,
        by_value=True,
        load_default=None,
        allow_none=True,
        metadata={"description": "Of an incident: what is broken."},
    )
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


class StepSchema(Schema):
    """A step of the operator's checklist: open, done, or not done for a reason."""

    number = fields.Integer(attribute="position", required=True)
    text = fields.String(required=True)
    done_at = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "Or when it was left out."}
    )
    done_by = fields.String(attribute="done_by_name", required=True, allow_none=True)
    skipped_because = fields.String(required=True, allow_none=True)


class NewStepsSchema(Schema):
    """Steps to add at the end of the checklist."""

    steps = fields.List(
        fields.String(validate=validate.Length(1, STEP_LENGTH)),
        required=True,
        validate=validate.Length(1, MOST_STEPS),
    )


class SettleStepSchema(Schema):
    """What became of a step."""

    done = fields.Boolean(load_default=True, metadata={"description": "False opens it again."})
    skipped_because = fields.String(
        load_default="",
        validate=validate.Length(max=REASON_LENGTH),
        metadata={"description": "Why it is not done; nothing if it is."},
    )


class BreachCauseSchema(Schema):
    """Why a target was missed."""

    metric = fields.Enum(Metric, by_value=True, required=True)
    ordinal = fields.Integer(required=True)
    cause = fields.Enum(Cause, by_value=True, required=True)
    words = fields.String(required=True)
    author = fields.String(attribute="author_name", required=True)
    at = fields.AwareDateTime(required=True)


class ExplainSchema(Schema):
    """Why targets were missed: all without a cause yet, or the named one, which is corrected."""

    cause = fields.Enum(Cause, by_value=True, required=True)
    cause_words = fields.String(required=True, validate=validate.Length(1, WORDS_LENGTH))
    metric = fields.Enum(Metric, by_value=True, load_default=None, allow_none=True)
    ordinal = fields.Integer(load_default=1, validate=validate.Range(1, MOST_CYCLES))


class ClosingSchema(Schema):
    """A contact's decision about a resolved ticket."""

    verdict = fields.Enum(ClosingVerdict, by_value=True, required=True)
    rating = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(WORST_RATING, BEST_RATING),
        metadata={"description": "Needed with `solved_but`; not kept with `not_solved`."},
    )
    comment = fields.String(
        load_default="",
        validate=validate.Length(max=COMMENT_LENGTH),
        metadata={"description": "Needed unless it is `solved`."},
    )


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
    category = fields.Enum(IncidentCategory, by_value=True, required=True, allow_none=True)
    client = fields.String(required=True)
    assignee = fields.String(required=True, allow_none=True)
    escalation = fields.Integer(
        required=True,
        metadata={"description": "How often, up to 3, a warning called for more attention."},
    )
    created_at = fields.AwareDateTime(required=True)
    resolved_at = fields.AwareDateTime(required=True, allow_none=True)
    closing_verdict = fields.Enum(
        ClosingVerdict,
        by_value=True,
        required=True,
        allow_none=True,
        metadata={"description": "What it was closed with; null if it closed by itself."},
    )
    rating = fields.Integer(required=True, allow_none=True)
    rated_at = fields.AwareDateTime(required=True, allow_none=True)
    left_out_as = fields.Enum(LeftOut, by_value=True, required=True, allow_none=True)
    breach_causes = fields.List(fields.Nested(BreachCauseSchema), required=True)
    sla = fields.Nested(SlaSchema, required=True)
    steps = fields.List(
        fields.Nested(StepSchema),
        required=True,
        metadata={"description": "The operator's own checklist; empty for contacts."},
    )
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
    category = fields.String(load_default="", validate=validate.OneOf([*IncidentCategory]))
    unexplained = fields.Boolean(
        load_default=False,
        metadata={"description": "Only with a missed target that has no cause; not for contacts."},
    )
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
    cause = fields.String(
        load_default="",
        validate=validate.OneOf(["", *Cause]),
        metadata={"description": "Needed to `resolve` what has missed a target."},
    )
    cause_words = fields.String(load_default="", validate=validate.Length(max=WORDS_LENGTH))


class MergeSchema(Schema):
    """The ticket that goes on."""

    into = fields.String(required=True, validate=validate.Length(1, 40))
