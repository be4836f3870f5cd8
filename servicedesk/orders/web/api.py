"""Work orders in the API."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from servicedesk.clients.web.api import person_of_token
from servicedesk.devices.commands import CommandState
from servicedesk.orders import approval, execution, queries
from servicedesk.orders.models import OrderState
from servicedesk.orders.web.words import verdict_words
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor


class VerdictSchema(Schema):
    """Whether a device can do it, and if not, why."""

    device = fields.Function(lambda target: target.device.reference, required=True)
    possible = fields.Boolean(required=True)
    reason = fields.Function(lambda target: verdict_words(target) or None, required=True)


class CommandSchema(Schema):
    """What became of the command to a device."""

    device = fields.String(required=True)
    state = fields.Enum(CommandState, by_value=True, required=True)
    outcome = fields.String(required=True, allow_none=True)
    sent_at = fields.AwareDateTime(required=True, allow_none=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)


class OrderSchema(Schema):
    """A work order."""

    reference = fields.String(required=True)
    action = fields.String(required=True)
    state = fields.Enum(OrderState, by_value=True, required=True)
    needs_approval = fields.Boolean(required=True)
    author = fields.String(required=True)
    approved_by = fields.String(required=True, allow_none=True)
    verdicts = fields.List(fields.Nested(VerdictSchema), required=True)
    commands = fields.List(fields.Nested(CommandSchema), required=True)


def order_of(reference: str) -> dict[str, Any]:
    """Return an order as the API tells of it."""
    view = queries.order_view(current_actor(), reference.replace("\x00", ""))
    return {
        "reference": view.order.reference,
        "action": view.order.action_code,
        "state": view.order.state,
        "needs_approval": view.order.needs_approval,
        "author": view.order.author_name,
        "approved_by": view.order.approved_by_name,
        "verdicts": view.targets,
        "commands": [
            {
                "device": target.device.reference,
                "state": view.commands[target.device_id].state,
                "outcome": view.commands[target.device_id].outcome,
                "sent_at": view.commands[target.device_id].sent_at,
                "finished_at": view.commands[target.device_id].finished_at,
            }
            for target in view.targets
            if target.device_id in view.commands
        ],
    }


blueprint = Blueprint("api-work-orders", __name__, url_prefix="/api/v1/work-orders")
guard(blueprint, person_of_token)


@blueprint.route("/<reference>")
class OneOrder(MethodView):
    """A work order."""

    @blueprint.response(200, OrderSchema)
    def get(self, reference: str) -> dict[str, Any]:
        """Show an order with the outcome of each device."""
        return order_of(reference)


@blueprint.route("/<reference>/approve")
class Approve(MethodView):
    """The second person."""

    @blueprint.response(200, OrderSchema)
    def post(self, reference: str) -> dict[str, Any]:
        """Approve an order; its author cannot."""
        approval.approve_order(current_actor(), reference.replace("\x00", ""))
        return order_of(reference)


@blueprint.route("/<reference>/execute")
class Execute(MethodView):
    """From decision to commands."""

    @blueprint.response(200, OrderSchema)
    def post(self, reference: str) -> dict[str, Any]:
        """Queue a command for each device that is able."""
        execution.execute_order(current_actor(), reference.replace("\x00", ""))
        return order_of(reference)


@blueprint.route("/<reference>/cancel")
class Cancel(MethodView):
    """Nothing more."""

    @blueprint.response(200, OrderSchema)
    def post(self, reference: str) -> dict[str, Any]:
        """Send nothing more; what has left goes on to its outcome."""
        approval.cancel_order(current_actor(), reference.replace("\x00", ""))
        return order_of(reference)
