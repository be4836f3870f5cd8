"""Pages of reports: the list of one's own, a new one with its first rows, and one with its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from servicedesk.core import clock, database
from servicedesk.core.errors import DomainError, Forbidden, InvalidInput, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.reports import queries
from servicedesk.reports.asking import ask_report, delete_report, run_again
from servicedesk.reports.cells import sheet_of
from servicedesk.reports.kinds import kind_named, kinds_for
from servicedesk.reports.models import RUN_STATE_LABELS
from servicedesk.reports.scheduling import change_report, keep_report, save_report
from servicedesk.reports.web.forms import KeepForm, report_form
from servicedesk.reports.web.words import asked_words, cell_words, kind_words, schedule_words
from servicedesk.reports.wishes import wish_of
from servicedesk.shell.language import chosen_language, translate
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.core.actors import Actor
    from servicedesk.reports.kinds.kind import ReportKind
    from servicedesk.reports.wishes import Wish

LONGEST_CODE = 40


def index() -> ResponseReturnValue:
    """List reports with the newest file of each."""
    page = queries.reports(current_actor(), request.args.get("cursor"))
    return render_template(
        "reports/index.html", page=page, states=RUN_STATE_LABELS, kind_words=kind_words
    )


def create() -> ResponseReturnValue:
    """Ask for a report: choose, look at the first rows, have it made."""
    actor = current_actor()
    require(actor, Permission.REPORT_MAKE)
    kind = _kind(actor)
    form = report_form(actor, kind)
    act, first = request.form.get("act", ""), None
    if act in {"usual", "every"}:
        form.preset(act)
    elif form.validate_on_submit():
        with refusals_beside_fields(form):
            if act == "preview":
                first = _first_rows(actor, form.wish())
            elif act == "save":
                report = save_report(actor, form.wish(), chosen_language())
                return redirect(url_for(".show", reference=report.reference))
            else:
                made = ask_report(actor, form.wish(), chosen_language())
                return redirect(url_for(".show_file", key=made.key))
    page = render_template(
        "reports/form.html",
        form=form,
        kind=kind,
        kinds=kinds_for(actor),
        first=first,
        report=None,
    )
    return page, form_status(form)


def edit(reference: str) -> ResponseReturnValue:
    """Change what a report asks for from now on."""
    actor = current_actor()
    report = queries.report_named(actor, reference)
    kind = kind_named(report.kind, actor)
    form = report_form(
        actor, kind, wish_of(report, report.client.reference if report.client else "")
    )
    act, first = request.form.get("act", ""), None
    if act in {"usual", "every"}:
        form.preset(act)
    elif form.validate_on_submit():
        with refusals_beside_fields(form):
            if act != "preview":
                change_report(actor, reference, form.wish())
                flash(_("Changed: it counts from the next time."), "success")
                return redirect(url_for(".show", reference=reference))
            first = _first_rows(actor, form.wish())
    page = render_template(
        "reports/form.html", form=form, kind=kind, kinds=[kind], first=first, report=report
    )
    return page, form_status(form)


def keep(reference: str) -> ResponseReturnValue:
    """Keep a report under a name."""
    actor = current_actor()
    queries.report_named(actor, reference)
    form = KeepForm()
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            keep_report(actor, reference, form.title.data or "")
            flash(_("Saved."), "success")
            return redirect(url_for(".show", reference=reference))
    return _shown(actor, reference, form), form_status(form)


def show(reference: str) -> ResponseReturnValue:
    """Show what a report asks for, what was made of it, and when it comes."""
    actor = current_actor()
    return _shown(actor, reference, KeepForm(data={"title": ""}))


def _shown(actor: Actor, reference: str, form: KeepForm) -> str:
    report = queries.report_named(actor, reference)
    schedule, people = queries.schedule_for(actor, report)
    return render_template(
        "reports/show.html",
        report=report,
        page=queries.runs_of(actor, report, request.args.get("cursor")),
        states=RUN_STATE_LABELS,
        asked=asked_words(report, actor),
        kind_words=kind_words,
        schedule=schedule,
        schedule_words=schedule_words(schedule) if schedule else "",
        people=people,
        form=form,
        is_mine=report.author_id == actor.user_id,
    )


def run(reference: str) -> ResponseReturnValue:
    """Have a report made anew."""
    try:
        made = run_again(current_actor(), reference)
    except (Forbidden, NotFound):
        raise
    except DomainError as refused:
        return _refused(reference, refused)
    return redirect(url_for(".show_file", key=made.key))


def delete(reference: str) -> ResponseReturnValue:
    """Forget a report with its files."""
    delete_report(current_actor(), reference)
    flash(_("Deleted, with its files."), "success")
    return redirect(url_for(".index"))


def _refused(reference: str, refused: DomainError) -> ResponseReturnValue:
    database.session().rollback()
    flash(translate(refused.text), "error")
    return redirect(url_for(".show", reference=reference))


def _kind(actor: Actor) -> ReportKind:
    code = request.args.get("kind", "")[:LONGEST_CODE]
    try:
        return kind_named(code, actor)
    except InvalidInput:
        if code:
            raise NotFound from None
        return kinds_for(actor)[0]


def _first_rows(actor: Actor, wish: Wish) -> dict[str, Any]:
    """Return the first rows as the file would have them, with their headings."""
    told, rows = queries.preview(actor, wish)
    now = clock.now()
    sheet = sheet_of(told, actor, translate, chosen_language(), (None, None), now)
    return {
        "headings": sheet.headings,
        "rows": [[cell_words(cell) for cell in sheet.row(row)] for row in rows],
        "is_whole": len(rows) < queries.FIRST_ROWS,
        "is_personal": told.is_personal,
        "zone": told.time_zone,
    }
