"""Take a setting back from a group or devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.desired_state import DesiredStateAction, back_to, removed
from servicedesk.devices.parameters import Kind, Parameter
from servicedesk.devices.policies.sections import BY_CODE, SECTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.catalogue.desired_state import Scope, Undo


class RemoveSetting(DesiredStateAction):
    """Take an entry out of the own settings of groups or devices."""

    code = "config.remove"
    label = msgid("Take a setting back")
    description = msgid("Takes a wifi, mail, VPN, app or other setting back from a group.")
    consequence = msgid("The devices lose the setting and what depends on it.")
    icon = "eraser"
    block = FunctionalBlock.CONFIGURATION
    inverse = "policy.publish"
    parameters = (
        Parameter(
            name="section",
            label=msgid("Kind of setting"),
            kind=Kind.CHOICE,
            required=True,
            choices={section.code: section.label for section in SECTIONS},
        ),
        Parameter(
            name="key",
            label=msgid("Which one"),
            help=msgid(
                "The name of the wifi, mail, VPN or certificate; of an app apple:identifier or"
                " android:identifier; of a document its reference. Nothing for a passcode and"
                " restrictions."
            ),
            max_length=300,
        ),
    )

    def faults(self, parameters: Mapping[str, object]) -> dict[str, str]:
        """Ask for the name where the section has several entries."""
        faults = super().faults(parameters)
        section = BY_CODE.get(str(parameters.get("section")))
        if not faults and section and not section.is_single and not parameters.get("key"):
            return {"key": msgid("This is needed.")}
        return faults

    def change(self, work: Work, scope: Scope, parameters: Mapping[str, str]) -> Undo | None:
        """Take the entry out; somebody has to have it."""
        gone = removed(work, scope, parameters["section"], parameters["key"])
        if not gone:
            raise InvalidInput(
                msgid("None of them has this setting as its own."), field="action.parameters.key"
            )
        return back_to(*gone[0]) if len(gone) == 1 else None
