"""The forms about clients. Their fields carry the names operations put refusals at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    DateField,
    DecimalField,
    EmailField,
    IntegerField,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
    TelField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange
from wtforms.widgets import CheckboxInput, NumberInput

from servicedesk.accounts.people import EMAIL_MAX_LENGTH, NAME_MAX_LENGTH
from servicedesk.accounts.web.forms import language_choices
from servicedesk.clients.administration import PHONE_MAX_LENGTH, TEXT_MAX_LENGTH, ClientFacts
from servicedesk.clients.models import BLOCK_LABELS, MODALITY_LABELS, FunctionalBlock, Modality
from servicedesk.clients.terms import (
    ENGAGEMENT_DAYS,
    MAX_ENGAGEMENT_DAYS,
    MAX_LOCATION_DAYS,
    ContractTerms,
)
from servicedesk.clients.wipe_limits import LEAST_AND_MOST, MOST_PERCENT, WipeLimits

if TYPE_CHECKING:
    from servicedesk.accounts.models import User
    from servicedesk.clients.models import Contract

_NEEDED = _("This is needed.")
ZONES = (
    "Europe/Madrid",
    "Atlantic/Canary",
    "Europe/Lisbon",
    "Europe/London",
    "Europe/Paris",
    "Europe/Berlin",
    "Europe/Rome",
    "America/Bogota",
    "America/Lima",
    "America/Santiago",
    "America/Argentina/Buenos_Aires",
    "America/Sao_Paulo",
    "America/Mexico_City",
    "UTC",
)


class PlainDecimalField(DecimalField):
    """A number as people write it: what is not finite is none."""

    data: Any

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was sent. Raises ValueError, as fields do."""
        super().process_formdata(valuelist)
        if self.data is not None and not self.data.is_finite():
            self.data = None
            raise ValueError(self.gettext("Not a valid decimal value."))


class FactsForm(FlaskForm):
    """What is known of a company."""

    name = StringField(_("Name"), [DataRequired(_NEEDED), Length(max=TEXT_MAX_LENGTH)])
    tax_id = StringField(_("Tax number"), [Length(max=TEXT_MAX_LENGTH)])
    sector = StringField(_("Sector"), [Length(max=TEXT_MAX_LENGTH)])
    city = StringField(_("City"), [Length(max=TEXT_MAX_LENGTH)])

    def facts(self) -> ClientFacts:
        """Return what was entered."""
        return ClientFacts(
            name=self.name.data,
            tax_id=self.tax_id.data or "",
            sector=self.sector.data or "",
            city=self.city.data or "",
        )


class TermsForm(FlaskForm):
    """What a contract says."""

    modality = SelectField(
        _("Modality"),
        choices=lambda: [SelectChoice(m.value, _(label)) for m, label in MODALITY_LABELS.items()],
        default=Modality.ADVANCED_MANAGED.value,
    )
    starts_on = DateField(_("First day"), [InputRequired(_NEEDED)])
    ends_on = DateField(_("Last day"), [InputRequired(_NEEDED)])
    time_zone = SelectField(_("Time zone"), choices=lambda: [SelectChoice(z) for z in ZONES])
    blocks = SelectMultipleField(
        _("Functional blocks"),
        [DataRequired(_("Choose at least one functional block."))],
        choices=lambda: [SelectChoice(b.value, _(label)) for b, label in BLOCK_LABELS.items()],
        description=_("What may be asked for. A modality can only contain some of them."),
        option_widget=CheckboxInput(),
    )
    engagement_days = PlainDecimalField(
        _("Days of the account manager a contract year"),
        [InputRequired(_NEEDED), NumberRange(0, MAX_ENGAGEMENT_DAYS)],
        places=None,
        default=ENGAGEMENT_DAYS,
        widget=NumberInput(step="0.25", min=0, max=MAX_ENGAGEMENT_DAYS),
    )
    location_days = IntegerField(
        _("Days a device's position is kept"),
        [
            InputRequired(_NEEDED),
            NumberRange(1, MAX_LOCATION_DAYS, message=_("Positions are kept from 1 to 30 days.")),
        ],
        default=MAX_LOCATION_DAYS,
        description=_("Then it is deleted. Less than before shortens what is already kept."),
        widget=NumberInput(min=1, max=MAX_LOCATION_DAYS),
    )

    def __init__(self, *args: Any, **values: Any) -> None:
        """Offer the zone a contract already has, too."""
        super().__init__(*args, **values)
        kept = getattr(values.get("obj"), "time_zone", None)
        if kept and kept not in ZONES:
            self.time_zone.choices = [*self.time_zone.choices, SelectChoice(kept)]

    @classmethod
    def of(cls, contract: Contract) -> TermsForm:
        """Return the form with what a contract says now."""
        return cls(obj=contract)

    def terms(self) -> ContractTerms:
        """Return what was entered."""
        return ContractTerms(
            modality=Modality(self.modality.data),
            starts_on=self.starts_on.data,
            ends_on=self.ends_on.data,
            time_zone=self.time_zone.data,
            blocks=frozenset(FunctionalBlock(value) for value in self.blocks.data),
            engagement_days=self.engagement_days.data,
            location_days=self.location_days.data,
        )


def _within(name: str) -> list[Any]:
    least, most = LEAST_AND_MOST[name]
    words = _("Write a whole number from %(least)s to %(most)s.", least=least, most=most)
    return [InputRequired(_NEEDED), NumberRange(least, most, message=words)]


class LimitsForm(FlaskForm):
    """How much may be wiped without the ceremony of a wide order."""

    wipes_per_order = IntegerField(
        _("Devices an order may wipe"),
        _within("wipes_per_order"),
        description=_("With more, a supervisor approves it and it waits in its cancel window."),
    )
    wipes_per_hour = IntegerField(_("Wipes an hour"), _within("wipes_per_hour"))
    wipe_share_per_day = PlainDecimalField(
        _("Wipes a day, as a percentage of the enrolled devices"),
        [
            InputRequired(_NEEDED),
            NumberRange(
                0,
                MOST_PERCENT,
                message=_(
                    "Write a percentage from 0 to %(most)s, with one decimal at most.",
                    most=MOST_PERCENT,
                ),
            ),
        ],
        places=None,
        widget=NumberInput(step="0.1", min=0, max=MOST_PERCENT),
    )
    cancel_window_minutes = IntegerField(
        _("Minutes in which a wide wipe can be cancelled"),
        _within("cancel_window_minutes"),
    )

    def limits(self) -> WipeLimits:
        """Return what was entered."""
        return WipeLimits(
            wipes_per_order=self.wipes_per_order.data,
            wipes_per_hour=self.wipes_per_hour.data,
            wipe_share_per_day=self.wipe_share_per_day.data / 100,
            cancel_window_minutes=self.cancel_window_minutes.data,
        )


class ContractForm(TermsForm, LimitsForm):
    """A contract that exists: what it says, and how much may be wiped under it."""

    @classmethod
    def of(cls, contract: Contract) -> ContractForm:
        """Return the form with what a contract says now."""
        form = cls(obj=contract)
        if not form.is_submitted():
            percent = contract.wipe_share_per_day * 100
            form.wipe_share_per_day.data = f"{percent.normalize():f}"
        return form


class AgreeForm(FlaskForm):
    """A second supervisor's proof to be there."""

    password = PasswordField(_("Your password, once more"), [InputRequired(_NEEDED)])


class ClientForm(FactsForm, TermsForm):
    """A new company with its first contract."""


class ContactForm(FlaskForm):
    """A person who speaks for a client."""

    name = StringField(_("Name"), [DataRequired(_NEEDED), Length(max=NAME_MAX_LENGTH)])
    email = EmailField(_("E-mail"), [DataRequired(_NEEDED), Length(max=EMAIL_MAX_LENGTH)])
    phone = TelField(_("Telephone"), [Length(max=PHONE_MAX_LENGTH)])
    language = SelectField(_("Language of pages and mails"), choices=language_choices)


class ManagerForm(FlaskForm):
    """Who looks after a client."""

    user_id = SelectField(_("Account manager"), coerce=int, validate_choice=False, choices=())

    @classmethod
    def offering(cls, managers: list[User]) -> ManagerForm:
        """Return the form with these people to choose from; the operation checks the choice."""
        form = cls(None)
        form.user_id.choices = [SelectChoice(str(user.id), user.name) for user in managers]
        return form
