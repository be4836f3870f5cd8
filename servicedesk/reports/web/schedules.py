"""When a saved report comes by itself, and to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

from servicedesk.core.errors import NotAllowedNow
from servicedesk.core.text import msgid
from servicedesk.reports import queries
from servicedesk.reports.scheduling import schedule_report, unschedule_report
from servicedesk.reports.web.forms import ScheduleForm
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


def schedule(reference: str) -> ResponseReturnValue:
    """Say when it comes, and to whom."""
    actor = current_actor()
    report = queries.report_named(actor, reference)
    if report.author_id != actor.user_id:
        raise NotAllowedNow(msgid("Only its author has a report come by itself."))
    kept, _people = queries.schedule_for(actor, report)
    form = ScheduleForm.of(kept, actor.user_id)
    form.offer(queries.people_for(actor, report))
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            schedule_report(actor, reference, form.plan())
            flash(_("It comes by itself from now on."), "success")
            return redirect(url_for(".show", reference=reference))
    page = render_template("reports/schedule.html", form=form, report=report)
    return page, form_status(form)


def unschedule(reference: str) -> ResponseReturnValue:
    """Have it come no longer."""
    unschedule_report(current_actor(), reference)
    flash(_("It comes no longer by itself."), "success")
    return redirect(url_for(".show", reference=reference))
