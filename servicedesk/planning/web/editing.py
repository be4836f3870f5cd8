"""Planning a task and changing one: a form that asks what its kind of work and schedule need."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from flask import flash, redirect, render_template, request
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from wtforms.fields.choices import SelectChoice

from servicedesk.clients.visibility import visible_to
from servicedesk.core import clock, database
from servicedesk.core.errors import Conflict, DomainError, Forbidden, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.devices.catalogue.action import ManagedAction
from servicedesk.devices.choices import offers_for
from servicedesk.orders.checking import BadParameters
from servicedesk.planning import queries, tasks
from servicedesk.planning.dry_run import DryRun, dry_run_of_draft
from servicedesk.planning.models import Category
from servicedesk.planning.outlook import NEXT, Coming, coming
from servicedesk.planning.schedule import ScheduleKind, dues
from servicedesk.planning.schedule_limits import check_schedule
from servicedesk.planning.web.forms import (
    ParametersForm,
    TaskForm,
    parameter_values,
    parameters_form,
    values_of_task,
)
from servicedesk.planning.web.schedule_form import ScheduleForm, is_missing, schedule_values
from servicedesk.planning.web.targets import MOST_DEVICES, Chosen, chosen_of, targets_shown, ticked
from servicedesk.planning.web.words import schedule_words
from servicedesk.shell.errors import put_beside_field
from servicedesk.shell.language import translate
from servicedesk.shell.navigation import to
from servicedesk.shell.session import current_actor
from servicedesk.shell.submission import form_status, refusals_beside_fields
from servicedesk.tickets.models import Ticket

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flask.typing import ResponseReturnValue

    from servicedesk.planning.drafting import TaskDraft
    from servicedesk.planning.models import PlannedTask

ZONES = ("Europe/Madrid", "Atlantic/Canary", "Europe/Lisbon", "Europe/London", "UTC")
WINDOWS = (30, 60, 120, 240, 480, 1440)
WORKAROUND_TITLE = 100
NINE = time(9)  # of tomorrow: what the form proposes


@dataclass(kw_only=True)
class Filled:
    """The form of a task as it stands, with what belongs to what was chosen in it."""

    task: PlannedTask | None
    form: TaskForm
    parameters: ParametersForm
    chosen: Chosen
    status: int = 200
    is_overtaken: bool = False  # somebody else saved it meanwhile

    @property
    def reference(self) -> str:
        """Return the reference of the task that is changed; empty for a new one."""
        return self.task.reference if self.task else ""

    def draft(self) -> TaskDraft:
        """Return what was filled in. Raises InvalidInput."""
        return self.form.to_draft(
            parameter_values(self.form.chosen, self.parameters),
            self.chosen.groups,
            [device.reference for device in self.chosen.devices],
        )


def create() -> ResponseReturnValue:
    """Plan a task."""
    require(current_actor(), Permission.PLANNING_EDIT)
    return _edited(_filled(None))


def edit(reference: str) -> ResponseReturnValue:
    """Change a task."""
    actor = current_actor()
    task = queries.task_of(actor, reference)
    require(actor, Permission.PLANNING_EDIT)
    if task.key is not None:
        return redirect(to("planned.adjust", reference=reference))
    return _edited(_filled(task))


def _filled(task: PlannedTask | None) -> Filled:
    actor = current_actor()
    form = TaskForm(data=values_of_task(task) if task else _presets())
    form.offer(actor)
    if request.method == "GET" and task is not None:
        whom = queries.whom_of(task, MOST_DEVICES)
        groups, references = whom.groups, whom.devices
    else:
        groups, references = ticked("group"), ticked("device")
    chosen = chosen_of(actor, form.client.data or "", groups, references)
    client_id = chosen.client.id if chosen.client else None
    form.after.choices = [
        SelectChoice("", "—"),
        *(
            SelectChoice(row.reference, f"{row.title} · {row.reference}")
            for row in queries.tasks_to_follow(actor, client_id, task.id if task else None)
        ),
    ]
    if form.kind is not ScheduleKind.AFTER:
        form.after.data = ""  # what is not shown is not judged
    wanted = form.chosen
    kinds = {one.offers for one in wanted.parameters if one.offers} if wanted else set()
    offers = offers_for(actor, client_id, kinds) if client_id else {}
    kept = task.parameters if task and task.code == form.code.data else None
    return Filled(
        task=task, form=form, parameters=parameters_form(wanted, offers, kept), chosen=chosen
    )


def _presets() -> dict[str, object]:
    """Return what an address fills in: an incident makes it a workaround of its client's."""
    morning = datetime.combine(clock.now().date() + timedelta(days=1), NINE)
    given: dict[str, object] = {"interval_starts_at": morning, "once_at": morning} | {
        name: request.args[name][:100]
        for name in ("client", "work_kind", "code", "category")
        if name in request.args
    }
    named = request.args.get("incident", "")[:40].replace("\x00", "")
    incident = named and database.session().scalar(
        select(Ticket)
        .where(Ticket.reference == named, visible_to(current_actor(), Ticket.client_id))
        .options(joinedload(Ticket.client))
    )
    if isinstance(incident, Ticket):
        given |= {
            "incident": incident.reference,
            "category": Category.WORKAROUND.value,
            "title": _("Workaround: %(subject)s", subject=incident.subject)[:WORKAROUND_TITLE],
        }
        if not incident.client.is_internal:
            given["client"] = incident.client.reference
    return given


def _edited(filled: Filled) -> ResponseReturnValue:
    """Answer a form: show it, try it, or save it; what was typed stays whatever comes."""
    if request.method == "GET" or "look" in request.form:
        return _page(filled)
    if not (filled.form.validate() & filled.parameters.validate()):
        filled.status = 422
        return _page(filled)
    tried: DryRun | None = None
    with _refusals(filled):
        if "try" not in request.form:
            return _saved(filled)
        tried = dry_run_of_draft(current_actor(), filled.draft(), filled.reference)
    return _page(filled, tried)


@contextmanager
def _refusals(filled: Filled) -> Iterator[None]:
    """Put what an operation refuses beside the field, also beside a parameter that is called alike."""
    form: Any = filled.form
    try:
        yield
    except (Forbidden, NotFound):
        raise
    except DomainError as refused:
        database.session().rollback()
        if isinstance(refused, BadParameters):
            form = filled.parameters
        put_beside_field(form, refused)
        filled.status = refused.status
        if isinstance(refused, Conflict) and filled.task is not None:
            # who saves again after this has been told
            filled.task = queries.task_of(current_actor(), filled.reference)
            filled.form.version.data = str(filled.task.version)
            filled.is_overtaken = True


def _saved(filled: Filled) -> ResponseReturnValue:
    actor = current_actor()
    if filled.task is None:
        task = tasks.plan_task(actor, filled.draft())
        flash(_("Planned: %(reference)s.", reference=task.reference))
    else:
        version = filled.form.shown_version
        task = tasks.change_task(actor, filled.reference, filled.draft(), version)
        flash(_("Saved."))
    return redirect(to("planned.task", reference=task.reference))


def _page(filled: Filled, tried: DryRun | None = None) -> ResponseReturnValue:
    actor, wanted = current_actor(), filled.form.chosen
    page = render_template(
        "planned/tasks/form.html",
        task=filled.task,
        form=filled.form,
        parameters=filled.parameters,
        chosen=filled.chosen,
        wanted=wanted,
        targets=targets_shown(actor, wanted, filled.chosen)
        if isinstance(wanted, ManagedAction) and not wanted.finds_its_targets
        else None,
        is_overtaken=filled.is_overtaken,
        tried=tried,
        tried_times=_times(tried, filled) if tried else [],
        zones=ZONES,
        windows=WINDOWS,
    )
    return page, filled.status


def _times(tried: DryRun, filled: Filled) -> Sequence[Coming]:
    client = filled.chosen.client
    window = filled.form.window_minutes.data
    return coming(tried.next_dues, client.id if client else None, window)


def adjust(reference: str) -> ResponseReturnValue:
    """Change when a task runs that ships with the desk."""
    actor = current_actor()
    task = queries.task_of(actor, reference)
    require(actor, Permission.PLANNING_SERVICE)
    if task.key is None:
        return redirect(to("planned.edit", reference=reference))
    values = {"window_minutes": task.window_minutes, "version": str(task.version)}
    form = ScheduleForm(data=values | schedule_values(task.when))
    form.schedule_kind.choices = [
        choice
        for choice in form.schedule_kind.choices
        if choice.value in {ScheduleKind.CRON, ScheduleKind.INTERVAL}
    ]
    if request.method == "POST" and "look" not in request.form and form.validate():
        with refusals_beside_fields(form):
            tasks.adjust_schedule(
                actor,
                reference,
                form.to_schedule(),
                window_minutes=form.window_minutes.data,
                version=form.shown_version,
            )
            flash(_("Saved."))
            return redirect(to("planned.task", reference=reference))
    page = render_template(
        "planned/tasks/adjust.html", task=task, form=form, zones=ZONES, windows=WINDOWS
    )
    return page, form_status(form)


def reading() -> ResponseReturnValue:
    """Say how a schedule reads and when it is due next, while somebody types it."""
    require(current_actor(), Permission.PLANNING_EDIT)
    form = ScheduleForm(formdata=request.args)
    found: dict[str, object] = {"words": "", "times": [], "fault": "", "is_unsaid": False}
    try:
        schedule, now = form.to_schedule(), clock.now()
        check_schedule(now, schedule)
        times = islice(dues(schedule, now), NEXT)
        found |= {"words": schedule_words(schedule, form.after.data or "…"), "times": list(times)}
    except DomainError as refused:
        found |= {"fault": translate(refused.text), "is_unsaid": is_missing(form)}
    return render_template("planned/tasks/reading.html", **found)
