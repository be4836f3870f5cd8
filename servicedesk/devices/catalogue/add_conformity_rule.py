"""Hold a group to a rule of conformity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.desired_state import DesiredStateAction
from servicedesk.devices.conformity.editing import NAME_LENGTH, USUAL_GRACE, RuleDraft, add_rule
from servicedesk.devices.conformity.models import (
    CONSEQUENCE_LABELS,
    LONGEST_GRACE,
    Consequence,
)
from servicedesk.devices.conformity.rules import APP, KINDS, TITLE, VERSION
from servicedesk.devices.models import PLATFORM_LABELS, DeviceGroup
from servicedesk.devices.parameters import Kind, Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.catalogue.desired_state import Scope, Undo

BY_KIND = {kind.code: kind for kind in KINDS}
# what only some kinds take; each says itself what is wrong with it
OF_KINDS = tuple(
    Parameter(
        name=one.name,
        label=one.label,
        help=one.help,
        max_length=one.max_length,
        pattern=one.pattern,
        pattern_says=one.pattern_says,
    )
    for one in (APP, TITLE, VERSION)
)


class AddConformityRule(DesiredStateAction):
    """A rule, and what a device loses while it fails it."""

    code = "conformity.rule"
    label = msgid("Conformity rule")
    description = msgid(
        "Holds a group to a rule: no wifi or mail while an app is missing, outdated or forbidden."
    )
    consequence = msgid(
        "Whoever fails the rule loses what it withholds, at once, until the device conforms again."
    )
    icon = "shield-check"
    block = FunctionalBlock.CONFORMITY
    inverse = "conformity.switch"
    needs_groups = True
    parameters = (
        Parameter(
            name="name", label=msgid("Name of the rule"), required=True, max_length=NAME_LENGTH
        ),
        Parameter(
            name="kind",
            label=msgid("What is not accepted"),
            kind=Kind.CHOICE,
            required=True,
            choices={kind.code: kind.label for kind in KINDS},
        ),
        *OF_KINDS,
        Parameter(
            name="days",
            label=msgid("Days without contact"),
            help=msgid("From 2 to 365."),
            kind=Kind.NUMBER,
            least=2,
            most=365,
        ),
        Parameter(
            name="platform",
            label=msgid("Platform"),
            kind=Kind.CHOICE,
            choices={one.value: label for one, label in PLATFORM_LABELS.items()},
        ),
        *(
            Parameter(name=one.value, label=CONSEQUENCE_LABELS[one], kind=Kind.FLAG)
            for one in Consequence
        ),
        Parameter(
            name="grace_hours",
            label=msgid("Hours of grace before the lock"),
            kind=Kind.NUMBER,
            least=0,
            most=LONGEST_GRACE,
        ),
    )

    def faults(self, parameters: Mapping[str, object]) -> dict[str, str]:
        """Check what the kind of rule takes, and that something follows."""
        if faults := super().faults(parameters):
            return faults
        kept = self.cleaned(parameters)
        kind = BY_KIND[kept["kind"]]
        faults = kind.faults({p.name: kept[p.name] for p in kind.parameters})
        if not _consequences(kept):
            faults[Consequence.WITHHOLD_WIFI.value] = msgid("Choose at least one consequence.")
        return faults

    def change(self, work: Work, scope: Scope, parameters: Mapping[str, str]) -> Undo | None:
        """Make the rule for each group, and judge."""
        if not scope.group_ids:
            raise InvalidInput(msgid("Choose a group."), field="action.targets.groups")
        rules = [
            add_rule(work, scope.client_id, _draft(work, group_id, parameters))
            for group_id in scope.group_ids
        ]
        if len(rules) > 1:
            return None
        back = {"rule": rules[0].reference, "active": "no"}
        return {"code": self.inverse, "parameters": back}


def _draft(work: Work, group_id: int, parameters: Mapping[str, str]) -> RuleDraft:
    kind = BY_KIND[parameters["kind"]]
    hours = parameters.get("grace_hours", "")
    return RuleDraft(
        name=parameters["name"],
        kind=kind.code,
        parameters={p.name: parameters[p.name] for p in kind.parameters},
        consequences=_consequences(parameters),
        group=work.session.get_one(DeviceGroup, group_id).name,
        platform=parameters["platform"],
        grace_hours=int(hours) if hours else USUAL_GRACE,
    )


def _consequences(parameters: Mapping[str, str]) -> list[str]:
    return [one.value for one in Consequence if parameters[one.value]]
