"""The supervisor's pages about plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from servicedesk.core import clock
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields
from servicedesk.sla import plan_editing, queries
from servicedesk.sla.plan import PlanDefinition
from servicedesk.sla.plan_editing import home_day
from servicedesk.sla.standard import standard_plan
from servicedesk.sla.versioning import live_of
from servicedesk.sla.web.plan_forms import PlanForm
from servicedesk.sla.web.version_pages import following, picked, withdrawn

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.sla.models import PlanVersion

plans = Blueprint("plans", __name__, url_prefix="/plans")


@plans.get("/")
def index() -> ResponseReturnValue:
    """List the plans."""
    page = queries.plans(current_actor(), request.args.get("cursor"))
    return render_template("sla/plans/index.html", page=page)


@plans.get("/<code>")
def show(code: str) -> ResponseReturnValue:
    """Show a plan: targets, thresholds, versions, and who is measured by it."""
    actor = current_actor()
    every = queries.plan_versions(actor, code)
    versions = live_of(every)
    current = queries.version_on(versions, home_day(clock.now()))
    shown = picked(every) or current or versions[0]
    definition = PlanDefinition.from_json(shown.definition)
    return render_template(
        "sla/plans/show.html",
        history=queries.history_of(every),
        current=current,
        coming=queries.coming_after(versions, current),
        shown=shown,
        plan=definition,
        notice=dict(queries.names_to_choose(actor)[1]).get(definition.notice_calendar, ""),
        page=queries.users_of(actor, shown, request.args.get("cursor")),
    )


@plans.route("/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Make a plan, empty or like another one."""
    like = request.args.get("like", "")
    start = standard_plan()
    if like:
        newest = live_of(queries.plan_versions(current_actor(), like))[-1]
        start = PlanDefinition.from_json(newest.definition)
    form = _offering(PlanForm.holding(start))
    draft = _draft_to_save(form)
    if draft is not None:
        with refusals_beside_fields(form):
            made = plan_editing.create_plan(current_actor(), draft)
            flash(_("The plan is there: contracts can be measured by it."), "success")
            return redirect(url_for(".show", code=made.code))
    return _form_page(form, None)


@plans.route("/<code>/new-version", methods=["GET", "POST"])
def revise(code: str) -> ResponseReturnValue:
    """Let a version follow the newest one."""
    versions = queries.plan_versions(current_actor(), code)
    newest = live_of(versions)[-1]
    form = _offering(
        PlanForm.holding(
            PlanDefinition.from_json(newest.definition),
            name=newest.name,
            effective_on=max(home_day(clock.now()), newest.effective_on),
            after=versions[-1].version,
        )
    )
    draft = _draft_to_save(form)
    if draft is not None:
        with refusals_beside_fields(form), following(form.after) as after:
            plan_editing.add_plan_version(current_actor(), code, draft, after=after)
            flash(_("The version is kept, for tickets opened from its date on."), "success")
            return redirect(url_for(".show", code=code))
    return _form_page(form, newest)


@plans.post("/<code>/versions/<int:version>/withdraw")
def withdraw(code: str, version: int) -> ResponseReturnValue:
    """Take back a version that has not begun."""
    withdraw_version = plan_editing.withdraw_plan_version
    return withdrawn(withdraw_version, code, version, _("The version is withdrawn."))


def _offering(form: PlanForm) -> PlanForm:
    form.offer(queries.names_to_choose(current_actor())[1])
    return form


def _draft_to_save(form: PlanForm) -> plan_editing.PlanDraft | None:
    if not form.is_submitted():
        return None
    if request.form.get("do") == "add_row":
        form.add_row()
        return None
    return form.draft()


def _form_page(form: PlanForm, newest: PlanVersion | None) -> ResponseReturnValue:
    page = render_template("sla/plans/form.html", form=form, newest=newest)
    return page, form_status(form)
