"""The form of a planned task; it ends in a draft for an operation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    HiddenField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import NumberInput

from servicedesk.clients.choices import clients_to_choose
from servicedesk.core.permissions import Permission, may
from servicedesk.devices.catalogue import ACTIONS
from servicedesk.devices.parameters import Kind
from servicedesk.devices.web.parameter_forms import parameter_fields, values_of
from servicedesk.planning.checks import every_check
from servicedesk.planning.drafting import (
    DESCRIPTION_LENGTH,
    MOST_NOTICE,
    MOST_STEPS,
    STEP_LENGTH,
    TITLE_LENGTH,
    TaskDraft,
)
from servicedesk.planning.models import (
    CATEGORY_LABELS,
    MISFIRE_LABELS,
    OVERLAP_LABELS,
    WORK_LABELS,
    Category,
    MisfirePolicy,
    OverlapPolicy,
    WorkKind,
)
from servicedesk.planning.queries import people_to_own
from servicedesk.planning.web.schedule_form import ScheduleForm, choices, schedule_values
from servicedesk.tickets.models import QUEUE_LABELS, Queue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.devices.catalogue.action import ManagedAction
    from servicedesk.devices.parameters import Parameter
    from servicedesk.devices.web.parameter_forms import Offers
    from servicedesk.planning.checks.check import Check
    from servicedesk.planning.models import PlannedTask

TOO_LONG = _("This is too long.")
STEPS_LENGTH = MOST_STEPS * (STEP_LENGTH + 2)


class TaskForm(ScheduleForm):
    """What a planned task is; which fields count depends on what it does and when."""

    title = StringField(
        _("Title"),
        [InputRequired(_("This is needed.")), Length(max=TITLE_LENGTH, message=TOO_LONG)],
    )
    description = TextAreaField(
        _("Description"), [Length(max=DESCRIPTION_LENGTH, message=TOO_LONG)]
    )
    client = SelectField(_("For which client?"), default="")
    category = SelectField(_("Category"), default=Category.PREVENTIVE_MAINTENANCE.value)
    work_kind = SelectField(_("What does it do?"), default=WorkKind.ACTION.value)
    code = SelectField(_("Which?"), default="")
    steps = TextAreaField(
        _("Steps"),
        [Length(max=STEPS_LENGTH, message=TOO_LONG)],
        description=_("One step a line. Each run opens a ticket with these steps to tick off."),
    )
    queue = SelectField(
        _("Queue"),
        default=Queue.OPERATIONS.value,
        description=_("Whose work its tickets are."),
    )
    misfire = SelectField(_("If no clock ran at its time"), default=MisfirePolicy.RUN_ONCE.value)
    overlap = SelectField(_("If the run before is not over"), default=OverlapPolicy.SKIP.value)
    owner_id = SelectField(_("Who answers for it?"), coerce=int, default=0)
    notice_days = IntegerField(
        _("Working days of notice to the client"),
        [Optional()],
        default=0,
        description=_("0: nobody is told beforehand."),
        widget=NumberInput(min=0, max=MOST_NOTICE),
    )
    shown_to_client = BooleanField(
        _("The client's contacts see it"), default=True, false_values=("", "no")
    )
    incident = StringField(
        _("Incident that it resolves"),
        [Length(max=40, message=TOO_LONG)],
        description=_("Its reference. When a run goes well, the incident is resolved."),
    )
    groups = HiddenField()  # where what is wrong with the groups and devices is said
    devices = HiddenField()

    def offer(self, actor: Actor) -> None:
        """Fill the lists to choose from."""
        everybody = gettext("The whole service") if may(actor, Permission.PLANNING_SERVICE) else "—"
        self.client.choices = [
            SelectChoice("", everybody),
            *(SelectChoice(one.reference, one.name) for one in clients_to_choose(actor)),
        ]
        self.category.choices = choices(CATEGORY_LABELS)
        self.work_kind.choices = choices(WORK_LABELS)
        self.queue.choices = choices(QUEUE_LABELS)
        self.misfire.choices = choices(MISFIRE_LABELS)
        self.overlap.choices = choices(OVERLAP_LABELS)
        self.owner_id.choices = [
            SelectChoice(0, gettext("Whoever plans it")),
            *(SelectChoice(person.id, person.name) for person in people_to_own()),
        ]
        if self.work is WorkKind.CHECKLIST:
            self.code.data = ""  # what is not shown is not judged
        known = self._codes(actor)
        self.code.choices = [SelectChoice("", "—"), *(SelectChoice(*one) for one in known)]

    def _codes(self, actor: Actor) -> list[tuple[str, str]]:
        if self.work is WorkKind.ACTION:
            found = [(action.code, gettext(action.label)) for action in ACTIONS]
        else:
            found = [
                (check.code, gettext(check.label))
                for check in every_check()
                if (check.for_client if self.client.data else check.for_service)
                and (not check.is_housekeeping or may(actor, Permission.PLANNING_SERVICE))
            ]
        return sorted(found, key=lambda one: one[1])

    @property
    def work(self) -> WorkKind:
        """Return the chosen kind of work."""
        known = {kind.value for kind in WorkKind}
        return WorkKind(self.work_kind.data) if self.work_kind.data in known else WorkKind.ACTION

    @property
    def chosen(self) -> ManagedAction | Check | None:
        """Return the action or check that was chosen."""
        known: Sequence[ManagedAction | Check] = every_check()
        if self.work is WorkKind.ACTION:
            known = ACTIONS
        elif self.work is WorkKind.CHECKLIST:
            known = ()
        offered = {choice.value for choice in self.code.choices}
        return next(
            (one for one in known if one.code == self.code.data and one.code in offered), None
        )

    def to_draft(
        self, parameters: dict[str, str], groups: Sequence[str], devices: Sequence[str]
    ) -> TaskDraft:
        """Return what was filled in, once it is checked. Raises InvalidInput."""
        return TaskDraft(
            title=self.title.data or "",
            description=self.description.data or "",
            category=Category(self.category.data),
            client=self.client.data or "",
            work_kind=self.work,
            code=self.code.data or "",
            parameters=parameters,
            groups=groups,
            devices=devices,
            steps=(self.steps.data or "").splitlines(),
            queue=Queue(self.queue.data),
            schedule=self.to_schedule(),
            after=self.after.data or "",
            window_minutes=self.window_minutes.data,
            misfire=MisfirePolicy(self.misfire.data),
            overlap=OverlapPolicy(self.overlap.data),
            owner_id=self.owner_id.data or None,
            notice_days=self.notice_days.data or 0,
            shown_to_client=bool(self.shown_to_client.data),
            incident=(self.incident.data or "").replace("\x00", ""),
        )


def values_of_task(task: PlannedTask) -> dict[str, object]:
    """Return a task as the form shows it."""
    return {
        "title": task.title,
        "description": task.description,
        "client": task.client.reference if task.client else "",
        "category": task.category.value,
        "work_kind": task.work_kind.value,
        "code": task.code,
        "steps": "\n".join(task.steps),
        "queue": task.queue.value,
        "misfire": task.misfire.value,
        "overlap": task.overlap.value,
        "owner_id": task.owner_id or 0,
        "notice_days": task.notice_days,
        "shown_to_client": task.shown_to_client,
        "incident": task.incident.reference if task.incident else "",
        "window_minutes": task.window_minutes,
        "version": str(task.version),
        **schedule_values(task.when, task.after.reference if task.after else ""),
    }


class ParametersForm(FlaskForm):
    """The parameters of the chosen action or check, under names of their own."""

    class Meta(FlaskForm.Meta):
        csrf = False  # the form around it has one


def parameters_form(
    chosen: ManagedAction | Check | None, offers: Offers, kept: dict[str, Any] | None
) -> ParametersForm:
    """Return the fields of what was chosen; a secret that is `kept` need not be typed again."""
    parameters = [_as_asked(one, kept or {}) for one in chosen.parameters] if chosen else []
    made = type("ParametersForm", (ParametersForm,), parameter_fields(parameters, offers))
    shown = {
        one.name: (kept or {}).get(one.name)
        for one in parameters
        if one.kind is not Kind.SECRET and (kept or {}).get(one.name) is not None
    }
    form: ParametersForm = made(prefix="with-", data=shown)
    return form


def _as_asked(one: Parameter, kept: dict[str, Any]) -> Parameter:
    if one.kind is not Kind.SECRET or not kept.get(one.name):
        return one
    return replace(one, required=False, help=gettext("Leave it empty to keep what is there."))


def parameter_values(chosen: ManagedAction | Check | None, form: ParametersForm) -> dict[str, str]:
    """Return what was filled in, as the parameters' check takes it."""
    return values_of(chosen.parameters, form) if chosen else {}
