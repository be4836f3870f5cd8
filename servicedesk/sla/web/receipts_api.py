"""The clocks of a ticket in the API, with their receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from servicedesk.clients.web.api import person_of_token
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor
from servicedesk.sla import issuing
from servicedesk.sla.cycles import Metric, Verdict
from servicedesk.sla.receipt_json import facts_of, hash_of
from servicedesk.sla.web.receipts import json_response
from servicedesk.sla.web.verdict_words import verdict_words

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.sla.receipt import Receipt


class IntervalSchema(Schema):
    """A piece of a cycle, within business hours or outside of them."""

    start = fields.String(required=True, metadata={"format": "date-time"})
    end = fields.String(required=True, metadata={"format": "date-time"})
    state = fields.String(
        required=True,
        metadata={
            "description": "running, outside_hours, or for whom it waits:"
            " client, third_party, device, planned."
        },
    )
    within = fields.String(
        required=True, metadata={"description": "The state, whatever the business hours."}
    )
    caused_by = fields.Integer(
        required=True, metadata={"description": "Number of the receipt's event that began it."}
    )
    seconds = fields.String(required=True, metadata={"description": "An exact decimal."})
    counted_seconds = fields.String(required=True, metadata={"description": "An exact decimal."})
    total_seconds = fields.String(required=True, metadata={"description": "An exact decimal."})


class ClockSchema(Schema):
    """A cycle of a clock, as it stands."""

    metric = fields.Enum(Metric, by_value=True, required=True)
    ordinal = fields.Integer(required=True)
    verdict = fields.Enum(Verdict, by_value=True, required=True)
    sentence = fields.String(required=True)
    started_at = fields.String(required=True, metadata={"format": "date-time"})
    due_at = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    stopped_at = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    waiting_for = fields.String(required=True, allow_none=True)
    target_seconds = fields.String(required=True)
    counted_seconds = fields.String(required=True)
    intervals = fields.List(fields.Nested(IntervalSchema), required=True)
    is_final = fields.Boolean(required=True)
    sha256 = fields.String(
        required=True,
        metadata={"description": "Of the receipt's JSON, which is fetched by metric and ordinal."},
    )


class ClocksSchema(Schema):
    """The cycles of a ticket."""

    items = fields.List(fields.Nested(ClockSchema), required=True)


blueprint = Blueprint("api-clocks", __name__, url_prefix="/api/v1/tickets")
guard(blueprint, person_of_token)


@blueprint.route("/<reference>/clocks")
class Clocks(MethodView):
    """The clocks of a ticket."""

    @blueprint.response(200, ClocksSchema)
    def get(self, reference: str) -> dict[str, Any]:
        """List every cycle of the ticket's clocks with its intervals and its receipt's hash."""
        found = issuing.receipts_of(current_actor(), reference.replace("\x00", ""))
        return {"items": [_told(receipt) for receipt in found]}


@blueprint.route("/<reference>/clocks/<metric>/<int:ordinal>")
class OneReceipt(MethodView):
    """The receipt of a cycle."""

    @blueprint.doc(
        responses={
            "200": {
                "description": "The canonical JSON; the same bytes whenever it is asked for.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        }
    )
    def get(self, reference: str, metric: str, ordinal: int) -> ResponseReturnValue:
        """Fetch a receipt as its canonical JSON."""
        wanted = issuing.receipt_of(current_actor(), reference.replace("\x00", ""), metric, ordinal)
        return json_response(wanted)


def _told(receipt: Receipt) -> dict[str, Any]:
    facts, cycle = facts_of(receipt), receipt.cycle
    return {
        "metric": cycle.metric,
        "ordinal": receipt.ordinal,
        "verdict": cycle.verdict,
        "sentence": verdict_words(cycle),
        "started_at": facts["started_at"],
        "due_at": facts["due_at"],
        "stopped_at": facts["stopped_at"],
        "waiting_for": cycle.waiting_for,
        "target_seconds": facts["terms"]["target_seconds"],
        "counted_seconds": facts["sum"]["running_seconds"],
        "intervals": facts["intervals"],
        "is_final": receipt.is_final,
        "sha256": hash_of(receipt),
    }
