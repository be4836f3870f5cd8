"""Planned tasks: every time one was due, and how punctually it began."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, case, cast, func, literal, or_

from servicedesk.clients.visibility import of_customers
from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.orders.models import WorkOrder
from servicedesk.planning.checks import CHECKS
from servicedesk.planning.models import (
    CATEGORY_LABELS,
    RUN_STATE_LABELS,
    PlannedRun,
    PlannedTask,
)
from servicedesk.planning.punctual import CLASSES, FIGURE_LABELS, class_in_sql, is_planned
from servicedesk.planning.visibility import tasks_visible_to
from servicedesk.reports.columns import choice, instant, narrow, number, words
from servicedesk.reports.kinds.kind import CLIENT, Lines, ReportKind, client_column, join_client
from servicedesk.tickets.models import Ticket

if TYPE_CHECKING:
    from sqlalchemy import Select

    from servicedesk.reports.columns import Asked

# the title of what ships with the desk is a text of ours, told by the check it runs
SHIPPED = "check:"
TITLES = {SHIPPED + check.code: check.label for check in CHECKS}
TITLE = case(
    (PlannedTask.key.is_not(None), literal(SHIPPED) + PlannedTask.code), else_=PlannedTask.title
)
CLASS_LABELS = {figure.value: FIGURE_LABELS[figure] for figure in CLASSES}
# only what counts as a planned time is in a class; a later look may find more
CLASS = case((is_planned(func.now()), class_in_sql()))
LATE = cast(func.extract("epoch", PlannedRun.started_at - PlannedRun.due_at), BigInteger)


class PlannedRuns(ReportKind):
    """Every run of a period."""

    code = "planned"
    label = msgid("Planned tasks")
    description = msgid("Every time a planned task was due: when it began, how it ended.")
    permission = Permission.PLANNING_READ
    is_same_for_client = False
    period = msgid("When the run was due")
    lines = Lines(
        source=PlannedRun,
        client_id=PlannedRun.client_id,
        at=PlannedRun.due_at,
        order=(PlannedRun.due_at, PlannedRun.id),
    )
    joins = {  # noqa: RUF012
        CLIENT: join_client(PlannedRun.client_id),
        "order": lambda query: query.outerjoin(WorkOrder, WorkOrder.id == PlannedRun.order_id),
        "incident": lambda query: query.outerjoin(Ticket, Ticket.id == PlannedRun.incident_id),
    }
    columns = (
        client_column(),
        words("task", msgid("Task"), PlannedTask.reference),
        choice("title", msgid("Title"), TITLE, TITLES),
        choice("category", msgid("Category"), PlannedTask.category, CATEGORY_LABELS),
        instant("due", msgid("Due at"), PlannedRun.due_at),
        instant("started", msgid("Began at"), PlannedRun.started_at),
        instant("finished", msgid("Finished at"), PlannedRun.finished_at),
        choice("state", msgid("State"), PlannedRun.state, RUN_STATE_LABELS),
        choice("class", msgid("Punctuality"), CLASS, CLASS_LABELS),
        number("late", msgid("Seconds after its time"), LATE, in_default=False),
        number("problems", msgid("Findings to see to"), PlannedRun.problem_count),
        words("order", msgid("Order"), WorkOrder.reference, joins=("order",)),
        words(
            "incident",
            msgid("Incident that was opened"),
            Ticket.reference,
            joins=("incident",),
            in_default=False,
        ),
    )
    filters = (
        narrow("state", msgid("State"), PlannedRun.state, RUN_STATE_LABELS),
        narrow("category", msgid("Category"), PlannedTask.category, CATEGORY_LABELS),
        narrow("task", msgid("Reference of the task"), PlannedTask.reference),
    )

    def rows(self, asked: Asked) -> Select[Any]:
        """Return the runs of the tasks that exist for the actor."""
        query = super().rows(asked).join(PlannedTask, PlannedTask.id == PlannedRun.task_id)
        return query.where(tasks_visible_to(asked.actor))

    def narrowed(self, query: Select[Any], asked: Asked) -> Select[Any]:
        """Return the runs of the clients that are asked for; what is for the whole service too."""
        if asked.client_id is not None:
            return query.where(PlannedRun.client_id == asked.client_id)
        if asked.actor.is_contact:
            return query
        own = PlannedRun.client_id.is_(None)
        return query.where(or_(own, of_customers(PlannedRun.client_id)))
