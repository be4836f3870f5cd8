"""The form of a calendar's version. Its draft travels in the form; nothing is kept before it is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import (
    DateField,
    HiddenField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional

from servicedesk.core import clock
from servicedesk.shell.language import translate
from servicedesk.sla.calendar import WEEKDAYS, CalendarDefinition, CalendarError
from servicedesk.sla.calendar_editing import CalendarDraft
from servicedesk.sla.notation import (
    NotationError,
    overlapping_days,
    read_holidays,
    read_hours,
    written_holidays,
    written_hours,
)
from servicedesk.sla.public_holidays import country_codes, subdivisions_of
from servicedesk.sla.standard import HOME

if TYPE_CHECKING:
    from datetime import date

    from servicedesk.sla.calendar import Holiday, OpenInterval
    from servicedesk.sla.models import CalendarVersion

NEEDED = _("This is needed.")
MOST_FAULTS = 20
YEARS_AT_ONCE = 5


class CalendarForm(FlaskForm):
    """What a version says, and fields that help to say it."""

    after = HiddenField()
    name = StringField(_("Name"))
    time_zone = StringField(
        _("Time zone"),
        description=_("Type a part of its name, like Madrid. It stays for good."),
        render_kw={"list": "zones", "autocomplete": "off"},
    )
    effective_on = DateField(_("Holds from"), [InputRequired(NEEDED)])
    day_0 = StringField()
    day_1 = StringField()
    day_2 = StringField()
    day_3 = StringField()
    day_4 = StringField()
    day_5 = StringField()
    day_6 = StringField()
    holidays = TextAreaField(
        _("Holidays, one a line"),
        description=_(
            "2027-05-02; Local holiday. For a part of the day: 2027-12-24; Eve; 14:00-24:00"
        ),
    )
    country = SelectField(_("Country"), validate_choice=False, default="ES")
    subdivision = SelectField(_("Region"), validate_choice=False)
    first_year = IntegerField(_("From year"), [Optional()])
    last_year = IntegerField(_("To year"), [Optional()])
    own_date = DateField(_("Date"), [Optional()])
    own_name = StringField(_("Name of the holiday"))
    own_hours = StringField(_("Closed hours"), description=_("Empty: the whole day."))
    file = FileField(_("Calendar file (.ics)"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer countries and regions in the reader's language."""
        super().__init__(*args, **kwargs)
        territories = get_locale().territories
        named = sorted((territories.get(code, code), code) for code in country_codes())
        self.country.choices = [SelectChoice(code, name) for name, code in named]
        self.subdivision.choices = [
            SelectChoice("", gettext("The whole country")),
            *(SelectChoice(*region) for region in subdivisions_of(self.country.data or "")),
        ]
        this_year = clock.now().year
        if not self.is_submitted():
            self.first_year.data, self.last_year.data = this_year, this_year + YEARS_AT_ONCE

    @property
    def days(self) -> list[Any]:
        """Return the fields of the weekdays, Monday first."""
        return [self[f"day_{number}"] for number in range(WEEKDAYS)]

    def draft(self) -> CalendarDraft | None:
        """Return what was filled in, or put what is wrong beside its field."""
        is_valid = bool(self.validate())
        weekly = self._weekly()
        holidays = self.read_holidays()
        if not is_valid or weekly is None or holidays is None:
            return None
        try:
            definition = CalendarDefinition(
                time_zone=self.time_zone.data or "", weekly=weekly, holidays=tuple(holidays)
            )
        except CalendarError:
            self.time_zone.errors = [gettext("This is not a time zone.")]
            return None
        return CalendarDraft(
            name=self.name.data or "", effective_on=self.effective_on.data, definition=definition
        )

    def _weekly(self) -> tuple[tuple[OpenInterval, ...], ...] | None:
        week: list[tuple[OpenInterval, ...]] = []
        for field in self.days:
            try:
                week.append(read_hours(field.data or ""))
            except NotationError as fault:
                field.errors = [translate(fault.text)]
        if len(week) < WEEKDAYS:
            return None
        for day in overlapping_days(week):
            self.days[day].errors = [gettext("This night runs into the hours of the day after.")]
        if not any(week):
            self.days[0].errors = [gettext("A calendar needs some opening hours.")]
        return None if any(field.errors for field in self.days) else tuple(week)

    def read_holidays(self) -> list[Holiday] | None:
        """Return the holidays typed, or put what is wrong beside them."""
        found, faults = read_holidays(self.holidays.data or "")
        if not faults:
            return found
        self.holidays.errors = [translate(fault) for fault in faults[:MOST_FAULTS]]
        return None

    @classmethod
    def blank(cls) -> CalendarForm:
        """Return the form of a new calendar; a submitted one keeps what was typed."""
        form = cls(time_zone=HOME, effective_on=clock.now().date())
        form.after.data = form.after.data or "0"
        return form

    @classmethod
    def following(cls, newest: CalendarVersion, after: int, day: date) -> CalendarForm:
        """Return the form of a version that begins as what `newest` says, from `day` on.

        `after` is the last number given, of a version or of what took one back. Without the holidays of years that have passed: over these it never rules.
        """
        definition = CalendarDefinition.from_json(newest.definition)
        holidays = [holiday for holiday in definition.holidays if holiday.on.year >= day.year]
        hours = {
            f"day_{number}": written_hours(intervals)
            for number, intervals in enumerate(definition.weekly)
        }
        form = cls(
            after=str(after),
            name=newest.name,
            effective_on=day,
            holidays=written_holidays(holidays),
            **hours,
        )
        # not asked for again: it stays
        form.time_zone.data, form.time_zone.raw_data = definition.time_zone, None
        return form


def zone_names() -> list[str]:
    """Return the zones people live in, and UTC."""
    return sorted(
        zone
        for zone in available_timezones()
        if ("/" in zone and not zone.startswith(("Etc/", "SystemV/", "US/"))) or zone == "UTC"
    )
