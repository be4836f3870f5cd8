"""The form of a rule, made from its kind; it ends in a draft for an operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import request
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput

from servicedesk.devices.conformity.editing import NAME_LENGTH, USUAL_GRACE, RuleDraft
from servicedesk.devices.conformity.models import (
    CONSEQUENCE_LABELS,
    LONGEST_GRACE,
    ConformityRule,
    Consequence,
)
from servicedesk.devices.models import PLATFORM_LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.devices.conformity.rules import RuleKind

NEEDED = _("This is needed.")
TOO_LONG = _("This is too long.")


class RuleForm(FlaskForm):
    """What every rule says, whatever its kind."""

    name = StringField(
        _("Name of the rule"), [InputRequired(NEEDED), Length(max=NAME_LENGTH, message=TOO_LONG)]
    )
    platform = SelectField(_("Platform"))
    group = SelectField(_("Group"))
    consequences = SelectMultipleField(
        _("What follows for a device that fails"),
        [InputRequired(_("Choose at least one consequence."))],
        choices=lambda: [
            SelectChoice(c.value, gettext(CONSEQUENCE_LABELS[c])) for c in Consequence
        ],
        default=[Consequence.MARK.value],
        option_widget=CheckboxInput(),
    )
    grace_hours = IntegerField(
        _("Hours of grace before the lock"),
        [
            Optional(),
            NumberRange(0, LONGEST_GRACE, message=_("Write hours from 0 to %(max)s.")),
        ],
        default=USUAL_GRACE,
        description=_("Only for the lock. They begin when the device fails, or the rule changes."),
    )
    kind: RuleKind

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the platforms in the reader's language."""
        super().__init__(*args, **kwargs)
        self.platform.choices = [
            SelectChoice("", gettext("All")),
            *(SelectChoice(p.value, label) for p, label in PLATFORM_LABELS.items()),
        ]

    def offer(self, groups: Sequence[str]) -> None:
        """Offer these groups."""
        self.group.choices = [
            SelectChoice("", gettext("All")),
            *(SelectChoice(name, name) for name in groups),
        ]

    def validate(self, extra_validators: Any = None) -> bool:
        """Check the parameters as the operation does, and say each fault beside its field."""
        is_valid = bool(super().validate(extra_validators))
        for name, fault in self.kind.faults(self._parameters()).items():
            if not self[name].errors:
                self[name].errors = [gettext(fault)]
            is_valid = False
        return is_valid

    @property
    def wants_preview(self) -> bool:
        """Whether somebody only wants to see who would fail."""
        return bool(request.form.get("preview"))

    def _parameters(self) -> dict[str, str]:
        return {p.name: self[p.name].data or "" for p in self.kind.parameters}

    def draft(self, kind: str) -> RuleDraft:
        """Return what was filled in."""
        hours = self.grace_hours.data
        return RuleDraft(
            name=self.name.data or "",
            kind=kind,
            parameters=self._parameters(),
            consequences=self.consequences.data or [],
            group=self.group.data or "",
            platform=self.platform.data or "",
            grace_hours=USUAL_GRACE if hours is None else hours,
        )

    def sketch(self) -> ConformityRule:
        """Return a rule with just the chosen consequences, to say what they withhold."""
        return ConformityRule(consequences=list(self.consequences.data or []))

    @staticmethod
    def values_of(rule: ConformityRule) -> dict[str, Any]:
        """Return what a rule says now, as the form's fields take it."""
        return {
            "name": rule.name,
            "platform": rule.platform.value if rule.platform else "",
            "group": rule.group.name if rule.group else "",
            "consequences": rule.consequences,
            "grace_hours": rule.grace_hours,
            **rule.parameters,
        }


def rule_form(wanted: RuleKind) -> type[RuleForm]:
    """Return the form of a kind: its parameters beside what every rule says."""
    fields: dict[str, Any] = {"kind": wanted}
    for parameter in wanted.parameters:
        fields[parameter.name] = StringField(
            _(parameter.label),
            [InputRequired(NEEDED)] if parameter.required else [],
            description=_(parameter.help) if parameter.help else "",
            render_kw={"list": "apps", "autocomplete": "off"} if parameter.name == "app" else None,
        )
    return type("KindRuleForm", (RuleForm,), fields)
