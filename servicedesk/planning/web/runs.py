"""One run of a task: how far it is, its log, and what became of each device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import flash, redirect, render_template, request
from flask_babel import gettext as _

from servicedesk.clients.models import Client
from servicedesk.core import database
from servicedesk.core.errors import DomainError, Forbidden, NotFound
from servicedesk.orders.queries import steps as order_steps
from servicedesk.orders.queries import view_of
from servicedesk.planning import queries, steering
from servicedesk.planning.next_steps import run_steps
from servicedesk.planning.web.tasks import may_see_inside, refused_at, work_of
from servicedesk.planning.web.words import subject_address
from servicedesk.shell.navigation import to
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from servicedesk.planning.models import PlannedRun

LINES = 100  # of the log on a page


def run(reference: str, run_id: int) -> ResponseReturnValue:
    """Show a run; while it is not over, the page asks again by itself."""
    return render_template("planned/runs/show.html", **_shown(reference, run_id))


def run_progress(reference: str, run_id: int) -> ResponseReturnValue:
    """Show just how far it is."""
    shown = _shown(reference, run_id)
    page = render_template("planned/runs/progress.html", **shown)
    # what the buttons depend on has changed: the whole page is loaded once more
    is_other = request.args.get("was") not in {None, shown["run"].state.value}
    return page, 200, {"HX-Refresh": "true"} if is_other else {}


def _shown(reference: str, run_id: int) -> dict[str, Any]:
    actor = current_actor()
    found = queries.run_of(actor, reference, run_id)
    is_inside = may_see_inside(actor, found.task)
    order = _order_of(found) if is_inside else None
    return {
        "run": found,
        "task": found.task,
        "work": work_of(found.task),
        "steps": run_steps(actor, found),
        "may_see_inside": is_inside,
        "view": order,
        "order_steps": order_steps(actor, order.order) if order else None,
        "lines": queries.lines_of(actor, found, request.args.get("cursor"), LINES)
        if is_inside
        else None,
        "subject_address": subject_address,
    }


def _order_of(found: PlannedRun) -> Any:
    if found.order is None:
        return None
    return view_of(
        found.order, found.task.client or database.session().get_one(Client, found.client_id)
    )


def run_cancel(reference: str, run_id: int) -> ResponseReturnValue:
    """Let nothing more of a run happen."""
    address = to("planned.run", reference=reference, run_id=run_id)
    try:
        steering.cancel_run(current_actor(), reference, run_id)
    except (Forbidden, NotFound):
        raise
    except DomainError as refused:
        return refused_at(address, refused)
    flash(_("Cancelled: nothing more of it leaves."))
    return redirect(address)


def run_again(reference: str, run_id: int) -> ResponseReturnValue:
    """Run a task once more after a run that is over."""
    try:
        again = steering.run_again(current_actor(), reference, run_id)
    except (Forbidden, NotFound):
        raise
    except DomainError as refused:
        return refused_at(to("planned.run", reference=reference, run_id=run_id), refused)
    return redirect(to("planned.run", reference=reference, run_id=again.id))
