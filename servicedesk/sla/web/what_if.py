"""What if: replay a contract's last months under a draft, before anybody agrees to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from servicedesk.core import clock, database
from servicedesk.core.errors import DomainError, Forbidden, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.shell.language import translate
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields
from servicedesk.sla.cycles import Metric
from servicedesk.sla.plan import KINDS, PRIORITIES
from servicedesk.sla.replay import Change
from servicedesk.sla.web import what_if_tables, what_if_words
from servicedesk.sla.web.what_if_forms import WhatIfForm
from servicedesk.sla.what_if import queries
from servicedesk.sla.what_if.asking import ask_what_if, cancel_what_if
from servicedesk.sla.what_if.figures import by_metric, from_json
from servicedesk.sla.what_if.models import CHANGE_LABELS, WHAT_IF_STATE_LABELS

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.sla.what_if.models import WhatIf

blueprint = Blueprint("what_if", __name__, url_prefix="/what-if")


@blueprint.get("/")
def index() -> ResponseReturnValue:
    """List what was asked, the newest first."""
    page = queries.what_ifs(current_actor(), request.args.get("cursor"))
    return render_template(
        "sla/what_if/index.html", page=page, words=what_if_words, states=WHAT_IF_STATE_LABELS
    )


@blueprint.route("/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Ask what would have been."""
    actor = current_actor()
    require(actor, Permission.SLA_SIMULATE)
    form = WhatIfForm(contract=request.args.get("contract", "")[:40])
    form.offer(actor)
    if form.validate_on_submit():
        with refusals_beside_fields(form):
            what_if = ask_what_if(actor, form.wish())
            return redirect(url_for(".show", reference=what_if.reference))
    page = render_template(
        "sla/what_if/form.html", form=form, kinds=KINDS, priorities=PRIORITIES, metrics=Metric
    )
    return page, form_status(form)


@blueprint.get("/<reference>")
def show(reference: str) -> ResponseReturnValue:
    """Show how far it is, and what would have been."""
    actor = current_actor()
    what_if = queries.what_if_named(actor, reference)
    change = request.args.get("change", "")
    figures = from_json(what_if.result)
    return render_template(
        "sla/what_if/show.html",
        change=change if change in set(Change) else "",
        changes=queries.changes_of(
            actor, what_if, change if change in set(Change) else "", request.args.get("cursor")
        ),
        change_labels=CHANGE_LABELS,
        totals=by_metric(figures),
        figures=figures,
        **_progress(what_if),
    )


@blueprint.get("/<reference>/progress")
def progress(reference: str) -> ResponseReturnValue:
    """Show just how far it is: the page asks while somebody counts."""
    what_if = queries.what_if_named(current_actor(), reference)
    page = render_template("sla/what_if/progress.html", **_progress(what_if))
    return page, 200, {} if what_if.is_unfinished else {"HX-Refresh": "true"}


@blueprint.post("/<reference>/cancel")
def cancel(reference: str) -> ResponseReturnValue:
    """Have nobody count on."""
    try:
        cancel_what_if(current_actor(), reference)
    except (Forbidden, NotFound):
        raise
    except DomainError as refused:
        database.session().rollback()
        flash(translate(refused.text), "error")
    else:
        flash(_("Cancelled: nobody counts on."))
    return redirect(url_for(".show", reference=reference))


@blueprint.get("/<reference>/figures.csv")
def download_figures(reference: str) -> ResponseReturnValue:
    """Give the figures of both sides."""
    return what_if_tables.figures_csv(queries.what_if_named(current_actor(), reference))


@blueprint.get("/<reference>/changes.csv")
def download_changes(reference: str) -> ResponseReturnValue:
    """Give the verdicts that would be others."""
    actor = current_actor()
    what_if = queries.what_if_named(actor, reference)
    return what_if_tables.changes_csv(what_if, queries.all_changes(actor, what_if.id))


def _progress(what_if: WhatIf) -> dict[str, object]:
    return {
        "what_if": what_if,
        "words": what_if_words,
        "states": WHAT_IF_STATE_LABELS,
        "is_stalled": what_if.is_stalled(clock.now()),
    }
