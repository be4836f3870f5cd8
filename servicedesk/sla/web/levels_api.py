"""Service levels in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from servicedesk.clients.web.api import PageQuery, person_of_token
from servicedesk.core.paging import Page
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor
from servicedesk.sla import queries
from servicedesk.sla.calendar import CalendarDefinition
from servicedesk.sla.cycles import Metric, WorkingDays
from servicedesk.sla.notation import span_written
from servicedesk.sla.plan import KINDS, PRIORITIES, PlanDefinition

if TYPE_CHECKING:
    from servicedesk.sla.cycles import Target
    from servicedesk.sla.models import CalendarVersion, PlanVersion
    from servicedesk.sla.queries import Agreement

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class LevelQuery(PageQuery):
    """Filters of the service levels."""

    client = fields.String(load_default="", validate=validate.Length(max=40))


class LevelTargetSchema(Schema):
    """A promise: business time in seconds, or working days; one of the two."""

    kind = fields.String(required=True)
    priority = fields.String(required=True)
    metric = fields.String(required=True, validate=validate.OneOf([*Metric]))
    seconds = fields.Integer()
    working_days = fields.Integer()


class LevelPlanSchema(Schema):
    """A version of a plan, for tickets opened from its date on."""

    name = fields.String(required=True)
    version = fields.Integer(required=True)
    effective_on = fields.Date(required=True)
    targets = fields.List(fields.Nested(LevelTargetSchema), required=True)


class LevelHoursSchema(Schema):
    """Hours by a wall clock of the calendar's zone; `until` before `from` is the day after."""

    opens = fields.String(required=True, data_key="from")
    closes = fields.String(required=True, data_key="until")


class LevelHolidaySchema(Schema):
    """A day, or the part of it, that is not worked."""

    on = fields.Date(required=True)
    name = fields.String(required=True)
    opens = fields.String(required=True, data_key="from")
    closes = fields.String(required=True, data_key="until")


class LevelCalendarSchema(Schema):
    """A version of a business calendar, from its date on; its holidays from this year on."""

    name = fields.String(required=True)
    version = fields.Integer(required=True)
    effective_on = fields.Date(required=True)
    time_zone = fields.String(required=True)
    hours = fields.Dict(
        keys=fields.String(validate=validate.OneOf(DAYS)),
        values=fields.List(fields.Nested(LevelHoursSchema)),
        required=True,
    )
    holidays = fields.List(fields.Nested(LevelHolidaySchema), required=True)


class LevelComingSchema(Schema):
    """What is agreed from a later day on."""

    effective_on = fields.Date(required=True)
    plan = fields.String(required=True)
    calendar = fields.String(required=True)


class LevelSchema(Schema):
    """By what a contract is measured today, and what is agreed for later."""

    contract = fields.String(required=True)
    client = fields.String(required=True)
    effective_on = fields.Date(required=True, allow_none=True)
    plan = fields.Nested(LevelPlanSchema, required=True, allow_none=True)
    coming_plans = fields.List(fields.Nested(LevelPlanSchema), required=True)
    calendar = fields.Nested(LevelCalendarSchema, required=True, allow_none=True)
    coming_calendars = fields.List(fields.Nested(LevelCalendarSchema), required=True)
    coming = fields.List(fields.Nested(LevelComingSchema), required=True)


class LevelPage(Schema):
    """A piece of the list of service levels."""

    items = fields.List(fields.Nested(LevelSchema), required=True)
    next = fields.String(required=True, allow_none=True)


def told(found: Agreement) -> dict[str, Any]:
    """Return a contract's service level as the API says it."""
    current, year = found.current, found.today.year
    return {
        "contract": found.contract.reference,
        "client": found.client.reference,
        "effective_on": current.effective_on if current else None,
        "plan": _plan(found.plan) if found.plan else None,
        "coming_plans": [_plan(one) for one in found.coming_plans],
        "calendar": _calendar(found.calendar, year) if found.calendar else None,
        "coming_calendars": [_calendar(one, year) for one in found.coming_calendars],
        "coming": [
            {
                "effective_on": one.effective_on,
                "plan": found.plans[one.plan_code][-1].name,
                "calendar": found.calendars[one.calendar_code][-1].name,
            }
            for one in found.coming
        ],
    }


def _plan(version: PlanVersion) -> dict[str, Any]:
    plan = PlanDefinition.from_json(version.definition)
    return {
        "name": version.name,
        "version": version.version,
        "effective_on": version.effective_on,
        "targets": [
            {"kind": kind, "priority": priority, "metric": metric.value, **_length(target)}
            for kind in KINDS
            for priority in PRIORITIES
            for metric, target in plan.targets_of(kind, priority).items()
        ],
    }


def _length(target: Target) -> dict[str, int]:
    if isinstance(target, WorkingDays):
        return {"working_days": target.days}
    return {"seconds": int(target.total_seconds())}


def _calendar(version: CalendarVersion, first_year: int) -> dict[str, Any]:
    definition = CalendarDefinition.from_json(version.definition)
    return {
        "name": version.name,
        "version": version.version,
        "effective_on": version.effective_on,
        "time_zone": definition.time_zone,
        "hours": {
            name: [_hours(interval.start, interval.end) for interval in intervals]
            for name, intervals in zip(DAYS, definition.weekly, strict=True)
        },
        "holidays": [
            {"on": one.on, "name": one.name, **_hours(one.closed_from, one.closed_until)}
            for one in definition.holidays
            if one.on.year >= first_year
        ],
    }


def _hours(start: int, end: int) -> dict[str, str]:
    opens, _, closes = span_written(start, end).partition("-")
    return {"opens": opens, "closes": closes}


blueprint = Blueprint("api-service-levels", __name__, url_prefix="/api/v1/service-levels")
guard(blueprint, person_of_token)


@blueprint.route("")
class ServiceLevels(MethodView):
    """The service levels of the contracts the token's owner sees."""

    @blueprint.arguments(LevelQuery, location="query")
    @blueprint.response(200, LevelPage)
    def get(self, query: dict[str, Any]) -> Page[dict[str, Any]]:
        """List service levels by contract."""
        client = query["client"].replace("\x00", "")
        found = queries.agreements(current_actor(), query["cursor"], query["limit"], client)
        return Page([told(one) for one in found.items], found.next)


@blueprint.route("/<reference>")
class ServiceLevel(MethodView):
    """A contract's service level."""

    @blueprint.response(200, LevelSchema)
    def get(self, reference: str) -> dict[str, Any]:
        """Show a contract's service level."""
        return told(queries.agreement(current_actor(), reference))
