"""The end of a ticket in the API: a contact's decision, and why targets were missed."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from servicedesk.clients.web.api import person_of_token
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor
from servicedesk.tickets.breaches import Explanation
from servicedesk.tickets.closing import close_with_verdict
from servicedesk.tickets.explaining import explain_breaches
from servicedesk.tickets.web.api import ticket_named
from servicedesk.tickets.web.api_schemas import ClosingSchema, ExplainSchema, TicketSchema

blueprint = Blueprint("api-ticket-closing", __name__, url_prefix="/api/v1/tickets")
guard(blueprint, person_of_token)


@blueprint.route("/<reference>/closing")
class Closing(MethodView):
    """A contact's one decision about a resolved ticket."""

    @blueprint.arguments(ClosingSchema)
    @blueprint.response(200, TicketSchema)
    def post(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Close it, close it with a complaint, or send it back to work."""
        name = reference.replace("\x00", "")
        close_with_verdict(current_actor(), name, body["verdict"], body["rating"], body["comment"])
        return ticket_named(name)


@blueprint.route("/<reference>/breaches")
class Breaches(MethodView):
    """Why targets were missed."""

    @blueprint.arguments(ExplainSchema)
    @blueprint.response(200, TicketSchema)
    def post(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Say why: for all that have no cause yet, or for the named one."""
        name, metric = reference.replace("\x00", ""), body["metric"]
        given = Explanation(cause=body["cause"], words=body["cause_words"])
        explain_breaches(
            current_actor(), name, given, (metric, body["ordinal"]) if metric else None
        )
        return ticket_named(name)
