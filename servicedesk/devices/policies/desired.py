"""What each device should have: computed once for all devices that the same profiles reach.

However many devices there are, the number of statements is the same; a device's row changes only
when what it should have is something else than before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from servicedesk.core.database import expect_rows
from servicedesk.devices.conformity.models import WITHHOLDS
from servicedesk.devices.policies.changes import lock_policies
from servicedesk.devices.policies.effective import Assigned, Effective, Rank, effective_policy
from servicedesk.devices.policies.models import PolicyProfile, PolicyVersion, VersionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.policies.content import Content


@dataclass(frozen=True)
class Alike:
    """Devices that get the same: their platform, what is withheld, and the profiles by rank."""

    platform: str
    withheld: tuple[str, ...]
    ranks: tuple[Rank, ...]
    device_ids: tuple[int, ...]

    def effective(self, published: Mapping[int, tuple[str, Content]], day: date) -> Effective:
        """Return what they should have on a day."""
        assigned = [
            Assigned(rank, *published[rank.profile_id])
            for rank in self.ranks
            if rank.profile_id in published
        ]
        return effective_policy(assigned, self.platform, day, self.withheld)


def refresh_desired(
    work: Work, client_id: int, device_ids: Sequence[int] | None = None
) -> list[int]:
    """Compute anew what these devices, or all of the client, should have.

    Returns the ids of those for which it is something else than before. Devices that are not
    enrolled should have nothing and are forgotten.
    """
    work.session.flush()
    lock_policies(work, client_id)
    wanted = {"client": client_id, "devices": None if device_ids is None else list(device_ids)}
    work.session.execute(FORGET, wanted)
    if device_ids is None:
        work.session.execute(PRUNE, {"client": client_id})
    alike = devices_alike(work.session, client_id, device_ids)
    if not alike:
        return []
    published = published_contents(work.session, client_id)
    policies = [one.effective(published, work.at.date()) for one in alike]
    ids = _kept(work, client_id, policies)
    pairs = [
        (device_id, ids[policy.digest])
        for one, policy in zip(alike, policies, strict=True)
        for device_id in one.device_ids
    ]
    expect_rows(work.session, len(pairs))
    changed = work.session.scalars(
        WRITE,
        {
            "client": client_id,
            "now": work.at,
            "devices": [device_id for device_id, _ in pairs],
            "policies": [policy_id for _, policy_id in pairs],
        },
    ).all()
    return sorted(changed)


def devices_alike(
    session: Session, client_id: int, device_ids: Sequence[int] | None = None
) -> list[Alike]:
    """Return the enrolled devices of a client (or these of them), those that get the same together."""
    rows = session.execute(
        ALIKE,
        {
            "client": client_id,
            "devices": None if device_ids is None else list(device_ids),
            "consequences": list(WITHHOLDS),
            "sections": list(WITHHOLDS.values()),
        },
    )
    return [
        Alike(
            row.platform,
            tuple(row.withheld),
            tuple(Rank(*rank) for rank in row.ranks or ()),
            tuple(row.device_ids),
        )
        for row in rows
    ]


def published_contents(session: Session, client_id: int) -> dict[int, tuple[str, Content]]:
    """Return reference and published content of a client's profiles, by the profile's id."""
    rows = session.execute(
        select(PolicyProfile.id, PolicyProfile.reference, PolicyVersion.content)
        .join(PolicyVersion, PolicyVersion.profile_id == PolicyProfile.id)
        .where(PolicyProfile.client_id == client_id, PolicyVersion.state == VersionState.PUBLISHED)
    )
    return {row.id: (row.reference, row.content) for row in rows}


def _kept(work: Work, client_id: int, policies: Iterable[Effective]) -> dict[str, int]:
    """Store what is not stored yet; return the ids by digest."""
    by_digest = {policy.digest: policy for policy in policies}
    columns: dict[str, list[Any]] = {
        "digests": list(by_digest),
        "contents": [json.dumps(policy.content) for policy in by_digest.values()],
        "sources": [json.dumps(policy.sources) for policy in by_digest.values()],
        "conflicts": [
            json.dumps([conflict.to_json() for conflict in policy.conflicts])
            for policy in by_digest.values()
        ],
        "withheld": [json.dumps(policy.withheld) for policy in by_digest.values()],
        "fingerprints": [json.dumps(policy.fingerprints) for policy in by_digest.values()],
    }
    rows = work.session.execute(KEEP, {"client": client_id, **columns})
    return {row.digest: row.id for row in rows}


FORGET = text("""
    DELETE FROM device_policy p USING device d
     WHERE p.client_id = :client AND d.id = p.device_id AND d.state <> 'enrolled'
       AND (CAST(:devices AS bigint[]) IS NULL OR d.id = ANY (CAST(:devices AS bigint[])))
""")
# what no device should have any more; behind the client's lock nobody is about to need it
PRUNE = text("""
    DELETE FROM effective_policy e
     WHERE e.client_id = :client
       AND NOT EXISTS (SELECT FROM device_policy p WHERE p.effective_id = e.id)
""")
ALIKE = text("""
    WITH wanted AS (
      SELECT id, platform FROM device
       WHERE client_id = :client AND state = 'enrolled'
         AND (CAST(:devices AS bigint[]) IS NULL OR id = ANY (CAST(:devices AS bigint[])))
    ), reached AS (
      SELECT w.id, a.profile_id, ARRAY[0, a.precedence, a.profile_id] AS rank
        FROM wanted w JOIN policy_assignment a ON a.device_id = w.id
      UNION ALL
      SELECT w.id, a.profile_id, ARRAY[1, a.precedence, a.profile_id]
        FROM wanted w JOIN device_group_member m ON m.device_id = w.id
        JOIN policy_assignment a ON a.group_id = m.group_id
    ), strongest AS (
      SELECT id, profile_id, min(rank) AS rank FROM reached GROUP BY id, profile_id
    ), ranked AS (
      SELECT id, array_agg(rank ORDER BY rank) AS ranks FROM strongest GROUP BY id
    ), withheld AS (
      SELECT f.device_id, array_agg(DISTINCT k.section ORDER BY k.section) AS sections
        FROM conformity_finding f
        JOIN conformity_rule r ON r.id = f.rule_id AND r.is_active
        JOIN unnest(CAST(:consequences AS text[]), CAST(:sections AS text[]))
          AS k (consequence, section) ON k.consequence = ANY (r.consequences)
       WHERE f.client_id = :client
       GROUP BY f.device_id
    )
    SELECT w.platform, coalesce(h.sections, '{}') AS withheld, r.ranks,
           array_agg(w.id ORDER BY w.id) AS device_ids
      FROM wanted w LEFT JOIN ranked r ON r.id = w.id LEFT JOIN withheld h ON h.device_id = w.id
     GROUP BY 1, 2, 3
""")
KEEP = text("""
    WITH wanted AS (
      SELECT * FROM unnest(CAST(:digests AS text[]), CAST(:contents AS jsonb[]),
        CAST(:sources AS jsonb[]), CAST(:conflicts AS jsonb[]), CAST(:withheld AS jsonb[]),
        CAST(:fingerprints AS jsonb[]))
        AS w (digest, content, sources, conflicts, withheld, fingerprints)
    ), kept AS (
      INSERT INTO effective_policy
        (client_id, digest, content, sources, conflicts, withheld, fingerprints)
      SELECT :client, digest, content, sources, conflicts,
             ARRAY(SELECT jsonb_array_elements_text(withheld)), fingerprints FROM wanted
      ON CONFLICT (client_id, digest) DO NOTHING
      RETURNING id, digest
    )
    SELECT id, digest FROM kept
    UNION ALL
    SELECT e.id, e.digest FROM effective_policy e JOIN wanted w ON w.digest = e.digest
     WHERE e.client_id = :client
""")
WRITE = text("""
    INSERT INTO device_policy AS p
      (device_id, client_id, effective_id, desired_at, reported, has_drift, drift_since, is_held)
    SELECT w.device_id, :client, w.policy_id, :now, '{}', e.fingerprints <> '{}',
           CASE WHEN e.fingerprints <> '{}' THEN CAST(:now AS timestamptz) END, false
      FROM unnest(CAST(:devices AS bigint[]), CAST(:policies AS bigint[])) AS w (device_id, policy_id)
      JOIN effective_policy e ON e.id = w.policy_id
    ON CONFLICT (device_id) DO UPDATE
       SET effective_id = excluded.effective_id, desired_at = excluded.desired_at,
           has_drift = p.reported IS DISTINCT FROM
             (SELECT fingerprints FROM effective_policy WHERE id = excluded.effective_id),
           drift_since = CASE WHEN p.reported IS DISTINCT FROM
             (SELECT fingerprints FROM effective_policy WHERE id = excluded.effective_id)
             THEN coalesce(p.drift_since, excluded.desired_at) END
     WHERE p.effective_id <> excluded.effective_id
    RETURNING p.device_id
""")
