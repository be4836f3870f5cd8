"""Runs of planned tasks in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint

from servicedesk.clients.web.api import PageQuery, person_of_token
from servicedesk.core.paging import Page
from servicedesk.core.text import Text
from servicedesk.planning import queries, steering
from servicedesk.planning.web.api_schemas import LinePage, RunPage, RunSchema, plain
from servicedesk.planning.web.tasks import may_see_inside
from servicedesk.shell.api import guard
from servicedesk.shell.language import translate
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicedesk.core.actors import Actor
    from servicedesk.planning.models import PlannedRun, PlannedTask

blueprint = Blueprint("api-planned-runs", __name__, url_prefix="/api/v1/planned-tasks")
guard(blueprint, person_of_token)


def run_told(run: PlannedRun, task: PlannedTask) -> dict[str, Any]:
    """Return a run as the API tells of it."""
    reason = None
    if run.reason and may_see_inside(current_actor(), task):
        reason = translate(Text.from_json({"words": run.reason, "values": run.reason_values or {}}))
    return {
        "id": run.id,
        "task": task.reference,
        "due_at": run.due_at,
        "closes_at": run.closes_at,
        "state": run.state,
        "reason": reason,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "punctual": run.is_punctual,
        "done": run.done,
        "total": run.total,
        "problems": run.problem_count,
        "asked_for_by": run.asked_by_name,
        "again_of": run.again_of_id,
        "order": run.order.reference if run.order else None,
        "ticket": run.ticket.reference if run.ticket else None,
        "incident": run.incident.reference if run.incident else None,
    }


def _told(reference: str, run_id: int) -> dict[str, Any]:
    run = queries.run_of(current_actor(), reference, run_id)
    return run_told(run, run.task)


@blueprint.route("/<reference>/runs")
class Runs(MethodView):
    """The runs of a task."""

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, RunPage)
    def get(self, query: dict[str, Any], reference: str) -> Page[dict[str, Any]]:
        """List the runs of a task, the latest first."""
        actor = current_actor()
        task = queries.task_of(actor, plain(reference))
        found = queries.runs_of(actor, task, query["cursor"], query["limit"])
        return Page([run_told(run, task) for run in found.items], found.next)

    @blueprint.response(201, RunSchema)
    def post(self, reference: str) -> dict[str, Any]:
        """Run a task once, now, beside its schedule."""
        run = steering.run_now(current_actor(), plain(reference))
        return _told(plain(reference), run.id)


@blueprint.route("/<reference>/runs/<int:run_id>")
class OneRun(MethodView):
    """A run."""

    @blueprint.response(200, RunSchema)
    def get(self, reference: str, run_id: int) -> dict[str, Any]:
        """Show how far a run is."""
        return _told(plain(reference), run_id)


@blueprint.route("/<reference>/runs/<int:run_id>/lines")
class Lines(MethodView):
    """The log of a run."""

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, LinePage)
    def get(self, query: dict[str, Any], reference: str, run_id: int) -> Page[dict[str, Any]]:
        """Read the log of a run, the oldest line first."""
        actor = current_actor()
        run = queries.run_of(actor, plain(reference), run_id)
        if not may_see_inside(actor, run.task):
            return Page([], None)
        found = queries.lines_of(actor, run, query["cursor"], query["limit"])
        lines = [
            {
                "at": line.at,
                "kind": line.kind,
                "text": translate(Text.from_json({"words": line.text, "values": line.text_values})),
                "subject": line.subject,
            }
            for line in found.items
        ]
        return Page(lines, found.next)


def _act(name: str, operation: Callable[[Actor, str, int], PlannedRun], says: str) -> None:
    """Offer an operation on a run; the answer is the run that it leaves, or that it makes."""

    class Act(MethodView):
        @blueprint.response(200, RunSchema)
        def post(self, reference: str, run_id: int) -> dict[str, Any]:
            left = operation(current_actor(), plain(reference), run_id)
            return _told(plain(reference), left.id)

        post.__doc__ = says

    blueprint.route(f"/<reference>/runs/<int:run_id>/{name}", endpoint=f"{name}-run")(Act)


_act("cancel", steering.cancel_run, "Let nothing more of a run happen.")
_act("again", steering.run_again, "Run a task once more after a run that is over.")
