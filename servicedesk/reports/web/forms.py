"""The form of a report, made for its kind and for whoever fills it in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import DateField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional
from wtforms.widgets import CheckboxInput, ListWidget

from servicedesk.accounts.labels import ROLE_LABELS
from servicedesk.clients.choices import clients_to_choose
from servicedesk.core.text import msgid
from servicedesk.reports.models import FORMAT_LABELS, RHYTHM_LABELS
from servicedesk.reports.periods import PERIOD_LABELS, Period
from servicedesk.reports.scheduling import Plan
from servicedesk.reports.wishes import MOST_COLUMNS, Wish
from servicedesk.shell.language import options, translate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.accounts.models import User
    from servicedesk.core.actors import Actor
    from servicedesk.reports.kinds.kind import ReportKind
    from servicedesk.reports.models import ReportSchedule

FILTER = "filter_"
WEEKDAYS = (
    msgid("Monday"),
    msgid("Tuesday"),
    msgid("Wednesday"),
    msgid("Thursday"),
    msgid("Friday"),
    msgid("Saturday"),
    msgid("Sunday"),
)
HOURS = 24
LONGEST_MONTH = 31
LONGEST_ID = 18


class ReportForm(FlaskForm):
    """What every kind asks; a field for each filter of the kind stands beside."""

    title = StringField(_("Title"), description=_("Empty: it is named for what it is about."))
    client = SelectField(_("Client"), validate_choice=False)
    period = SelectField(_("Period"), validate_choice=False)
    first_on = DateField(_("First day"), [Optional()])
    last_on = DateField(_("Last day"), [Optional()])
    columns = SelectMultipleField(
        _("Columns"),
        validate_choice=False,
        widget=ListWidget(),
        option_widget=CheckboxInput(),
    )
    format = SelectField(_("Format"), validate_choice=False)

    def offer(self, actor: Actor, kind: ReportKind) -> None:
        """Fill the lists to choose from, and take out what the kind does not ask."""
        self.kind = kind
        columns = kind.columns_for(actor)
        self.columns.choices = [
            SelectChoice(column.code, translate(column.label)) for column in columns
        ]
        self.usual = [column.code for column in columns if column.in_default]
        self.every = [column.code for column in columns][:MOST_COLUMNS]
        self.format.choices = [SelectChoice(*one) for one in options(FORMAT_LABELS)]
        self.period.choices = [SelectChoice(*one) for one in options(PERIOD_LABELS)]
        if kind.period is None:
            del self.period, self.first_on, self.last_on
        else:
            self.period.description = translate(kind.period)
        clients = [] if actor.is_contact else clients_to_choose(actor)
        if not clients:
            del self.client
        else:
            self.client.choices = [
                SelectChoice("", gettext("All clients")),
                *(SelectChoice(reference, name) for reference, name in clients),
            ]
        self.filters = [self[FILTER + one.code] for one in kind.filters_for(actor)]

    def preset(self, act: str) -> None:
        """Check the boxes of the usual columns, or of all."""
        self.columns.data = self.usual if act == "usual" else self.every

    def wish(self) -> Wish:
        """Return what was filled in."""
        return Wish(
            kind=self.kind.code,
            columns=self.columns.data or [],
            filters={one.name.removeprefix(FILTER): one.data or "" for one in self.filters},
            period=_data(self, "period"),
            first_on=_data(self, "first_on") or None,
            last_on=_data(self, "last_on") or None,
            format=self.format.data or "",
            client=_data(self, "client"),
            title=self.title.data or "",
        )


def report_form(actor: Actor, kind: ReportKind, told: Wish | None = None) -> ReportForm:
    """Return the form of a kind, with a wish filled in, or what is usual."""
    fields: dict[str, Any] = {}
    for one in kind.filters_for(actor):
        if one.labels is None:
            made = StringField(translate(one.label))
        else:
            made = SelectField(
                translate(one.label),
                choices=[
                    SelectChoice("", gettext("All")),
                    *(SelectChoice(*pair) for pair in options(one.labels)),
                ],
                validate_choice=False,
            )
        fields[FILTER + one.code] = made
    form = type("KindForm", (ReportForm,), fields)(data=_filled(actor, kind, told))
    form.offer(actor, kind)
    made_form: ReportForm = form
    return made_form


def _filled(actor: Actor, kind: ReportKind, told: Wish | None) -> dict[str, Any]:
    if told is None:
        usual = [column.code for column in kind.columns_for(actor) if column.in_default]
        return {"columns": usual, "period": Period.LAST_MONTH.value, "format": "xlsx"}
    filters = {FILTER + code: value for code, value in told.filters.items()}
    return {
        "title": told.title,
        "client": told.client,
        "period": told.period,
        "first_on": told.first_on,
        "last_on": told.last_on,
        "columns": list(told.columns),
        "format": told.format,
        **filters,
    }


def _data(form: ReportForm, name: str) -> Any:
    return form[name].data or "" if name in form else ""


class KeepForm(FlaskForm):
    """Under which name a report is kept."""

    title = StringField(_("Keep it as"))


class ScheduleForm(FlaskForm):
    """When a report comes, and to whom."""

    rhythm = SelectField(_("How often"), validate_choice=False)
    weekday = SelectField(
        _("Day of the week"),
        validate_choice=False,
        description=_("Only for what comes every week."),
    )
    month_day = SelectField(
        _("Day of the month"),
        validate_choice=False,
        description=_("Only for what comes every month; a shorter month has it on its last day."),
    )
    hour = SelectField(
        _("Hour of the day"), validate_choice=False, description=_("In your time zone.")
    )
    recipients = SelectMultipleField(
        _("To whom"),
        validate_choice=False,
        widget=ListWidget(),
        option_widget=CheckboxInput(),
        description=_("People who may see all of it; that is looked at again each time."),
    )

    def offer(self, people: Sequence[User]) -> None:
        """Fill the lists to choose from."""
        self.rhythm.choices = [SelectChoice(*one) for one in options(RHYTHM_LABELS)]
        self.weekday.choices = [
            SelectChoice(str(number), translate(name)) for number, name in enumerate(WEEKDAYS)
        ]
        self.month_day.choices = [
            SelectChoice("0", gettext("The first from Monday to Friday")),
            *(SelectChoice(str(day), str(day)) for day in range(1, LONGEST_MONTH + 1)),
        ]
        self.hour.choices = [SelectChoice(str(hour), f"{hour}:00") for hour in range(HOURS)]
        self.recipients.choices = [
            SelectChoice(str(person.id), f"{person.name} · {translate(ROLE_LABELS[person.role])}")
            for person in people
        ]

    @classmethod
    def of(cls, schedule: ReportSchedule | None, author_id: int | None) -> ScheduleForm:
        """Return the form with what was set, or every Monday at eight to oneself."""
        if schedule is None:
            return cls(
                rhythm="weekly", weekday="0", month_day="0", hour="8", recipients=[str(author_id)]
            )
        return cls(
            rhythm=schedule.rhythm.value,
            weekday=str(schedule.weekday or 0),
            month_day=str(1 if schedule.month_day is None else schedule.month_day),
            hour=str(schedule.hour),
            recipients=[str(person) for person in schedule.recipient_ids],
        )

    def plan(self) -> Plan:
        """Return what was filled in; what is no number is none of the list."""
        return Plan(
            rhythm=self.rhythm.data or "",
            hour=_number(self.hour.data),
            weekday=_number(self.weekday.data),
            month_day=_number(self.month_day.data),
            recipients=[_number(typed) for typed in self.recipients.data or []],
        )


def _number(typed: str | None) -> int:
    text = typed or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_ID else -1
