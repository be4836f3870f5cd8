"""The forms of policies: a profile's name, and a setting made from its section's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length
from wtforms.widgets import HiddenInput

from servicedesk.devices.policies.editing import DESCRIPTION_LENGTH, NAME_LENGTH
from servicedesk.devices.web.parameter_forms import parameter_fields, values_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicedesk.devices.policies.sections.section import Section, Values
    from servicedesk.devices.web.parameter_forms import Offers

TOO_LONG = _("This is too long.")
LONGEST_NUMBER = 6  # digits


class ProfileForm(FlaskForm):
    """How a policy is called and what it is for."""

    name = StringField(
        _("Name"),
        [InputRequired(_("This is needed.")), Length(max=NAME_LENGTH, message=TOO_LONG)],
        description=_("Whom it is for, or what it is about. Example: Field technicians"),
    )
    description = TextAreaField(
        _("What it is for"), [Length(max=DESCRIPTION_LENGTH, message=TOO_LONG)]
    )


class SettingForm(FlaskForm):
    """A setting of a draft, as it was when it was read."""

    revision = IntegerField(widget=HiddenInput())
    section: Section

    def values(self) -> Mapping[str, object]:
        """Return what was filled in."""
        return values_of(self.section.parameters, self)

    def keep_secrets_of(self, present: Values) -> None:
        """Say beside the secrets that are sealed already that nothing typed means: keep it."""
        for name in self.section.secrets & present.keys():
            self[name].description = gettext("Sealed. Leave it empty to keep it as it is.")

    def ask_secrets_again(self) -> None:
        """Say beside a secret that was typed that it has to be typed again: it is not sent back."""
        for name in self.section.secrets:
            if self[name].data:
                again = gettext("Type it again: it is not kept in the page.")
                self[name].errors = [*self[name].errors, again]


class DraftForm(FlaskForm):
    """A step with a draft as it was when it was read; `key` names a setting."""

    revision = IntegerField()
    key = HiddenField()


def setting_form(wanted: Section, offers: Offers) -> type[SettingForm]:
    """Return the form of a section's settings."""
    fields: dict[str, Any] = {"section": wanted, **parameter_fields(wanted.parameters, offers)}
    return type("SectionForm", (SettingForm,), fields)


def version_number(typed: str | None) -> int | None:
    """Return the number of a version as it was asked for; None where that is none."""
    is_number = typed and typed.isascii() and typed.isdigit() and len(typed) <= LONGEST_NUMBER
    return int(typed) if typed and is_number else None
