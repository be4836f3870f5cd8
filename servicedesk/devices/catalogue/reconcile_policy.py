"""Bring devices back to what they should have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.action import Risk
from servicedesk.devices.catalogue.desired_state import DesiredStateAction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.catalogue.desired_state import Scope, Undo


class ReconcilePolicy(DesiredStateAction):
    """Tell devices again what they should have; nothing of that changes."""

    code = "policy.reconcile"
    label = msgid("Bring to the policy")
    description = msgid("Tells devices again all they should have, where they differ from it.")
    consequence = msgid("Settings that were changed or removed on the device come back.")
    icon = "refresh"
    risk = Risk.HARMLESS
    block = FunctionalBlock.CONFIGURATION

    def change(self, work: Work, scope: Scope, parameters: Mapping[str, str]) -> Undo | None:
        """Change nothing."""
        del work, scope, parameters
        return None
