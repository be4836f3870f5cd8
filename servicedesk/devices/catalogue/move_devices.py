"""Move devices from one group to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.desired_state import DesiredStateAction
from servicedesk.devices.groups import group_named, move_members
from servicedesk.devices.parameters import Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.catalogue.desired_state import Scope, Undo


class MoveDevices(DesiredStateAction):
    """Leave one group, join another, or only one of the two."""

    code = "device.move"
    label = msgid("Move to another group")
    description = msgid("Moves devices from one group to another; their settings follow the group.")
    consequence = msgid(
        "The devices lose the settings of the group they leave and get those of the new one."
    )
    icon = "arrows-exchange"
    block = FunctionalBlock.CONFIGURATION
    inverse = "device.move"
    parameters = (
        Parameter(
            name="to_group",
            label=msgid("Into the group"),
            help=msgid("Nothing: they only leave the other one."),
            max_length=100,
            offers="groups",
        ),
        Parameter(
            name="from_group",
            label=msgid("Out of the group"),
            help=msgid("Nothing: they stay in the groups they are in."),
            max_length=100,
            offers="groups",
        ),
    )

    def faults(self, parameters: Mapping[str, object]) -> dict[str, str]:
        """Ask for at least one group, and for two different ones."""
        if faults := super().faults(parameters):
            return faults
        to_group, from_group = parameters.get("to_group"), parameters.get("from_group")
        if not to_group and not from_group:
            return {"to_group": msgid("Choose at least one group.")}
        if to_group == from_group:
            return {"from_group": msgid("Choose two different groups.")}
        return {}

    def faults_here(
        self, session: Session, client_id: int, parameters: Mapping[str, str]
    ) -> dict[str, str]:
        """Refuse groups that are not there."""
        return {
            name: msgid("The client has no such group.")
            for name in ("to_group", "from_group")
            if parameters[name] and group_named(session, client_id, parameters[name]) is None
        }

    def change(self, work: Work, scope: Scope, parameters: Mapping[str, str]) -> Undo | None:
        """Move every device of the order, also those that can take no settings now."""
        to_group, from_group = parameters["to_group"], parameters["from_group"]
        move_members(work, scope.client_id, scope.device_ids, to_group, from_group)
        back = {"to_group": from_group, "from_group": to_group}
        return {"code": self.inverse, "parameters": back}
