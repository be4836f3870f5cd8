"""Fields of a form made from declared parameters: of an action, or of a section of a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import BooleanField, PasswordField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from servicedesk.devices.parameters import YES, Kind, Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wtforms import Field, Form

    # what of the client's can be chosen, by `Parameter.offers`: (value, label)
    Offers = Mapping[str, Sequence[tuple[str, str]]]

REQUIRED = InputRequired(_("This is needed."))


class OfferedField(SelectField):
    """A list that the action itself judges: what is not on it gets the action's own words."""

    def pre_validate(self, form: Form) -> None:
        """Leave it to the parameters' own check."""


def parameter_fields(
    parameters: Sequence[Parameter], offers: Offers | None = None
) -> dict[str, Field]:
    """Return unbound fields by name; faults of values are said by the parameters' own check."""
    return {one.name: _field(one, offers or {}) for one in parameters}


def _field(one: Parameter, offers: Offers) -> Field:
    common: dict[str, Any] = {
        "label": _(one.label),
        "description": _(one.help) if one.help else "",
    }
    if one.kind is Kind.FLAG:
        return BooleanField(**common, false_values=("", "no", "false", "0"))
    checks: list[Any] = [REQUIRED] if one.required else []
    if one.offers in offers:
        common["description"] = ""  # the list itself says what can be chosen
        return _select(common, checks, one, offers[one.offers])
    if one.kind is Kind.CHOICE:
        labels = [(value, gettext(label)) for value, label in one.choices.items()]
        return _select(common, checks, one, labels)
    checks.append(Length(max=one.max_length, message=_("This is too long.")))
    if one.kind is Kind.SECRET:
        return PasswordField(
            **common, validators=checks, render_kw={"autocomplete": "new-password"}
        )
    if one.kind is Kind.NUMBER:
        return StringField(**common, validators=checks, render_kw={"inputmode": "numeric"})
    kind = TextAreaField if one.multiline else StringField
    return kind(**common, validators=checks)


def _select(
    common: dict[str, Any],
    checks: list[Any],
    one: Parameter,
    choices: Sequence[tuple[str, str]],
) -> Field:
    nothing = [] if one.required and choices else [SelectChoice("", "—")]
    offered = [SelectChoice(value, label) for value, label in choices]
    return OfferedField(**common, validators=checks, choices=[*nothing, *offered])


def values_of(parameters: Sequence[Parameter], form: Any) -> dict[str, str]:
    """Return what was filled in, as the parameters' check takes it."""
    return {
        one.name: (YES if form[one.name].data else "")
        if one.kind is Kind.FLAG
        else form[one.name].data or ""
        for one in parameters
    }
