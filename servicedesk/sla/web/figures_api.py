"""The figures of the service levels in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from servicedesk.clients.web.api import person_of_token
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor
from servicedesk.sla.cycles import Metric
from servicedesk.sla.dashboard import dashboard
from servicedesk.sla.evidence import HOURS, Evidence
from servicedesk.sla.web.api_words import understood

if TYPE_CHECKING:
    from servicedesk.sla.dashboard import Aged, Attained, Dashboard
    from servicedesk.sla.upcoming import Upcoming

SHARE = "From 0 to 1; null where nothing was decided."


class FiguresQuery(Schema):
    """What the figures are narrowed to."""

    client = understood("client", "Reference of a client.")
    kind = understood("kind", "incident, request or query.")
    priority = understood("priority", "critical, high, medium or low.")
    queue = understood("queue", "Counts for the operator's people only.")
    agent = understood("agent", "Number of a person, or none; for the operator's people only.")
    metric = understood("metric", "What `attained` is about; without it, resolution.")
    month = understood("month", "One of the last thirteen: 2026-11; without it, the present one.")


class AskedSchema(Schema):
    """What the figures are about."""

    client = fields.String(required=True)
    kind = fields.String(required=True)
    priority = fields.String(required=True)
    queue = fields.String(required=True)
    agent = fields.String(required=True)
    metric = fields.String(required=True)
    month = fields.String(required=True)


class StandingSchema(Schema):
    """Open tickets by how they stand."""

    breached = fields.Integer(required=True)
    at_risk = fields.Integer(required=True)
    paused = fields.Integer(required=True)
    on_track = fields.Integer(required=True)


class AgeSchema(Schema):
    """Open tickets of an age in working days."""

    youngest = fields.Integer(required=True)
    oldest = fields.Integer(required=True, allow_none=True)
    opened_from = fields.Date(required=True, allow_none=True)
    opened_to = fields.Date(required=True, allow_none=True)
    open = fields.Nested(StandingSchema, required=True)


class NextSchema(Schema):
    """A clock that runs out."""

    ticket = fields.String(required=True)
    client = fields.String(required=True)
    metric = fields.Enum(Metric, by_value=True, required=True)
    priority = fields.String(required=True)
    due_at = fields.AwareDateTime(required=True)
    business_seconds_left = fields.Integer(required=True)
    assignee = fields.String(required=True, allow_none=True)


class AttainedSchema(Schema):
    """Cycles decided in a month: `near` are among those met."""

    of = fields.String(required=True)
    name = fields.String(required=True)
    met = fields.Integer(required=True)
    near = fields.Integer(required=True)
    breached = fields.Integer(required=True)
    share = fields.Float(required=True, allow_none=True, metadata={"description": SHARE})


class CutSchema(Schema):
    """What was kept of the chosen metric in the chosen month, by what."""

    kind = fields.List(fields.Nested(AttainedSchema), required=True)
    priority = fields.List(fields.Nested(AttainedSchema), required=True)
    queue = fields.List(fields.Nested(AttainedSchema), required=True)
    client = fields.List(fields.Nested(AttainedSchema), required=True)
    agent = fields.List(fields.Nested(AttainedSchema), required=True)


class TrendSchema(Schema):
    """What was kept of each metric, by month."""

    first_response = fields.List(fields.Nested(AttainedSchema), required=True)
    periodic_update = fields.List(fields.Nested(AttainedSchema), required=True)
    resolution = fields.List(fields.Nested(AttainedSchema), required=True)


class ArrivedSchema(Schema):
    """Tickets that arrived in a month."""

    month = fields.String(required=True)
    tickets = fields.Integer(required=True)


class HourSchema(Schema):
    """Tickets of the chosen month that arrived in an hour of the week; hours without any are left out."""

    weekday = fields.Integer(required=True)
    hour = fields.Integer(required=True)
    tickets = fields.Integer(required=True)


class FiguresSchema(Schema):
    """The figures of the service levels, all of one moment."""

    asked = fields.Nested(AskedSchema, required=True)
    open = fields.Nested(StandingSchema, required=True)
    ageing = fields.List(fields.Nested(AgeSchema), required=True)
    next = fields.List(fields.Nested(NextSchema), required=True)
    attained = fields.Nested(CutSchema, required=True)
    trend = fields.Nested(TrendSchema, required=True)
    arrived = fields.List(fields.Nested(ArrivedSchema), required=True)
    hours = fields.List(fields.Nested(HourSchema), required=True)


blueprint = Blueprint("api-sla", __name__, url_prefix="/api/v1/sla")
guard(blueprint, person_of_token)


@blueprint.route("")
class Figures(MethodView):
    """The service levels of the clients the token's owner sees."""

    @blueprint.arguments(FiguresQuery, location="query")
    @blueprint.response(200, FiguresSchema)
    def get(self, query: dict[str, str]) -> dict[str, Any]:
        """Give the figures of the dashboard; `GET /tickets` takes the same words to list what is counted."""
        return told(dashboard(current_actor(), Evidence(**query)))


def told(found: Dashboard) -> dict[str, Any]:
    """Return a dashboard as the API tells of it."""
    return {
        "asked": found.asked,
        "open": {standing.value: amount for standing, amount in found.open.items()},
        "ageing": [_aged_told(aged) for aged in found.ageing],
        "next": [_next_told(one) for one in found.upcoming],
        "attained": {
            "kind": [_attained_told(row) for row in found.by_kind],
            "priority": [_attained_told(row) for row in found.by_priority],
            "queue": [_attained_told(row) for row in found.by_queue],
            "client": [_attained_told(row) for row in found.by_client],
            "agent": [_attained_told(row) for row in found.by_agent],
        },
        "trend": {
            metric.value: [_attained_told(row) for row in rows]
            for metric, rows in found.trend.items()
        },
        "arrived": [{"month": month, "tickets": amount} for month, amount in found.arrivals],
        "hours": [
            {"weekday": slot // HOURS + 1, "hour": slot % HOURS, "tickets": amount}
            for slot, amount in sorted(found.hours.items())
        ],
    }


def _aged_told(aged: Aged) -> dict[str, Any]:
    return {
        "youngest": aged.bucket.youngest,
        "oldest": aged.bucket.oldest,
        "opened_from": aged.bucket.came_from,
        "opened_to": aged.bucket.came_to,
        "open": {standing.value: amount for standing, amount in aged.by_standing.items()},
    }


def _next_told(one: Upcoming) -> dict[str, Any]:
    return {
        "ticket": one.subject,
        "client": one.client,
        "metric": one.metric,
        "priority": one.priority,
        "due_at": one.due_at,
        "business_seconds_left": int(one.left.total_seconds()),
        "assignee": one.agent_name,
    }


def _attained_told(row: Attained) -> dict[str, Any]:
    return {
        "of": row.of,
        "name": row.label,
        "met": row.met,
        "near": row.near,
        "breached": row.breached,
        "share": row.share,
    }
