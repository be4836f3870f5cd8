"""Planned tasks in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint

from servicedesk.clients.web.api import person_of_token
from servicedesk.core.paging import Page
from servicedesk.core.permissions import Permission, require
from servicedesk.devices.parameters import shown
from servicedesk.planning import dry_run as trying
from servicedesk.planning import queries, tasks
from servicedesk.planning.outlook import outlook
from servicedesk.planning.web.api_schemas import (
    AdjustedSchema,
    ChangedTaskSchema,
    DryRunSchema,
    NewTaskSchema,
    SeenSchema,
    TaskPage,
    TaskQuery,
    TaskSchema,
    draft_of,
    plain,
    schedule_of,
)
from servicedesk.planning.web.tasks import work_of
from servicedesk.planning.web.words import schedule_words
from servicedesk.shell.api import guard
from servicedesk.shell.language import translate
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicedesk.core.actors import Actor
    from servicedesk.planning.dry_run import DryRun
    from servicedesk.planning.models import PlannedRun, PlannedTask

blueprint = Blueprint("api-planned-tasks", __name__, url_prefix="/api/v1/planned-tasks")
guard(blueprint, person_of_token)


def line_of(task: PlannedTask, last: PlannedRun | None) -> dict[str, Any]:
    """Return a task as a list tells of it."""
    return {
        "reference": task.reference,
        "title": task.title,
        "client": task.client.reference if task.client else None,
        "category": task.category,
        "work": task.work_kind,
        "code": task.code,
        "state": task.state,
        "schedule": task.schedule,
        "schedule_words": schedule_words(task.when, task.after.reference if task.after else ""),
        "next_due_at": task.next_due_at,
        "last_run": {"id": last.id, "state": last.state.value} if last else None,
        "owner": task.owner_name,
        "shipped": task.key is not None,
        "version": task.version,
    }


def told(reference: str) -> dict[str, Any]:
    """Return a task as the API tells of it."""
    task = queries.task_of(current_actor(), reference)
    work, whom = work_of(task), queries.whom_of(task, len(task.device_ids))
    return line_of(task, queries.last_runs([task]).get(task.id)) | {
        "description": task.description,
        "parameters": shown(work.parameters, task.parameters) if work else {},
        "groups": whom.groups,
        "devices": whom.devices,
        "steps": task.steps,
        "queue": task.queue,
        "after": task.after.reference if task.after else None,
        "window_minutes": task.window_minutes,
        "misfire": task.misfire,
        "overlap": task.overlap,
        "notice_days": task.notice_days,
        "shown_to_client": task.shown_to_client,
        "incident": task.incident.reference if task.incident else None,
        "needs_approval": task.needs_approval,
        "content_hash": task.content_hash,
        "author": task.author_name,
        "approved_by": task.approved_by_name,
        "approved_at": task.approved_at,
        "next_dues": [one.due_at for one in outlook(task)],
    }


def tried_told(tried: DryRun) -> dict[str, Any]:
    """Return a dry run as the API tells of it."""
    reach = tried.reach
    return {
        "next_dues": tried.next_dues,
        "says": [translate(line) for line in tried.says],
        "groups": tried.groups,
        "devices": reach.devices if reach else None,
        "able": reach.able if reach else None,
        "refusals": [
            {"reason": translate(reason), "devices": count}
            for reason, count in (reach.refusals if reach else ())
        ],
        "sample": tried.sample,
        "steps": tried.steps,
        "needs_second_person": tried.needs_second_person,
        "hindrance": translate(tried.hindrance) if tried.hindrance else None,
    }


@blueprint.route("")
class Tasks(MethodView):
    """The planned tasks the token's owner sees."""

    @blueprint.arguments(TaskQuery, location="query")
    @blueprint.response(200, TaskPage)
    def get(self, query: dict[str, Any]) -> Page[dict[str, Any]]:
        """List planned tasks, the newest first."""
        wanted = queries.TaskFilter(
            state=query["state"],
            category=query["category"],
            client=plain(query["client"]),
            shipped=query["shipped"],
        )
        found = queries.tasks(current_actor(), wanted, query["cursor"], query["limit"])
        last = queries.last_runs(found.items)
        return Page([line_of(task, last.get(task.id)) for task in found.items], found.next)

    @blueprint.arguments(NewTaskSchema)
    @blueprint.response(201, TaskSchema)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Plan a task; what interrupts or destroys waits for a second person first."""
        return told(tasks.plan_task(current_actor(), draft_of(body)).reference)


@blueprint.route("/dry-run")
class TryDraft(MethodView):
    """A task that is not saved."""

    @blueprint.arguments(NewTaskSchema)
    @blueprint.response(200, DryRunSchema)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Tell what a run of such a task would do now; nothing is saved."""
        return tried_told(trying.dry_run_of_draft(current_actor(), draft_of(body)))


@blueprint.route("/<reference>")
class OneTask(MethodView):
    """A planned task."""

    @blueprint.response(200, TaskSchema)
    def get(self, reference: str) -> dict[str, Any]:
        """Show a task with its next times."""
        return told(plain(reference))

    @blueprint.arguments(ChangedTaskSchema)
    @blueprint.response(200, TaskSchema)
    def put(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Change a task; what it does, for whom or when has to be approved anew.

        409 if its `version` is another by now.
        """
        actor, name = current_actor(), plain(reference)
        queries.task_of(actor, name)
        tasks.change_task(actor, name, draft_of(body), body["version"])
        return told(name)


@blueprint.route("/<reference>/schedule")
class TaskSchedule(MethodView):
    """When a task runs that ships with the desk."""

    @blueprint.arguments(AdjustedSchema)
    @blueprint.response(200, TaskSchema)
    def put(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Change when it runs; what it does stays as it was shipped."""
        actor, name = current_actor(), plain(reference)
        queries.task_of(actor, name)
        require(actor, Permission.PLANNING_SERVICE)
        tasks.adjust_schedule(
            actor,
            name,
            schedule_of(body["schedule"]),
            window_minutes=body["window_minutes"],
            version=body["version"],
        )
        return told(name)


@blueprint.route("/<reference>/dry-run")
class TryTask(MethodView):
    """A dry run."""

    @blueprint.response(200, DryRunSchema)
    def get(self, reference: str) -> dict[str, Any]:
        """Tell what a run would do now, for whom, and what would be refused."""
        return tried_told(trying.dry_run(current_actor(), plain(reference)))


@blueprint.route("/<reference>/approve")
class ApproveTask(MethodView):
    """The second person."""

    @blueprint.arguments(SeenSchema)
    @blueprint.response(200, TaskSchema)
    def post(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Let a task run by itself exactly as it was read; its author cannot."""
        tasks.approve_task(current_actor(), plain(reference), body["content_hash"])
        return told(plain(reference))


def _act(name: str, operation: Callable[[Actor, str], object], says: str) -> None:
    """Offer an operation on a task that takes nothing else."""

    class Act(MethodView):
        @blueprint.response(200, TaskSchema)
        def post(self, reference: str) -> dict[str, Any]:
            operation(current_actor(), plain(reference))
            return told(plain(reference))

        post.__doc__ = says

    blueprint.route(f"/<reference>/{name}", endpoint=name)(Act)


_act("switch-on", tasks.switch_on, "Have a task fall due again, from its next time on.")
_act("switch-off", tasks.switch_off, "Let nothing more of a task fall due.")
_act("end", tasks.end_task, "End a task for good; its runs stay to be read.")
