"""What somebody may do with a task or a run as it is: which buttons make sense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicedesk.core.permissions import Permission, may
from servicedesk.planning.models import TaskState

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor
    from servicedesk.planning.models import PlannedRun, PlannedTask


@dataclass(frozen=True, kw_only=True)
class TaskSteps:
    """What may be done with a task now; the operations decide again."""

    change: bool
    adjust: bool  # of what ships with the desk: when it runs
    approve: bool
    switch_on: bool
    switch_off: bool
    end: bool
    run_now: bool


@dataclass(frozen=True, kw_only=True)
class RunSteps:
    """What may be done with a run now."""

    cancel: bool
    again: bool


def task_steps(actor: Actor, task: PlannedTask) -> TaskSteps:
    """Say which steps of a task make sense."""
    edits = _may_steer(actor, task) and (task.key is None or task.client_id is None)
    own = edits and task.key is None and task.state is not TaskState.ENDED
    return TaskSteps(
        change=own,
        adjust=edits and task.key is not None,
        approve=may(actor, Permission.ORDER_APPROVE)
        and task.state is TaskState.AWAITING_APPROVAL
        and task.author_id != actor.user_id,
        switch_on=edits and task.state is TaskState.PAUSED,
        switch_off=edits and task.state is TaskState.ACTIVE,
        end=own,
        run_now=_may_run(actor, task),
    )


def run_steps(actor: Actor, run: PlannedRun) -> RunSteps:
    """Say which steps of a run make sense."""
    return RunSteps(
        cancel=_may_steer(actor, run.task) and not run.state.is_over,
        again=_may_run(actor, run.task) and run.state.is_over,
    )


def _may_steer(actor: Actor, task: PlannedTask) -> bool:
    wanted = Permission.PLANNING_SERVICE if task.client_id is None else Permission.PLANNING_EDIT
    return may(actor, wanted)


def _may_run(actor: Actor, task: PlannedTask) -> bool:
    is_let = not task.needs_approval or task.approved_hash == task.content_hash
    return _may_steer(actor, task) and is_let and task.state is not TaskState.AWAITING_APPROVAL
