"""A contract's service level to read: what is promised, in which hours, and what is coming."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask import Blueprint, redirect, render_template, request

from servicedesk.core import clock, database
from servicedesk.shell.navigation import to
from servicedesk.shell.session import current_actor
from servicedesk.sla import queries
from servicedesk.sla.calendar import CalendarDefinition
from servicedesk.sla.cycles import Metric, WorkingDays
from servicedesk.sla.month import holidays_between, hours_a_week, rulings, week_in_short
from servicedesk.sla.plan import PlanDefinition
from servicedesk.sla.terms import calendar_coded

if TYPE_CHECKING:
    from datetime import datetime

    from flask.typing import ResponseReturnValue

    from servicedesk.sla.calendar import BusinessCalendar
    from servicedesk.sla.cycles import Target
    from servicedesk.sla.queries import Agreement

HOLIDAYS_AHEAD = timedelta(days=365)


def blueprint() -> Blueprint:
    """Return `/service-levels`, for both audiences."""
    made = Blueprint("service_levels", __name__, url_prefix="/service-levels")
    made.add_url_rule("/", view_func=index)
    made.add_url_rule("/<reference>", view_func=show)
    return made


def index() -> ResponseReturnValue:
    """List the contracts with what measures them; who has one sees it at once."""
    actor = current_actor()
    page = queries.agreements(actor, request.args.get("cursor"))
    if actor.is_contact and len(page.items) == 1:
        return redirect(to("service_levels.show", reference=page.items[0].contract.reference))
    return render_template("sla/levels/index.html", page=page)


def show(reference: str) -> ResponseReturnValue:
    """Show a contract's service level."""
    found = queries.agreement(current_actor(), reference)
    return render_template("sla/levels/show.html", agreement=found, **facts_of(found))


def facts_of(found: Agreement, *, with_due: bool = False) -> dict[str, Any]:
    """Return what pages say of a service level: plan, hours, holidays, due times of now."""
    if found.plan is None or found.calendar is None:
        return {"plan": None, "week": [], "week_hours": None, "holidays": [], "dues": None}
    plan = PlanDefinition.from_json(found.plan.definition)
    definition = CalendarDefinition.from_json(found.calendar.definition)
    versions = rulings(found.calendars[found.calendar.code])
    last = found.today + HOLIDAYS_AHEAD
    return {
        "plan": plan,
        "week": week_in_short(definition),
        "week_hours": hours_a_week(definition),
        "holidays": holidays_between(versions, found.today, last),
        "dues": _dues(plan, found.calendar.code) if with_due else None,
    }


def _dues(plan: PlanDefinition, code: str) -> dict[tuple[str, str, str], datetime | None]:
    """Return until when what is opened now would have to be done."""
    calendar, now = calendar_coded(database.session(), code), clock.now()
    return {
        (kind, priority, metric.value): _due(calendar, now, target) if calendar else None
        for (kind, priority), by_metric in plan.targets.items()
        for metric, target in by_metric.items()
        if metric is not Metric.PERIODIC_UPDATE  # it counts from each answer, not from now
    }


def _due(calendar: BusinessCalendar, now: datetime, target: Target) -> datetime | None:
    try:
        if isinstance(target, WorkingDays):
            return calendar.add_working_days(now, target.days)
        return calendar.add(now, target)
    except ValueError:
        return None  # beyond the years that are reckoned with
