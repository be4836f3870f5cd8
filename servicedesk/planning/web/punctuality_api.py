"""The punctuality of planned tasks in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from servicedesk.clients.web.api import PageQuery, person_of_token
from servicedesk.planning import punctuality as figures
from servicedesk.planning.looks import REFERENCE_LENGTH
from servicedesk.planning.models import Category, RunState
from servicedesk.planning.occasions import reason_of
from servicedesk.planning.punctual import DEFINITION, Figure, Wanted
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor
from servicedesk.sla.evidence import MONTH

if TYPE_CHECKING:
    from servicedesk.planning.models import PlannedRun
    from servicedesk.planning.punctuality import Counted

SHARE = "From 0 to 1; null where nothing was planned."


class FiguresQuery(Schema):
    """What the figures are narrowed to."""

    client = fields.String(
        load_default="",
        validate=validate.Length(max=REFERENCE_LENGTH),
        metadata={"description": "Reference of a client; - for the whole service."},
    )
    category = fields.String(
        load_default="", validate=validate.OneOf(["", *(one.value for one in Category)])
    )
    month = fields.String(
        load_default="",
        validate=validate.Regexp(f"^({MONTH.pattern})?$"),
        metadata={"description": "One of the last thirteen: 2026-11; without it, the present one."},
    )


class RunsQuery(FiguresQuery, PageQuery):
    """Which runs."""

    figure = fields.String(
        load_default="", validate=validate.OneOf(["", *(one.value for one in Figure)])
    )


class CountedSchema(Schema):
    """How many times of each class: the first four add up to `planned`; `failed` are among them."""

    of = fields.String(required=True)
    name = fields.String(required=True)
    punctual = fields.Integer(required=True)
    late = fields.Integer(required=True)
    missed = fields.Integer(required=True)
    left_out = fields.Integer(required=True)
    planned = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    punctuality = fields.Float(required=True, allow_none=True, metadata={"description": SHARE})


class PunctualitySchema(Schema):
    """The punctuality of a month, and its trend."""

    definition = fields.List(fields.String(), required=True)
    month = fields.Nested(CountedSchema, required=True)
    trend = fields.List(fields.Nested(CountedSchema), required=True)
    by_client = fields.List(fields.Nested(CountedSchema), required=True)
    by_category = fields.List(fields.Nested(CountedSchema), required=True)


class CountedRunSchema(Schema):
    """A run that was counted."""

    task = fields.String(required=True)
    title = fields.String(required=True)
    run = fields.Integer(required=True)
    client = fields.String(required=True, allow_none=True)
    due_at = fields.AwareDateTime(required=True)
    started_at = fields.AwareDateTime(required=True, allow_none=True)
    state = fields.Enum(RunState, by_value=True, required=True)
    reason = fields.String(required=True, allow_none=True)
    incident = fields.String(required=True, allow_none=True)


class CountedRunsSchema(Schema):
    """A piece of the list."""

    items = fields.List(fields.Nested(CountedRunSchema), required=True)
    next = fields.String(required=True, allow_none=True)


blueprint = Blueprint("api-punctuality", __name__, url_prefix="/api/v1/punctuality")
guard(blueprint, person_of_token)


@blueprint.route("")
class PunctualityFigures(MethodView):
    """How punctual planned tasks are."""

    @blueprint.arguments(FiguresQuery, location="query")
    @blueprint.response(200, PunctualitySchema)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Give the figures of a month of the tasks the token's owner sees."""
        found = figures.punctuality(current_actor(), Wanted(**query))
        return {
            "definition": list(DEFINITION),
            "month": _told(found.whole),
            "trend": [_told(one) for one in found.trend],
            "by_client": [_told(one) for one in found.by_client],
            "by_category": [_told(one) for one in found.by_category],
        }


@blueprint.route("/runs")
class PunctualityRuns(MethodView):
    """The runs behind a figure."""

    @blueprint.arguments(RunsQuery, location="query")
    @blueprint.response(200, CountedRunsSchema)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List what a figure counts, latest first."""
        cursor, limit = query.pop("cursor"), query.pop("limit")
        wanted = figures.settled(current_actor(), Wanted(**query))
        page = figures.runs_behind(current_actor(), wanted, cursor, limit)
        return {"items": [_run_told(run) for run in page.items], "next": page.next}


def _told(one: Counted) -> dict[str, Any]:
    return {
        "of": one.of,
        "name": one.label,
        "punctuality": one.share,
        **{
            figure.value: one.amount(figure)
            for figure in Figure
            if figure is not Figure.NOT_PUNCTUAL
        },
    }


def _run_told(run: PlannedRun) -> dict[str, Any]:
    reason = reason_of(run.reason, run.reason_values)
    return {
        "task": run.task.reference,
        "title": run.task.title,
        "run": run.id,
        "client": run.task.client.reference if run.task.client else None,
        "due_at": run.due_at,
        "started_at": run.started_at,
        "state": run.state,
        "reason": str(reason) if reason else None,
        "incident": run.incident.reference if run.incident else None,
    }
