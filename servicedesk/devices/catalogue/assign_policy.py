"""Have a policy reach a group or devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.desired_state import (
    PRECEDENCE,
    PROFILE,
    DesiredStateAction,
    precedences_of,
)
from servicedesk.devices.policies.changes import (
    NothingToPublish,
    assign,
    profile_named,
    publish,
    version_in,
)
from servicedesk.devices.policies.models import (
    USUAL_PRECEDENCE,
    VersionState,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.catalogue.desired_state import Scope, Undo
    from servicedesk.devices.policies.content import Content


class AssignPolicy(DesiredStateAction):
    """A policy that exists, for more groups or devices; a policy never published is published."""

    code = "policy.assign"
    label = msgid("Assign a policy")
    description = msgid("Has a policy reach a group or devices, with a precedence.")
    consequence = msgid("The devices get all settings of the policy that nothing stronger decides.")
    icon = "clipboard-check"
    block = FunctionalBlock.CONFIGURATION
    inverse = "policy.unassign"
    parameters = (PROFILE, PRECEDENCE)

    def faults_here(
        self, session: Session, client_id: int, parameters: Mapping[str, str]
    ) -> dict[str, str]:
        """Refuse a policy that is not there, or says nothing yet."""
        try:
            profile = profile_named(session, client_id, parameters["profile"])
        except InvalidInput as missing:
            return {"profile": missing.text.msgid}
        draft = version_in(session, profile, VersionState.DRAFT)
        if version_in(session, profile, VersionState.PUBLISHED) or (draft and draft.content):
            return {}
        return {"profile": msgid("The policy has no settings yet: write its draft first.")}

    def settles_on(
        self, session: Session, client_id: int, parameters: Mapping[str, str]
    ) -> Content | None:
        """Return what is published, or would be."""
        profile = profile_named(session, client_id, parameters["profile"])
        version = version_in(session, profile, VersionState.PUBLISHED) or version_in(
            session, profile, VersionState.DRAFT
        )
        return version.content if version else None

    def change(self, work: Work, scope: Scope, parameters: Mapping[str, str]) -> Undo | None:
        """Assign it; publish its draft where nothing was published yet."""
        profile = profile_named(work.session, scope.client_id, parameters["profile"])
        if version_in(work.session, profile, VersionState.PUBLISHED) is None:
            draft = version_in(work.session, profile, VersionState.DRAFT)
            if draft is None:
                raise NothingToPublish
            publish(work, profile, draft.number, scope.note)
        before = precedences_of(work, profile, scope)
        precedence = int(parameters["precedence"] or USUAL_PRECEDENCE)
        assign(work, profile, scope.group_ids, scope.single_ids, precedence)
        if not before:
            return {"code": self.inverse, "parameters": {"profile": profile.reference}}
        if len(before) == 1 and len(scope.group_ids) + len(scope.single_ids) == 1:
            back = {"profile": profile.reference, "precedence": str(before[0])}
            return {"code": self.code, "parameters": back}
        return None
