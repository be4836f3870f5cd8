"""Writing the drafts of policies: agents and supervisors do. No device has anything else for it.

What devices should have changes only when an order publishes a version or assigns a profile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sqlalchemy import exists, select

from servicedesk.clients.choices import client_named
from servicedesk.clients.contracts import contract_in_force
from servicedesk.clients.models import BLOCK_LABELS
from servicedesk.clients.visibility import visible_to
from servicedesk.core.errors import Conflict, InvalidInput, NotAllowedNow, NotFound
from servicedesk.core.permissions import Permission, require
from servicedesk.core.sealing import NotOurs, unseal
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import Work, unit_of_work
from servicedesk.devices.parameters import as_text
from servicedesk.devices.policies.changes import (
    create_profile,
    version_in,
    version_of,
    write_draft,
)
from servicedesk.devices.policies.content import copy_of, entries, with_entry, without_entry
from servicedesk.devices.policies.documents import document_named
from servicedesk.devices.policies.models import (
    PolicyAssignment,
    PolicyProfile,
    PolicyVersion,
    VersionState,
)
from servicedesk.devices.policies.sections import section_named
from servicedesk.devices.policies.sections.section import ONLY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor
    from servicedesk.devices.policies.content import Content, Values
    from servicedesk.devices.policies.sections.section import Section

NAME_LENGTH = 80
DESCRIPTION_LENGTH = 500
MOST_ENTRIES = 500  # of a version
NO_SUCH_SETTING = msgid("There is no such setting in the draft.")


class BadSettings(InvalidInput):
    """Values of a setting that cannot be used; `faults` says which and why (msgids)."""

    faults_at: ClassVar[str] = "values"

    def __init__(self, faults: Mapping[str, str]) -> None:
        """Name the first fault in the sentence; all are in `faults`."""
        name, fault = next(iter(faults.items()))
        super().__init__(fault, field=f"{self.faults_at}.{name}")
        self.faults = dict(faults)


class DraftChanged(Conflict):
    """Somebody else changed the draft since it was read."""

    code = "draft-changed"
    sentence = msgid(
        "Somebody else changed the draft meanwhile, so nothing was saved. Look at it, then save again."
    )


class NoDraft(NotAllowedNow):
    """The profile has no draft to write in."""

    code = "no-draft"
    sentence = msgid("There is no draft of this policy: begin one first.")


class HasDraft(NotAllowedNow):
    """A profile has one draft at a time."""

    code = "has-draft"
    sentence = msgid("This policy has a draft already: go on with it, or discard it.")


class OwnSettings(NotAllowedNow):
    """The own settings of a group or device have no drafts."""

    code = "own-settings"
    sentence = msgid("The own settings of a group or device are changed by an order.")


def create_profile_draft(
    actor: Actor, client_reference: str, name: str, description: str = ""
) -> PolicyProfile:
    """Make a profile with an empty draft, version 1.

    Raises Forbidden, or InvalidInput at `client`, `name` or `description`.
    """
    require(actor, Permission.POLICY_EDIT)
    with unit_of_work(actor, "policies.create_profile") as work:
        client = client_named(work.session, actor, client_reference)
        wanted, told = _checked_words(name, description)
        _require_free_name(work.session, client.id, wanted)
        profile = create_profile(work, client.id, wanted, told)
        write_draft(work, profile, {})
        work.concerns(client.id, profile.reference)
    return profile


def rename_profile(actor: Actor, reference: str, name: str, description: str) -> PolicyProfile:
    """Give a profile another name and description; devices do not notice.

    Raises NotFound, Forbidden, OwnSettings, or InvalidInput at `name` or `description`.
    """
    with unit_of_work(actor, "policies.rename_profile") as work:
        profile = _profile(work, reference)
        wanted, told = _checked_words(name, description)
        if wanted != profile.name:
            _require_free_name(work.session, profile.client_id, wanted)
        profile.name, profile.description = wanted, told
    return profile


def begin_draft(actor: Actor, reference: str, from_number: int | None = None) -> PolicyVersion:
    """Begin a draft as a copy of a version, or of the published one; empty where there is none.

    Raises NotFound, Forbidden, OwnSettings, HasDraft, or InvalidInput at `version`.
    """
    with unit_of_work(actor, "policies.begin_draft") as work:
        profile = _profile(work, reference)
        work.session.refresh(profile, with_for_update=True)  # two at once begin one
        if version_in(work.session, profile, VersionState.DRAFT) is not None:
            raise HasDraft
        if from_number is None:
            copied = version_in(work.session, profile, VersionState.PUBLISHED)
        else:
            copied = version_of(work.session, profile, from_number)
        return write_draft(work, profile, copied.content if copied else {})


def put_setting(
    actor: Actor,
    reference: str,
    section: str,
    values: Mapping[str, object],
    revision: int,
    key: str | None = None,
) -> PolicyVersion:
    """Put a setting into the draft; `key` names the one that is edited, None adds another one.

    An empty secret leaves the sealed one as it is. Raises NotFound, Forbidden, NoDraft,
    DraftChanged, BadSettings with every fault by name, or InvalidInput at `section` or `key`.
    """
    with unit_of_work(actor, "policies.put_setting") as work:
        profile = _profile(work, reference)
        draft = _draft(work, profile, revision)
        kind = section_named(section)
        _require_block(work, profile.client_id, kind)
        present = draft.content.get(section, {})
        if kind.is_single:
            key = ONLY if present else None
        elif key is not None and key not in present:
            raise InvalidInput(NO_SUCH_SETTING, field="key")
        kept = _kept(work.session, profile, kind, values, present.get(key, {}))
        new_key = kind.key(kept)
        if new_key != key and new_key in present:
            raise BadSettings({kind.keyed_by[-1]: msgid("The draft has one of this name already.")})
        content = draft.content if key is None else without_entry(draft.content, section, key)
        _write(work, draft, with_entry(content, section, new_key, kept))
    return draft


def drop_setting(
    actor: Actor, reference: str, section: str, key: str, revision: int
) -> PolicyVersion:
    """Take a setting out of the draft.

    Raises NotFound, Forbidden, NoDraft, DraftChanged, or InvalidInput at `section` or `key`.
    """
    with unit_of_work(actor, "policies.drop_setting") as work:
        draft = _draft(work, _profile(work, reference), revision)
        kind = section_named(section)
        if key not in draft.content.get(kind.code, {}):
            raise InvalidInput(NO_SUCH_SETTING, field="key")
        _write(work, draft, without_entry(draft.content, kind.code, key))
    return draft


def discard_draft(actor: Actor, reference: str, revision: int) -> bool:
    """Throw the draft away; return whether the profile went with it, being nothing else.

    Raises NotFound, Forbidden, NoDraft or DraftChanged.
    """
    with unit_of_work(actor, "policies.discard_draft") as work:
        profile = _profile(work, reference)
        work.session.delete(_draft(work, profile, revision))
        work.session.flush()
        is_used = _is_used(work.session, profile)
        if not is_used:
            work.session.delete(profile)
    return not is_used


def _profile(work: Work, reference: str) -> PolicyProfile:
    """Return a profile for changing it; what one cannot see does not exist, before all else."""
    profile = work.session.scalar(
        select(PolicyProfile).where(
            PolicyProfile.reference == reference.replace("\x00", ""),
            visible_to(work.actor, PolicyProfile.client_id),
        )
    )
    if profile is None:
        raise NotFound
    require(work.actor, Permission.POLICY_EDIT)
    work.concerns(profile.client_id, profile.reference)
    if profile.is_own:
        raise OwnSettings
    return profile


def _draft(work: Work, profile: PolicyProfile, revision: int) -> PolicyVersion:
    """Return the draft for writing in it; whoever else does waits."""
    draft = work.session.scalar(
        select(PolicyVersion)
        .where(PolicyVersion.profile_id == profile.id, PolicyVersion.state == VersionState.DRAFT)
        .with_for_update()
    )
    if draft is None:
        raise NoDraft
    if draft.revision != revision:
        raise DraftChanged
    return draft


def _write(work: Work, draft: PolicyVersion, content: Content) -> None:
    if len(list(entries(content))) > MOST_ENTRIES:
        raise InvalidInput(msgid("A policy has at most %(most)s settings."), most=MOST_ENTRIES)
    draft.content = copy_of(content)
    draft.revision += 1
    draft.updated_at = work.at


def _kept(
    session: Session,
    profile: PolicyProfile,
    section: Section,
    values: Mapping[str, object],
    present: Values,
) -> dict[str, str]:
    """Return the values as they are kept, checked, with the secrets that were not given anew."""
    given = dict(values)
    for name in section.secrets & present.keys():
        if as_text(given.get(name)) == "":
            given[name] = _opened(present[name])
    if faults := section.faults(given):
        raise BadSettings(faults)
    kept = section.taken(given)
    for parameter in section.parameters:
        named = kept.get(parameter.name, "") if parameter.offers == "documents" else ""
        if named and document_named(session, profile.client_id, named) is None:
            says = msgid("Choose a document of the client's library.")
            raise BadSettings({parameter.name: says})
    return kept


def _opened(sealed: str) -> str:
    """Return a kept secret; nothing where the key it was sealed with is gone: it is typed anew."""
    try:
        return unseal(sealed)
    except NotOurs:
        return ""


def _require_block(work: Work, client_id: int, section: Section) -> None:
    """Raise InvalidInput unless the contract in force contains what the section is part of."""
    contract = contract_in_force(work.session, client_id, work.at.date())
    if contract is None:
        raise InvalidInput(msgid("There is no contract in force."), field="section")
    if not contract.includes(section.block):
        raise InvalidInput(
            msgid("The contract does not contain the block “%(block)s”."),
            field="section",
            block=BLOCK_LABELS[section.block],
        )


def _is_used(session: Session, profile: PolicyProfile) -> bool:
    versions = exists().where(PolicyVersion.profile_id == profile.id)
    assignments = exists().where(PolicyAssignment.profile_id == profile.id)
    return bool(session.scalar(select(versions | assignments)))


def _require_free_name(session: Session, client_id: int, name: str) -> None:
    taken = exists().where(
        PolicyProfile.client_id == client_id,
        PolicyProfile.name == name,
        PolicyProfile.group_id.is_(None),
        PolicyProfile.device_id.is_(None),
    )
    if session.scalar(select(taken)):
        raise InvalidInput(msgid("The client has a policy of this name already."), field="name")


def _checked_words(name: str, description: str) -> tuple[str, str]:
    wanted = _checked_line(name, "name", NAME_LENGTH)
    if not wanted:
        raise InvalidInput(msgid("This is needed."), field="name")
    return wanted, _checked_line(description, "description", DESCRIPTION_LENGTH)


def _checked_line(typed: str, field: str, length: int) -> str:
    cleaned = " ".join(typed.split())
    if len(cleaned) > length or not cleaned.isprintable():
        raise InvalidInput(
            msgid("Use at most %(length)s ordinary characters."), field=field, length=length
        )
    return cleaned
