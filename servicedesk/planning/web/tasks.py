"""The list of planned tasks, and one of them: what it is, when it comes, and what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request
from flask_babel import gettext as _

from servicedesk.clients.choices import clients_to_choose
from servicedesk.core import database
from servicedesk.core.errors import DomainError, Forbidden, NotFound
from servicedesk.devices.catalogue import action_named
from servicedesk.devices.parameters import shown
from servicedesk.planning import dry_run as trying
from servicedesk.planning import queries, steering
from servicedesk.planning import tasks as operations
from servicedesk.planning.checks import check_named
from servicedesk.planning.models import (
    CATEGORY_LABELS,
    TASK_STATE_LABELS,
    Category,
    TaskState,
    WorkKind,
)
from servicedesk.planning.next_steps import task_steps
from servicedesk.planning.outlook import coming, outlook
from servicedesk.shell.language import translate
from servicedesk.shell.navigation import to
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flask.typing import ResponseReturnValue

    from servicedesk.core.actors import Actor
    from servicedesk.devices.catalogue.action import ManagedAction
    from servicedesk.devices.parameters import Parameter
    from servicedesk.planning.checks.check import Check
    from servicedesk.planning.models import PlannedTask

SHIPPED = {"yes": True, "no": False}


def tasks() -> ResponseReturnValue:
    """List planned tasks, the newest first."""
    actor, given = current_actor(), request.args
    state, category = given.get("state", ""), given.get("category", "")
    wanted = queries.TaskFilter(
        state=TaskState(state) if state in set(TaskState) else None,
        category=Category(category) if category in set(Category) else None,
        client=given.get("client", "")[:40].replace("\x00", ""),
        shipped=SHIPPED.get(given.get("shipped", "")),
    )
    page = queries.tasks(actor, wanted, given.get("cursor"))
    return render_template(
        "planned/tasks/index.html",
        page=page,
        wanted=wanted,
        work_of=work_of,
        last_runs=queries.last_runs(page.items),
        states=TASK_STATE_LABELS,
        categories=CATEGORY_LABELS,
        clients=[] if actor.is_contact else clients_to_choose(actor),
    )


def work_of(task: PlannedTask) -> ManagedAction | Check | None:
    """Return the action or check of a task; None for steps, and for what the desk no longer has."""
    try:
        if task.work_kind is WorkKind.ACTION:
            return action_named(task.code)
        return check_named(task.code) if task.work_kind is WorkKind.CHECK else None
    except DomainError:
        return None


def task(reference: str) -> ResponseReturnValue:
    """Show a task with its next times and its runs."""
    actor = current_actor()
    found = queries.task_of(actor, reference)
    work = work_of(found)
    return render_template(
        "planned/tasks/show.html",
        task=found,
        work=work,
        parameters=parameters_shown(work, found),
        whom=queries.whom_of(found),
        steps=task_steps(actor, found),
        times=outlook(found),
        prepared=queries.prepared_runs(actor, found),
        runs=queries.runs_of(actor, found, request.args.get("cursor")),
        may_see_inside=may_see_inside(actor, found),
    )


def may_see_inside(actor: Actor, found: PlannedTask) -> bool:
    """Whether somebody reads how a task's runs went: of the whole service contacts see that they were."""
    return not (actor.is_contact and found.client_id is None)


def parameters_shown(
    work: ManagedAction | Check | None, found: PlannedTask
) -> Sequence[tuple[Parameter, str]]:
    """Return the parameters that were filled in, secrets as dots."""
    values = shown(work.parameters, found.parameters) if work else {}
    return [
        (one, values[one.name]) for one in (work.parameters if work else ()) if values.get(one.name)
    ]


def dry_run(reference: str) -> ResponseReturnValue:
    """Show what a run would do now."""
    actor = current_actor()
    found = queries.task_of(actor, reference)
    tried = trying.dry_run(actor, reference)
    return render_template(
        "planned/tasks/dry_run.html",
        task=found,
        work=work_of(found),
        tried=tried,
        times=coming(tried.next_dues, found.client_id, found.window_minutes),
    )


def approve(reference: str) -> ResponseReturnValue:
    """Let a task run by itself, as the page showed it."""

    def act(actor: Actor, name: str) -> PlannedTask:
        return operations.approve_task(actor, name, request.form.get("seen", "")[:64])

    return _done(reference, act, _("Approved: it runs by itself from now on."))


def switch_on(reference: str) -> ResponseReturnValue:
    """Have a task fall due again."""
    return _done(reference, operations.switch_on, _("Switched on."))


def switch_off(reference: str) -> ResponseReturnValue:
    """Let nothing more of a task fall due."""
    return _done(reference, operations.switch_off, _("Switched off."))


def end(reference: str) -> ResponseReturnValue:
    """End a task for good."""
    return _done(reference, operations.end_task, _("Ended: it does not run any more."))


def run_now(reference: str) -> ResponseReturnValue:
    """Run a task once, beside its schedule."""
    try:
        run = steering.run_now(current_actor(), reference)
    except (Forbidden, NotFound):
        raise
    except DomainError as refused:
        return refused_at(to("planned.task", reference=reference), refused)
    return redirect(to("planned.run", reference=reference, run_id=run.id))


def _done(
    reference: str, act: Callable[[Actor, str], PlannedTask], says: str
) -> ResponseReturnValue:
    """Do it and go back to the task, which also says why it was refused."""
    address = to("planned.task", reference=reference)
    try:
        act(current_actor(), reference)
    except NotFound:
        raise
    except Forbidden as refused:
        if type(refused) is Forbidden:
            raise
        return refused_at(address, refused)
    except DomainError as refused:
        return refused_at(address, refused)
    flash(says)
    return redirect(address)


def refused_at(address: str, refused: DomainError) -> ResponseReturnValue:
    """Go to a page that says why nothing was done."""
    database.session().rollback()
    flash(translate(refused.text), "error")
    return redirect(address)
