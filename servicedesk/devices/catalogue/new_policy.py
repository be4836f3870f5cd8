"""A new policy for a group of users or devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.clients.models import FunctionalBlock
from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.devices.catalogue.desired_state import PRECEDENCE, DesiredStateAction
from servicedesk.devices.parameters import Parameter
from servicedesk.devices.policies.changes import (
    NothingToPublish,
    assign,
    create_profile,
    profile_named,
    publish,
    version_in,
    write_draft,
)
from servicedesk.devices.policies.models import (
    USUAL_PRECEDENCE,
    PolicyProfile,
    PolicyVersion,
    VersionState,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.catalogue.desired_state import Scope, Undo
    from servicedesk.devices.policies.content import Content


class NewPolicy(DesiredStateAction):
    """What an agent drafted under the agreed name, or a copy, is published for the group."""

    code = "policy.new_profile"
    label = msgid("New policy for a group")
    description = msgid(
        "Asks for a policy of its own for a group. An agent writes its draft, or it begins as a copy."
    )
    consequence = msgid("The devices of the group get the settings of the new policy.")
    icon = "file-plus"
    block = FunctionalBlock.CONFIGURATION
    inverse = "policy.unassign"
    parameters = (
        Parameter(
            name="name",
            label=msgid("Name of the policy"),
            help=msgid("The draft is written under this name before the order is executed."),
            required=True,
            max_length=80,
        ),
        Parameter(
            name="copy_of",
            label=msgid("Copy of"),
            help=msgid("A policy whose settings it begins with, or none."),
            max_length=40,
            offers="profiles",
        ),
        PRECEDENCE,
    )

    def faults_here(
        self, session: Session, client_id: int, parameters: Mapping[str, str]
    ) -> dict[str, str]:
        """Refuse a copy of nothing."""
        if not parameters["copy_of"]:
            return {}
        try:
            profile = profile_named(session, client_id, parameters["copy_of"])
        except InvalidInput as missing:
            return {"copy_of": missing.text.msgid}
        if version_in(session, profile, VersionState.PUBLISHED) is None:
            return {"copy_of": msgid("Nothing of that policy is published yet.")}
        return {}

    def settles_on(
        self, session: Session, client_id: int, parameters: Mapping[str, str]
    ) -> Content | None:
        """Return the draft of that name, what is published of it, or what it is a copy of."""
        profile = _named_so(session, client_id, parameters["name"])
        if profile is None and parameters["copy_of"]:
            profile = profile_named(session, client_id, parameters["copy_of"])
            version = version_in(session, profile, VersionState.PUBLISHED)
            return version.content if version else None
        if profile is None:
            return None
        version = version_in(session, profile, VersionState.DRAFT) or version_in(
            session, profile, VersionState.PUBLISHED
        )
        return version.content if version else None

    def change(self, work: Work, scope: Scope, parameters: Mapping[str, str]) -> Undo | None:
        """Publish the draft of that name, or a copy, and assign it."""
        profile = _named_so(work.session, scope.client_id, parameters["name"])
        if profile is None and parameters["copy_of"]:
            profile = _copied(work, scope, parameters)
        if profile is None:
            raise NothingToPublish
        draft = version_in(work.session, profile, VersionState.DRAFT)
        if draft is not None:
            publish(work, profile, draft.number, scope.note)
        elif version_in(work.session, profile, VersionState.PUBLISHED) is None:
            raise NothingToPublish
        precedence = int(parameters["precedence"] or USUAL_PRECEDENCE)
        assign(work, profile, scope.group_ids, scope.single_ids, precedence)
        return {"code": self.inverse, "parameters": {"profile": profile.reference}}


def _named_so(session: Session, client_id: int, name: str) -> PolicyProfile | None:
    return session.scalars(
        select(PolicyProfile).where(
            PolicyProfile.client_id == client_id,
            PolicyProfile.name == name,
            PolicyProfile.group_id.is_(None),
            PolicyProfile.device_id.is_(None),
        )
    ).one_or_none()


def _copied(work: Work, scope: Scope, parameters: Mapping[str, str]) -> PolicyProfile:
    source = profile_named(work.session, scope.client_id, parameters["copy_of"])
    published: PolicyVersion | None = version_in(work.session, source, VersionState.PUBLISHED)
    profile = create_profile(work, scope.client_id, parameters["name"])
    write_draft(work, profile, published.content if published else {}, scope.note)
    return profile
