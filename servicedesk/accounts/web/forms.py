"""The forms about accounts. Their fields carry the names operations put refusals at."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    EmailField,
    IntegerField,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange
from wtforms.widgets import CheckboxInput

from servicedesk.accounts.administration import ROLES_BY_ITSELF
from servicedesk.accounts.labels import LANGUAGE_LABELS, ROLE_LABELS, SCOPE_LABELS
from servicedesk.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from servicedesk.accounts.people import EMAIL_MAX_LENGTH, NAME_MAX_LENGTH
from servicedesk.accounts.tokens import DEFAULT_DAYS, MAX_DAYS
from servicedesk.accounts.tokens import NAME_MAX_LENGTH as TOKEN_NAME_MAX_LENGTH

_NEEDED = _("This is needed.")
_PASSWORD_HINT = _(
    "At least %(length)s characters. Several words are easy to keep in mind.", length=MIN_LENGTH
)


def language_choices() -> list[SelectChoice]:
    """Return the languages by their own names."""
    return [SelectChoice(code, name) for code, name in LANGUAGE_LABELS.items()]


class SignInForm(FlaskForm):
    """E-mail and password."""

    email = EmailField(_("E-mail"), [InputRequired(_NEEDED), Length(max=EMAIL_MAX_LENGTH)])
    password = PasswordField(_("Password"), [InputRequired(_NEEDED), Length(max=MAX_LENGTH)])


class ForgottenForm(FlaskForm):
    """Whose password was forgotten."""

    email = EmailField(_("E-mail"), [InputRequired(_NEEDED), Length(max=EMAIL_MAX_LENGTH)])


class NewPasswordForm(FlaskForm):
    """The password that a one-time link lets choose."""

    password = PasswordField(
        _("New password"), [InputRequired(_NEEDED)], description=_PASSWORD_HINT
    )


class ChangePasswordForm(FlaskForm):
    """One's own password, old and new."""

    current = PasswordField(_("Current password"), [InputRequired(_NEEDED)])
    new = PasswordField(_("New password"), [InputRequired(_NEEDED)], description=_PASSWORD_HINT)


class LanguageForm(FlaskForm):
    """One's own language."""

    language = SelectField(_("Language of pages and mails"), choices=language_choices)


class TokenForm(FlaskForm):
    """A personal token for the API."""

    name = StringField(
        _("What it is for"), [DataRequired(_NEEDED), Length(max=TOKEN_NAME_MAX_LENGTH)]
    )
    days = IntegerField(
        _("Days it works"),
        [InputRequired(_NEEDED), NumberRange(1, MAX_DAYS)],
        default=DEFAULT_DAYS,
    )
    scopes = SelectMultipleField(
        _("What it may do"),
        [DataRequired(_("Choose what the token may do."))],
        choices=lambda: [
            SelectChoice(scope.value, _(label)) for scope, label in SCOPE_LABELS.items()
        ],
        default=lambda: [scope.value for scope in SCOPE_LABELS],
        option_widget=CheckboxInput(),
    )


class AccountForm(FlaskForm):
    """A new person of the operator."""

    name = StringField(_("Name"), [DataRequired(_NEEDED), Length(max=NAME_MAX_LENGTH)])
    email = EmailField(_("E-mail"), [DataRequired(_NEEDED), Length(max=EMAIL_MAX_LENGTH)])
    role = SelectField(
        _("Role"),
        choices=lambda: [
            SelectChoice(role.value, _(ROLE_LABELS[role])) for role in ROLES_BY_ITSELF
        ],
        description=_("Contacts are added on their client's page."),
    )
    language = SelectField(_("Language of pages and mails"), choices=language_choices)
