"""Work orders in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from servicedesk.accounts.sign_in import prove_presence
from servicedesk.clients.web.api import person_of_token
from servicedesk.devices.commands import CommandState
from servicedesk.devices.parameters import shown
from servicedesk.orders import approval, execution, queries, steering
from servicedesk.orders.models import OrderState, PauseReason, StageState
from servicedesk.orders.stages import MOST_MINUTES, MOST_STAGES
from servicedesk.orders.web.words import verdict_words
from servicedesk.shell.api import guard
from servicedesk.shell.language import translate
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from servicedesk.core.actors import Actor


class ReadyList(fields.List[Any]):
    """A list that is JSON already: thousands of rows are not walked field by field once more."""

    def _serialize(self, value: Any, *_rest: Any, **_kwargs: Any) -> Any:
        return value


class VerdictSchema(Schema):
    """Whether a device can do it, and if not, why."""

    device = fields.String(required=True)
    possible = fields.Boolean(required=True)
    reason = fields.String(required=True, allow_none=True)


class CommandSchema(Schema):
    """What became of the command to a device."""

    device = fields.String(required=True)
    state = fields.Enum(CommandState, by_value=True, required=True)
    outcome = fields.String(required=True, allow_none=True)
    sent_at = fields.AwareDateTime(required=True, allow_none=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)


class StageSchema(Schema):
    """A part of an order's devices that is commanded together."""

    number = fields.Integer(required=True)
    size = fields.Integer(required=True)
    wait_minutes = fields.Integer(required=True)
    state = fields.Enum(StageState, by_value=True, required=True)
    started_at = fields.AwareDateTime(required=True, allow_none=True)


class OrderSchema(Schema):
    """A work order."""

    reference = fields.String(required=True)
    action = fields.String(required=True)
    parameters = fields.Dict(required=True)
    undo = fields.Dict(required=True, allow_none=True)
    state = fields.Enum(OrderState, by_value=True, required=True)
    pause_reason = fields.Enum(PauseReason, by_value=True, required=True, allow_none=True)
    needs_approval = fields.Boolean(required=True)
    wide = fields.Boolean(attribute="is_wide", required=True)
    confirmation = fields.String(required=True, allow_none=True)
    content_hash = fields.String(required=True)
    author = fields.String(required=True)
    approved_by = fields.String(required=True, allow_none=True)
    begins_at = fields.AwareDateTime(required=True, allow_none=True)
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    stages = fields.List(fields.Nested(StageSchema), required=True)
    verdicts = ReadyList(fields.Nested(VerdictSchema), required=True)
    commands = ReadyList(fields.Nested(CommandSchema), required=True)


class ApprovalSchema(Schema):
    """The approver's proof of presence, and what the order asks to be typed (`confirmation`)."""

    password = fields.String(load_default="", validate=validate.Length(max=1000))
    confirmation = fields.String(load_default="", validate=validate.Length(max=200))


class PlannedStageSchema(Schema):
    """A stage to plan: devices as a number or a share such as `10 %`."""

    size = fields.String(required=True, validate=validate.Length(1, 20))
    wait_minutes = fields.Integer(load_default=0, validate=validate.Range(0, MOST_MINUTES))


class PlanSchema(Schema):
    """How an order goes on; what the stages do not cover becomes a last one."""

    stages = fields.List(
        fields.Nested(PlannedStageSchema), required=True, validate=validate.Length(1, MOST_STAGES)
    )
    failure_percent = fields.Integer(
        load_default=5, validate=validate.Range(0, steering.MOST_PERCENT)
    )


def verdicts_of(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the verdicts of an order's devices as the API tells of them."""
    known: dict[str, str] = {}  # thousands of devices share a few reasons

    def words(row: Any) -> str | None:
        if row.reason is None:
            return None
        key = f"{row.reason}{row.reason_values}"
        if key not in known:
            known[key] = verdict_words(row)
        return known[key]

    return [
        {"device": row.reference, "possible": row.possible, "reason": words(row)} for row in rows
    ]


def order_of(reference: str) -> dict[str, Any]:
    """Return an order as the API tells of it."""
    view = queries.order_view(current_actor(), reference)
    order, rows = view.order, queries.every_outcome(view.order)
    return {
        "reference": order.reference,
        "action": order.action_code,
        "parameters": shown(view.action.parameters, order.parameters),
        "undo": order.undo,
        "state": order.state,
        "pause_reason": order.pause_reason,
        "needs_approval": order.needs_approval,
        "is_wide": order.is_wide,
        "confirmation": translate(view.confirmation) if view.confirmation else None,
        "content_hash": order.content_hash,
        "author": order.author_name,
        "approved_by": order.approved_by_name,
        "begins_at": order.next_step_at if order.state is OrderState.SCHEDULED else None,
        "counts": {state.value: count for state, count in view.states.items()},
        "stages": view.stages,
        "verdicts": verdicts_of(rows),
        "commands": [
            {
                "device": row.reference,
                "state": row.state.value,
                "outcome": row.outcome,
                "sent_at": row.sent_at and row.sent_at.isoformat(),
                "finished_at": row.finished_at and row.finished_at.isoformat(),
            }
            for row in rows
            if row.state is not None
        ],
    }


blueprint = Blueprint("api-work-orders", __name__, url_prefix="/api/v1/work-orders")
guard(blueprint, person_of_token)


def _word(text: str) -> str:
    """Return a reference as the database can be asked for it."""
    return text.replace("\x00", "")


@blueprint.route("/<reference>")
class OneOrder(MethodView):
    """A work order."""

    @blueprint.response(200, OrderSchema)
    def get(self, reference: str) -> dict[str, Any]:
        """Show an order with the outcome of each device."""
        return order_of(_word(reference))


@blueprint.route("/<reference>/approve")
class Approve(MethodView):
    """The second person."""

    @blueprint.arguments(ApprovalSchema)
    @blueprint.response(200, OrderSchema)
    def post(self, proof: dict[str, Any], reference: str) -> dict[str, Any]:
        """Approve an order; its author cannot.

        A destructive or wide one wants the approver's password again and, if the order names a
        `confirmation`, that it is typed. A token alone never approves it.
        """
        actor = current_actor()
        order = queries.order_named(actor, _word(reference))
        presence = None
        if proof["password"]:
            presence = prove_presence(actor, proof["password"], purpose=order.content_hash)
        approval.approve_order(actor, order.reference, presence, proof["confirmation"])
        return order_of(order.reference)


@blueprint.route("/<reference>/plan")
class Plan(MethodView):
    """The stages."""

    @blueprint.arguments(PlanSchema)
    @blueprint.response(200, OrderSchema)
    def post(self, plan: dict[str, Any], reference: str) -> dict[str, Any]:
        """Cut what has not begun into other stages."""
        steering.plan_stages(
            current_actor(),
            _word(reference),
            [stage["size"] for stage in plan["stages"]],
            [str(stage["wait_minutes"]) for stage in plan["stages"]],
            str(plan["failure_percent"]),
        )
        return order_of(_word(reference))


def _act(name: str, operation: Callable[[Actor, str], object], says: str) -> None:
    """Offer an operation on an order that takes nothing else."""

    class Act(MethodView):
        @blueprint.response(200, OrderSchema)
        def post(self, reference: str) -> dict[str, Any]:
            operation(current_actor(), _word(reference))
            return order_of(_word(reference))

        post.__doc__ = says

    blueprint.route(f"/<reference>/{name}", endpoint=name.title())(Act)


_act("execute", execution.execute_order, "Queue a command for each device of the first stage.")
_act("pause", steering.pause_order, "Let nothing more leave for now.")
_act("resume", execution.resume_order, "Go on after a pause; failures so far are accepted.")
_act("retry", execution.retry_failed, "Send again to those that failed, where it is harmless.")
_act("cancel", steering.cancel_order, "Send nothing more; what has left goes on to its outcome.")
