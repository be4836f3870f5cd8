"""Have a policy reach a group or devices no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.desired_state import PROFILE, DesiredStateAction, precedences_of
from servicedesk.devices.policies.changes import profile_named, unassign

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.catalogue.desired_state import Scope, Undo


class UnassignPolicy(DesiredStateAction):
    """Groups or devices lose what only this policy gave them."""

    code = "policy.unassign"
    label = msgid("Take a policy away")
    description = msgid("Has a policy reach a group or devices no more.")
    consequence = msgid("The devices lose every setting that only this policy gave them.")
    icon = "clipboard-x"
    block = FunctionalBlock.CONFIGURATION
    inverse = "policy.assign"
    parameters = (PROFILE,)

    def faults_here(
        self, session: Session, client_id: int, parameters: Mapping[str, str]
    ) -> dict[str, str]:
        """Refuse a policy that is not there."""
        try:
            profile_named(session, client_id, parameters["profile"])
        except InvalidInput as missing:
            return {"profile": missing.text.msgid}
        return {}

    def change(self, work: Work, scope: Scope, parameters: Mapping[str, str]) -> Undo | None:
        """Take it away; it has to reach one of them."""
        profile = profile_named(work.session, scope.client_id, parameters["profile"])
        precedences = precedences_of(work, profile, scope)
        if not precedences:
            raise InvalidInput(
                msgid("The policy is not assigned to any of them."),
                field="action.parameters.profile",
            )
        unassign(work, profile, scope.group_ids, scope.single_ids)
        if len(set(precedences)) > 1:
            return None
        back = {"profile": profile.reference, "precedence": str(precedences[0])}
        return {"code": self.inverse, "parameters": back}
