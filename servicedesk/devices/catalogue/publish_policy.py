"""Publish a version of a policy, or go back to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.desired_state import PROFILE, DesiredStateAction, back_to
from servicedesk.devices.parameters import Kind, Parameter
from servicedesk.devices.policies.changes import profile_named, publish, version_in, version_of
from servicedesk.devices.policies.models import PolicyAssignment, VersionState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.catalogue.desired_state import Scope, Undo
    from servicedesk.devices.policies.content import Content


class PublishPolicy(DesiredStateAction):
    """A version becomes what everybody has whom the policy reaches."""

    code = "policy.publish"
    label = msgid("Publish a version of a policy")
    description = msgid(
        "Makes a draft, or an earlier version, what every device has that the policy reaches."
    )
    consequence = msgid("All devices that the policy reaches change their settings.")
    icon = "versions"
    block = FunctionalBlock.CONFIGURATION
    inverse = "policy.publish"
    pins_settings = True
    parameters = (
        PROFILE,
        Parameter(
            name="version",
            label=msgid("Version"),
            kind=Kind.NUMBER,
            required=True,
            least=1,
            most=100_000,
        ),
    )

    @property
    def finds_its_targets(self) -> bool:
        """Whom the policy reaches is known."""
        return True

    def faults_here(
        self, session: Session, client_id: int, parameters: Mapping[str, str]
    ) -> dict[str, str]:
        """Refuse what is not there, empty, or in force already."""
        try:
            profile = profile_named(session, client_id, parameters["profile"])
            version = version_of(session, profile, int(parameters["version"]))
        except InvalidInput as missing:
            return {missing.field or "profile": missing.text.msgid}
        if version.state is VersionState.PUBLISHED:
            return {"version": msgid("This version is the published one already.")}
        if not version.content and version.state is VersionState.DRAFT:
            return {"version": msgid("The policy has no settings yet: write its draft first.")}
        return {}

    def reach(
        self, session: Session, client_id: int, parameters: Mapping[str, str]
    ) -> tuple[Sequence[int], Sequence[int]]:
        """Return whom the policy reaches."""
        profile = profile_named(session, client_id, parameters["profile"])
        rows = session.execute(
            select(PolicyAssignment.group_id, PolicyAssignment.device_id).where(
                PolicyAssignment.profile_id == profile.id
            )
        ).all()
        groups = sorted(row.group_id for row in rows if row.group_id is not None)
        return groups, sorted(row.device_id for row in rows if row.device_id is not None)

    def settles_on(
        self, session: Session, client_id: int, parameters: Mapping[str, str]
    ) -> Content | None:
        """Return the version's settings."""
        profile = profile_named(session, client_id, parameters["profile"])
        return version_of(session, profile, int(parameters["version"])).content

    def change(self, work: Work, scope: Scope, parameters: Mapping[str, str]) -> Undo | None:
        """Publish it."""
        profile = profile_named(work.session, scope.client_id, parameters["profile"])
        before = version_in(work.session, profile, VersionState.PUBLISHED)
        number = before.number if before else None
        publish(work, profile, int(parameters["version"]), scope.note)
        return back_to(profile, number)
