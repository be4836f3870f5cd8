"""The steps of a ticket in the API, for the operator's people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint

from servicedesk.clients.web.api import person_of_token
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor
from servicedesk.tickets import queries, ticking
from servicedesk.tickets.web.api_schemas import NewStepsSchema, SettleStepSchema, StepSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.tickets.checklist import TicketStep

blueprint = Blueprint("api-ticket-steps", __name__, url_prefix="/api/v1/tickets")
guard(blueprint, person_of_token)


@blueprint.route("/<reference>/steps")
class Steps(MethodView):
    """The checklist of a ticket."""

    @blueprint.arguments(NewStepsSchema)
    @blueprint.response(201, StepSchema(many=True))
    def post(self, body: dict[str, Any], reference: str) -> Sequence[TicketStep]:
        """Add steps at the end; the whole checklist is returned."""
        actor, name = current_actor(), reference.replace("\x00", "")
        ticking.write_steps(actor, name, body["steps"])
        return queries.steps_for(actor, queries.ticket_named(actor, name))


@blueprint.route("/<reference>/steps/<int:number>")
class OneStep(MethodView):
    """A step."""

    @blueprint.arguments(SettleStepSchema)
    @blueprint.response(200, StepSchema)
    def post(self, body: dict[str, Any], reference: str, number: int) -> TicketStep:
        """Tick it, say why it is not done, or open it again."""
        actor, name = current_actor(), reference.replace("\x00", "")
        if body["skipped_because"]:
            return ticking.skip_step(actor, name, number, body["skipped_because"])
        return ticking.tick_step(actor, name, number, done=body["done"])

    @blueprint.response(204)
    def delete(self, reference: str, number: int) -> None:
        """Take an open step off the checklist."""
        ticking.remove_step(current_actor(), reference.replace("\x00", ""), number)
