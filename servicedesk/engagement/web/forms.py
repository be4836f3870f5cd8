"""The forms about days. Their fields carry the names operations put refusals at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import MultipleFileField
from wtforms import (
    DateField,
    HiddenField,
    SelectField,
    StringField,
    TextAreaField,
    TimeField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired
from wtforms.widgets import NumberInput

from servicedesk.clients.web.forms import PlainDecimalField
from servicedesk.core.files import Upload
from servicedesk.core.text import msgid
from servicedesk.engagement.budget import days_of, quarters_of
from servicedesk.engagement.models import KIND_LABELS, VisitKind
from servicedesk.engagement.plans import VisitPlan
from servicedesk.shell.language import translate

if TYPE_CHECKING:
    from servicedesk.engagement.models import Visit

_NEEDED = _("This is needed.")
ON_SITE, REMOTE = "on_site", "remote"
LARGEST_VERSION = 2**31


def _days(label: str, description: str = "") -> PlainDecimalField:
    return PlainDecimalField(
        label,
        [InputRequired(_NEEDED)],
        places=None,  # as few decimals as it has
        description=description,
        widget=NumberInput(step="0.25", min="0"),
    )


class Versioned(FlaskForm):
    """What was looked at when the form was opened."""

    version = HiddenField()

    def seen(self) -> int:
        """Return the version of the visit that the reader saw; -1 is none there ever was."""
        typed = self.version.data or ""
        is_number = typed.isascii() and typed.isdigit()
        return min(int(typed), LARGEST_VERSION) if is_number else -1


class PlanForm(Versioned):
    """A visit to be."""

    kind = SelectField(_("Kind"), validate_choice=True)
    title = StringField(_("Subject"), [InputRequired(_NEEDED)])
    day = DateField(_("Day"), [InputRequired(_NEEDED)])
    at = TimeField(
        _("Begins at"),
        [InputRequired(_NEEDED)],
        description=_("In the contract's time zone. A quarter of a day is two hours."),
    )
    days = _days(
        _("Days it takes"),
        _("In quarters of a day: 0.25, 0.5, 0.75, 1. They are reserved when you save."),
    )
    where = SelectField(_("Where"), validate_choice=True)
    place = StringField(_("Address, or how to join"))
    attendees = TextAreaField(
        _("Attendees"),
        description=_("An e-mail address a line. Each gets an invitation for their calendar."),
    )
    note = StringField(_("Why it changes"), description=_("It stays in the ledger."))

    def __init__(self, **told: Any) -> None:
        """Offer what there is to choose from."""
        super().__init__(**told)
        self.kind.choices = [
            SelectChoice(kind.value, translate(label)) for kind, label in KIND_LABELS.items()
        ]
        self.where.choices = [
            SelectChoice(ON_SITE, translate(msgid("On site"))),
            SelectChoice(REMOTE, translate(msgid("Remote"))),
        ]

    @classmethod
    def of(cls, visit: Visit) -> PlanForm:
        """Return the form with a visit as it is planned."""
        local = visit.starts_at.astimezone(ZoneInfo(visit.contract.time_zone))
        return cls(
            version=str(visit.version),
            kind=visit.kind.value,
            title=visit.title,
            day=local.date(),
            at=local.time(),
            days=days_of(visit.planned_quarters),
            where=ON_SITE if visit.is_on_site else REMOTE,
            place=visit.place,
            attendees="\n".join(visit.attendees),
        )

    def chosen_kind(self) -> VisitKind:
        """Return what kind of visit it is."""
        return VisitKind(self.kind.data)

    def plan(self) -> VisitPlan:
        """Return what was filled in. Raises InvalidInput."""
        return VisitPlan(
            kind=self.chosen_kind(),
            title=self.title.data or "",
            day=self.day.data,
            at=self.at.data,
            quarters=quarters_of(self.days.data),
            is_on_site=self.where.data == ON_SITE,
            place=self.place.data or "",
            attendees=(self.attendees.data or "").replace(",", "\n").splitlines(),
        )


class OutcomeForm(Versioned):
    """How long a visit took."""

    days = _days(
        _("Days it took"), _("What it needed less goes back; what it needed more is taken.")
    )


class CancelForm(Versioned):
    """Why a visit does not take place."""

    reason = StringField(_("Why it is called off"), [InputRequired(_NEEDED)])


class CorrectionForm(Versioned):
    """What a done visit really took."""

    days = _days(_("Days it really took"), _("0 if it did not take place."))
    reason = StringField(_("Why it is corrected"), [InputRequired(_NEEDED)])


class MinutesForm(Versioned):
    """What was talked about."""

    minutes = TextAreaField(_("Minutes"), description=_("The client reads them."))


class DocumentsForm(FlaskForm):
    """Files of a visit."""

    files = MultipleFileField(
        _("Files"), description=_("Pictures, PDF, Word, Excel, CSV or text, up to 10 MB each.")
    )

    def uploads(self) -> list[Upload]:
        """Return what was chosen."""
        return [
            Upload(name=file.filename or "", content=file.read())
            for file in self.files.data or ()
            if file and getattr(file, "filename", "")
        ]


class ActionForm(FlaskForm):
    """Who does what by when."""

    words = StringField(_("What is to be done"), [InputRequired(_NEEDED)])
    owner = StringField(_("By whom"), [InputRequired(_NEEDED)])
    due_on = DateField(_("Until"), [InputRequired(_NEEDED)])


class OfferForm(FlaskForm):
    """More days for a contract year."""

    days = _days(_("Days to add"))
    day = DateField(
        _("Contract year"),
        [InputRequired(_NEEDED)],
        description=_("Any day of the contract year that they are added to."),
    )
    reason = StringField(_("What for"), [InputRequired(_NEEDED)])


class EndForm(FlaskForm):
    """Why an offer of days ends."""

    reason = StringField(_("Why"), [InputRequired(_NEEDED)])
