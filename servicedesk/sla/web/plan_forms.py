"""The form of a plan's version: a grid of targets, and rows of thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    FieldList,
    Form,
    FormField,
    HiddenField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional
from wtforms.widgets import CheckboxInput

from servicedesk.core import clock
from servicedesk.shell.language import translate
from servicedesk.sla.cycles import Metric
from servicedesk.sla.notation import NotationError, read_target, written_target
from servicedesk.sla.plan import (
    KINDS,
    PRIORITIES,
    QUEUES,
    PlanDefinition,
    PlanError,
    Recipient,
    Threshold,
)
from servicedesk.sla.plan_editing import PlanDraft, home_day

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from servicedesk.sla.cycles import Target

NEEDED = _("This is needed.")
MOST_ROWS = 12
SPARE_ROWS = 1


def _several(label: Any, values: Sequence[str]) -> SelectMultipleField:
    return SelectMultipleField(
        label, choices=[SelectChoice(value) for value in values], option_widget=CheckboxInput()
    )


class ThresholdRow(Form):
    """What happens when so much of a target is used."""

    percent = IntegerField(_("Per cent of the target"), [Optional()])
    metrics = _several(_("Of"), [*Metric])
    priorities = _several(_("With priority"), PRIORITIES)
    reaches = _several(_("Tells"), [*Recipient])
    raises = BooleanField(_("Raises the escalation"))
    queue = SelectField(_("Moves to queue"), choices=[SelectChoice(one) for one in ("", *QUEUES)])

    @property
    def is_empty(self) -> bool:
        """Whether nobody filled anything in; what it speaks of is ticked beforehand."""
        typed = any(raw.strip() for raw in self.percent.raw_data or ())
        told = (self.percent, self.reaches, self.raises, self.queue)
        return not typed and not any(field.data for field in told)

    def threshold(self) -> Threshold | None:
        """Return what was filled in, or put what is wrong beside its field."""
        if self.percent.data is None:
            self.percent.errors = [gettext("Write a whole number.")]
        for field in (self.metrics, self.priorities):
            if not field.data:
                field.errors = [gettext("Choose at least one.")]
        if self.errors:
            return None
        return Threshold(
            percent=self.percent.data,
            reaches=frozenset(Recipient(name) for name in self.reaches.data or []),
            metrics=frozenset(Metric(name) for name in self.metrics.data),
            priorities=frozenset(self.priorities.data),
            raises=bool(self.raises.data),
            queue=self.queue.data or "",
        )

    @staticmethod
    def values_of(threshold: Threshold | None) -> dict[str, Any]:
        """Return what a threshold says as the fields take it; None for an empty row."""
        if threshold is None:
            return {"metrics": [*Metric], "priorities": [*PRIORITIES]}
        return threshold.to_json()


class PlanForm(FlaskForm):
    """What a version says; the grid's fields are added by `GridForm`."""

    after = HiddenField()
    name = StringField(_("Name"))
    effective_on = DateField(_("Holds from"), [InputRequired(NEEDED)])
    thresholds = FieldList(FormField(ThresholdRow), max_entries=MOST_ROWS)
    notice_calendar = SelectField(
        _("People are told in the hours of"),
        description=_("Outside of them a notice waits until they begin."),
    )
    round_the_clock = _several(_("Told at any hour"), PRIORITIES)

    def offer(self, calendars: Sequence[tuple[str, str]]) -> None:
        """Offer these calendars to tell people in."""
        self.notice_calendar.choices = [
            SelectChoice("", gettext("No calendar: at any hour")),
            *(SelectChoice(code, name) for code, name in calendars),
        ]

    def cell(self, kind: str, priority: str, metric: str) -> Any:
        """Return the field of a target."""
        return self[_cell(kind, priority, metric)]

    def draft(self) -> PlanDraft | None:
        """Return what was filled in, or put what is wrong beside its field."""
        is_valid = bool(self.validate())
        targets = self._targets()
        rows = [row for row in self.thresholds if not row.form.is_empty]
        thresholds = [row.form.threshold() for row in rows]
        if not is_valid or targets is None or None in thresholds:
            self._mark_rows()
            return None
        try:
            definition = PlanDefinition(
                targets=targets,
                thresholds=tuple(one for one in thresholds if one),
                notice_calendar=self.notice_calendar.data or "",
                round_the_clock=frozenset(self.round_the_clock.data or []),
            )
        except PlanError as fault:
            self._put(fault, rows)
            return None
        return PlanDraft(
            name=self.name.data or "", effective_on=self.effective_on.data, definition=definition
        )

    def _targets(self) -> dict[tuple[str, str], dict[Metric, Target]] | None:
        targets: dict[tuple[str, str], dict[Metric, Target]] = {}
        is_valid = True
        for (kind, priority, metric), name in CELLS.items():
            try:
                target = read_target(self[name].data or "")
                if target is not None:
                    PlanDefinition(targets={(kind, priority): {metric: target}})
                    targets.setdefault((kind, priority), {})[metric] = target
            except (NotationError, PlanError) as fault:
                says = fault.sentence if isinstance(fault, PlanError) else fault.text
                self[name].errors = [translate(says)]
                is_valid = False
        return targets if is_valid else None

    def _put(self, fault: PlanError, rows: Sequence[Any]) -> None:
        """Put what a plan refuses where it belongs."""
        words = translate(fault.sentence)
        place, _, which = fault.where.partition(".")
        if place == "thresholds" and which.isdigit():
            rows[int(which)].form.percent.errors = [words]
            self._mark_rows()
        else:
            self.form_errors.append(words)

    def _mark_rows(self) -> None:
        """Have the list know what stands beside the fields of its rows."""
        self.thresholds.errors = [row.form.errors for row in self.thresholds if row.form.errors]

    def add_row(self) -> None:
        """Offer one more threshold."""
        if len(self.thresholds) < MOST_ROWS:
            self.thresholds.append_entry(ThresholdRow.values_of(None))

    @classmethod
    def holding(
        cls,
        definition: PlanDefinition,
        *,
        name: str = "",
        effective_on: date | None = None,
        after: int = 0,
    ) -> PlanForm:
        """Return the form with what a plan says; a submitted one keeps what was typed."""
        cells = {
            cell: written_target(definition.targets_of(kind, priority).get(metric))
            for (kind, priority, metric), cell in CELLS.items()
        }
        rows = [ThresholdRow.values_of(one) for one in definition.thresholds]
        return GridForm(
            after=str(after),
            name=name,
            effective_on=effective_on or home_day(clock.now()),
            thresholds=[*rows, *[ThresholdRow.values_of(None)] * SPARE_ROWS][:MOST_ROWS],
            notice_calendar=definition.notice_calendar,
            round_the_clock=sorted(definition.round_the_clock),
            **cells,
        )


def _cell(kind: str, priority: str, metric: str) -> str:
    return f"{kind}_{priority}_{metric}"


CELLS = {
    (kind, priority, metric): _cell(kind, priority, metric)
    for kind in KINDS
    for priority in PRIORITIES
    for metric in Metric
}
GridForm: type[PlanForm] = type(
    "GridForm", (PlanForm,), {name: StringField() for name in CELLS.values()}
)
