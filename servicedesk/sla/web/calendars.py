"""The supervisor's pages about calendars."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from servicedesk.core import clock
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields
from servicedesk.sla import calendar_editing, queries
from servicedesk.sla.calendar import FIRST_YEAR, YEARS_AHEAD, CalendarDefinition
from servicedesk.sla.month import hours_a_week, month_of, rulings, week_in_short
from servicedesk.sla.versioning import live_of
from servicedesk.sla.web.calendar_drafting import PRESETS, Said, carry_out
from servicedesk.sla.web.calendar_forms import CalendarForm, zone_names
from servicedesk.sla.web.version_pages import following, picked, withdrawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

    from servicedesk.sla.models import CalendarVersion

calendars = Blueprint("calendars", __name__, url_prefix="/calendars")
ONE_DAY = timedelta(days=1)


@calendars.get("/")
def index() -> ResponseReturnValue:
    """List the calendars."""
    page = queries.calendars(current_actor(), request.args.get("cursor"))
    return render_template("sla/calendars/index.html", page=page)


@calendars.get("/<code>")
def show(code: str) -> ResponseReturnValue:
    """Show a calendar: its versions, a month of it, and who is measured by it."""
    actor = current_actor()
    every = queries.calendar_versions(actor, code)
    versions = live_of(every)
    today = queries.day_of(versions, clock.now())
    current = queries.version_on(versions, today)
    chosen = picked(every)
    shown = chosen or current or versions[0]
    definition = CalendarDefinition.from_json(shown.definition)
    first = _month_asked(today)
    as_it_is = {day.on: day.spans for day in month_of(_ruling(versions, current), first).days}
    month = month_of([(date.min, definition)] if chosen else rulings(versions), first)
    return render_template(
        "sla/calendars/show.html",
        history=queries.history_of(every),
        current=current,
        coming=queries.coming_after(versions, current),
        picked=chosen,
        shown=shown,
        week=week_in_short(definition),
        week_hours=hours_a_week(definition),
        zone=definition.time_zone,
        month=month,
        changed={day.on for day in month.days if day.spans != as_it_is[day.on]},
        reach=(date(FIRST_YEAR, 1, 1), date(today.year + YEARS_AHEAD, 12, 1)),
        today=today,
        page=queries.users_of(actor, shown, request.args.get("cursor")),
    )


@calendars.route("/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Make a calendar."""
    form, said = CalendarForm.blank(), None
    if form.is_submitted():
        said = _carried_out(form)
        draft = form.draft() if _is_to_be_saved() else None
        if draft is not None:
            with refusals_beside_fields(form):
                made = calendar_editing.create_calendar(current_actor(), draft)
                flash(_("The calendar is there: contracts can be measured by it."), "success")
                return redirect(url_for(".show", code=made.code))
    return _form_page(form, said, None)


@calendars.route("/<code>/new-version", methods=["GET", "POST"])
def revise(code: str) -> ResponseReturnValue:
    """Let a version follow the newest one."""
    versions = queries.calendar_versions(current_actor(), code)
    newest, today = live_of(versions)[-1], queries.day_of(versions, clock.now())
    form = CalendarForm.following(
        newest, versions[-1].version, max(today + ONE_DAY, newest.effective_on)
    )
    said = None
    if form.is_submitted():
        said = _carried_out(form)
        draft = form.draft() if _is_to_be_saved() else None
        if draft is not None:
            with refusals_beside_fields(form), following(form.after) as after:
                calendar_editing.add_calendar_version(current_actor(), code, draft, after=after)
                flash(_("The version is kept. Open tickets follow within minutes."), "success")
                return redirect(url_for(".show", code=code, month=f"{draft.effective_on:%Y-%m}"))
    return _form_page(form, said, newest)


@calendars.post("/<code>/versions/<int:version>/withdraw")
def withdraw(code: str, version: int) -> ResponseReturnValue:
    """Take back a version that has not begun."""
    withdraw_version = calendar_editing.withdraw_calendar_version
    return withdrawn(
        withdraw_version,
        code,
        version,
        _("The version is withdrawn. Open tickets follow within minutes."),
    )


def _is_to_be_saved() -> bool:
    return request.form.get("do", "save") == "save"


def _carried_out(form: CalendarForm) -> Said | None:
    return None if _is_to_be_saved() else carry_out(form, request.form["do"])


def _form_page(
    form: CalendarForm, said: Said | None, newest: CalendarVersion | None
) -> ResponseReturnValue:
    page = render_template(
        "sla/calendars/form.html",
        form=form,
        said=said,
        newest=newest,
        presets=PRESETS,
        zones=[] if newest else zone_names(),
    )
    return page, form_status(form)


def _ruling(
    versions: Sequence[CalendarVersion], current: CalendarVersion | None
) -> list[tuple[date, CalendarDefinition]]:
    """Return what holds now as if nothing were to come: what a change is a change of."""
    begun = [one for one in versions if current is not None and one.version <= current.version]
    return rulings(begun or versions[:1])


def _month_asked(today: date) -> date:
    """Return the first day of the month in the address, of this month if there is none."""
    asked = re.fullmatch(r"(\d{4})-(\d{2})", request.args.get("month", ""), re.ASCII)
    if asked and FIRST_YEAR <= int(asked[1]) <= today.year + YEARS_AHEAD:
        return date(int(asked[1]), min(max(int(asked[2]), 1), 12), 1)
    return today.replace(day=1)
