"""The operator's pages about days: who has how many left, the calendar, booking, offering more."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request
from flask_babel import format_date, gettext

from servicedesk.core import clock
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.engagement import amendments, queries, visits
from servicedesk.engagement.budget import quarters_of
from servicedesk.engagement.contract_time import day_of
from servicedesk.engagement.web.forms import OfferForm, PlanForm
from servicedesk.engagement.web.pages import LABELS
from servicedesk.engagement.web.visit import releasable_of
from servicedesk.shell.navigation import nav, to
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

SOON = timedelta(days=30)
MARGIN = timedelta(days=1)  # a month is longer where others are at home


@nav("desk.engagement.index", msgid("Engagement days"), "users", 48, Permission.ENGAGEMENT_READ)
def index() -> ResponseReturnValue:
    """Show what waits, what comes, and how many days each client has left."""
    actor, now = current_actor(), clock.now()
    return render_template(
        "engagement/index.html",
        waiting=queries.visits_to_confirm(actor),
        offers=queries.pending_amendments(actor),
        coming=[v for v in queries.visits_between(actor, now, now + SOON) if v.is_planned],
        page=queries.days_left(actor, request.args.get("cursor")),
        **LABELS,
    )


def calendar() -> ResponseReturnValue:
    """List the visits of a month day by day."""
    actor, first = current_actor(), _month()
    following = (first + timedelta(days=32)).replace(day=1)
    start = datetime.combine(first, datetime.min.time(), UTC)
    found = queries.visits_between(actor, start - MARGIN, start + (following - first) + MARGIN)
    own_day = {visit.id: day_of(visit.contract, visit.starts_at) for visit in found}
    of_month = sorted(
        (visit for visit in found if first <= own_day[visit.id] < following),
        key=lambda visit: (own_day[visit.id], visit.starts_at, visit.id),
    )
    return render_template(
        "engagement/calendar.html",
        title=format_date(first, "MMMM y"),
        days=[
            (day, list(group))
            for day, group in groupby(of_month, key=lambda visit: own_day[visit.id])
        ],
        before=(first - timedelta(days=1)).strftime("%Y-%m") if first > date(2001, 1, 1) else "",
        after=following.strftime("%Y-%m"),
        is_cut=len(found) == queries.MOST_VISITS,
        **LABELS,
    )


def _month() -> date:
    """Return the first day of the month in the address, or of this one."""
    try:
        typed = datetime.strptime(request.args.get("month", ""), "%Y-%m").replace(tzinfo=UTC)
        if 2000 < typed.year < 2200:  # noqa: PLR2004  months that somebody may mean
            return typed.date()
    except ValueError:
        pass
    return clock.now().date().replace(day=1)


def book(reference: str) -> ResponseReturnValue:
    """Plan a visit with a client."""
    actor = current_actor()
    require(actor, Permission.ENGAGEMENT_EDIT)
    view = queries.year_view(actor, reference)
    form = PlanForm()
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            visit = visits.book_visit(actor, reference, form.plan())
            flash(gettext("Booked and reserved: %(visit)s.", visit=visit.reference), "success")
            return redirect(to("engagement.visit", reference=visit.reference))
    page = render_template(
        "engagement/plan.html",
        view=view,
        form=form,
        could=releasable_of(form),
        visit=None,
        **LABELS,
    )
    return page, form_status(form)


def change(reference: str) -> ResponseReturnValue:
    """Move a planned visit, or say something else of it."""
    actor = current_actor()
    require(actor, Permission.ENGAGEMENT_EDIT)
    visit = queries.visit_view(actor, reference).visit
    visits.must_be_planned(visit)
    view = queries.year_view(actor, visit.client.reference, visit.year.number)
    form = PlanForm() if request.method == "POST" else PlanForm.of(visit)
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            visits.change_visit(
                actor, reference, form.plan(), version=form.seen(), note=form.note.data or ""
            )
            flash(gettext("Changed. Attendees are told."), "success")
            return redirect(to("engagement.visit", reference=reference))
    page = render_template(
        "engagement/plan.html",
        view=view,
        form=form,
        could=releasable_of(form),
        visit=visit,
        **LABELS,
    )
    return page, form_status(form)


def offer(reference: str) -> ResponseReturnValue:
    """Offer a client more days for a contract year."""
    actor = current_actor()
    require(actor, Permission.ENGAGEMENT_EDIT)
    view = queries.year_view(actor, reference)
    form = OfferForm() if request.method == "POST" else OfferForm(day=view.today)
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            made = amendments.offer_days(
                actor,
                reference,
                form.day.data,
                quarters_of(form.days.data),
                form.reason.data or "",
            )
            flash(gettext("Offered: %(reference)s.", reference=made.reference), "success")
            return redirect(to("engagement.client", reference=reference))
    page = render_template("engagement/offer.html", view=view, form=form, **LABELS)
    return page, form_status(form)
