"""The form of a what-if: which contract, which months, and what shall be different."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_babel import format_date, gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange
from wtforms.widgets import NumberInput

from servicedesk.core import clock
from servicedesk.sla.cycles import WHOLE
from servicedesk.sla.models import CalendarVersion, PlanVersion
from servicedesk.sla.what_if.queries import contracts_to_choose, versions_to_choose
from servicedesk.sla.what_if.wishes import (
    LEAST_FACTOR,
    MOST_FACTOR,
    MOST_MONTHS,
    Wish,
    cells,
    field_of,
)

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor

TYPED_LENGTH = 40  # of a target
_NEEDED = _("This is needed.")


class WhatIfForm(FlaskForm):
    """What to replay under what; a field for each target stands below."""

    contract = SelectField(_("Contract"))
    months = IntegerField(
        _("Months"),
        [
            InputRequired(_NEEDED),
            NumberRange(1, MOST_MONTHS, message=_("Give 1 to 13 months.")),
        ],
        default=3,
        description=_("So many whole months, up to the end of the last one."),
        widget=NumberInput(min=1, max=MOST_MONTHS),
    )
    plan = SelectField(_("Service level plan"))
    calendar = SelectField(
        _("Calendar"), description=_("A version is taken as if it had ruled all the time.")
    )
    factor_percent = IntegerField(
        _("All targets of the plan, in per cent"),
        [
            InputRequired(_NEEDED),
            NumberRange(LEAST_FACTOR, MOST_FACTOR, message=_("Give 10 to 1,000 per cent.")),
        ],
        default=WHOLE,
        description=_("50 halves every target, 100 leaves them as they are."),
        widget=NumberInput(min=LEAST_FACTOR, max=MOST_FACTOR),
    )

    def offer(self, actor: Actor) -> None:
        """Fill the lists to choose from."""
        self.contract.choices = [
            SelectChoice(reference, f"{name} · {reference}")
            for reference, name in contracts_to_choose(actor)
        ]
        self.plan.choices = _versions(PlanVersion, gettext("The plans that were agreed"))
        self.calendar.choices = _versions(
            CalendarVersion, gettext("The calendars that were agreed")
        )

    def wish(self) -> Wish:
        """Return what was entered."""
        return Wish(
            contract=self.contract.data or "",
            months=self.months.data or 0,
            plan=self.plan.data or "",
            calendar=self.calendar.data or "",
            factor_percent=self.factor_percent.data or 0,
            targets={name: self[name].data or "" for name in map(field_of, cells())},
        )

    @property
    def has_targets(self) -> bool:
        """Whether some single target was typed."""
        return any(self[name].data or self[name].errors for name in map(field_of, cells()))


for cell in cells():
    typed = StringField(validators=[Length(max=TYPED_LENGTH, message=_("This is too long."))])
    setattr(WhatIfForm, field_of(cell), typed)


def _versions(model: type[PlanVersion | CalendarVersion], as_agreed: str) -> list[SelectChoice]:
    today = clock.now().date()
    found = [SelectChoice("", as_agreed)]
    for version in versions_to_choose(model):
        on = format_date(version.effective_on, "medium")
        words = (
            gettext("%(name)s v%(number)s, draft from %(on)s")
            if version.effective_on > today
            else gettext("%(name)s v%(number)s, since %(on)s")
        )
        label = words % {"name": version.name, "number": version.version, "on": on}
        found.append(SelectChoice(str(version.id), label))
    return found
