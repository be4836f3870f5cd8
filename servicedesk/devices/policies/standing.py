"""How a device stands towards its policy: what it should have, from where, and in what it differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from servicedesk.clients.visibility import visible_to
from servicedesk.core import database
from servicedesk.core.text import Text, Verbatim, msgid
from servicedesk.devices.policies.effective import DriftKind, drift
from servicedesk.devices.policies.models import DevicePolicy
from servicedesk.devices.policies.queries import document_names, profiles_by_reference
from servicedesk.devices.policies.sections import BY_CODE
from servicedesk.devices.policies.telling import Entry, documents_in, title_of, told

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from servicedesk.core.actors import Actor
    from servicedesk.devices.policies.models import EffectivePolicy
    from servicedesk.devices.policies.sections.section import Section

DRIFT_LABELS = {
    DriftKind.MISSING: msgid("It is missing"),
    DriftKind.DIFFERENT: msgid("It is different"),
    DriftKind.UNEXPECTED: msgid("It should not be there"),
}

DRIFT_SHOWN = 30  # on a page; the API tells all


@dataclass(frozen=True, kw_only=True)
class DriftLine:
    """An entry in which a device differs, with its sentence, or its name where there is none."""

    section: str  # label of the section, or what the device called it
    code: str
    key: str
    kind: DriftKind
    summary: Text


@dataclass(frozen=True, kw_only=True)
class ConflictLine:
    """Two profiles that want different things, by reference; the first one decided."""

    section: Section
    key: str
    label: str  # of the setting; empty where it is about the whole entry
    setting: str
    kept: str
    lost: str


@dataclass(frozen=True, kw_only=True)
class PolicyStanding:
    """What a device should have and has. `titles`: how profiles are called, by reference."""

    entries: list[Entry]
    titles: Mapping[str, Text]
    conflicts: list[ConflictLine]
    withheld: list[Section]
    drift: list[DriftLine]
    has_drift: bool
    is_held: bool
    desired_at: datetime
    reported_at: datetime | None


def policy_standing(actor: Actor, device_id: int) -> PolicyStanding | None:
    """Return how a device stands, None where it should have nothing; three statements at most."""
    row = database.session().scalar(
        select(DevicePolicy)
        .options(joinedload(DevicePolicy.effective, innerjoin=True))
        .where(DevicePolicy.device_id == device_id, visible_to(actor, DevicePolicy.client_id))
    )
    if row is None:
        return None
    policy = row.effective
    named = profiles_by_reference(actor, _references(policy))
    documents = document_names(actor, documents_in([policy.content]))
    entries = told(policy.content, documents, policy.sources)
    return PolicyStanding(
        entries=entries,
        titles={reference: title_of(profile) for reference, profile in named.items()},
        conflicts=[_conflict(one) for one in policy.conflicts],
        withheld=[BY_CODE[code] for code in policy.withheld if code in BY_CODE],
        drift=_drift(row, entries),
        has_drift=row.has_drift,
        is_held=row.is_held,
        desired_at=row.desired_at,
        reported_at=row.reported_at,
    )


def _references(policy: EffectivePolicy) -> set[str]:
    decided = {
        reference
        for keyed in policy.sources.values()
        for settings in keyed.values()
        for reference in settings.values()
    }
    return decided | {one[side] for one in policy.conflicts for side in ("kept", "lost")}


def _conflict(one: Mapping[str, str]) -> ConflictLine:
    section = BY_CODE[one["section"]]
    labels = {parameter.name: parameter.label for parameter in section.parameters}
    return ConflictLine(
        section=section,
        key=one["key"],
        setting=one["setting"],
        label=labels.get(one["setting"], ""),
        kept=one["kept"],
        lost=one["lost"],
    )


def _drift(row: DevicePolicy, entries: list[Entry]) -> list[DriftLine]:
    summaries = {(one.section.code, one.key): one.summary for one in entries}
    lines = []
    for one in drift(row.effective.fingerprints, row.reported):
        section = BY_CODE.get(one.section)
        named = Text("%(key)s", {"key": Verbatim(one.key or one.section)})
        lines.append(
            DriftLine(
                section=section.label if section else Verbatim(one.section),
                code=one.section,
                key=one.key,
                kind=one.kind,
                summary=summaries.get((one.section, one.key), named),
            )
        )
    return lines
