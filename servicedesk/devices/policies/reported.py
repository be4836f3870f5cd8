"""What devices say they have, and in what that differs from what they should have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from servicedesk.core.unit_of_work import Work

MOST_ENTRIES = 4000  # of a section; what comes after is not believed
LONGEST_KEY = 300


def record_reports(work: Work, reports: Mapping[int, tuple[object, datetime]]) -> None:
    """Keep what these devices (by id) report to have, each with when it said so.

    A report older than the one we have changes nothing, and what is not understood is left out.
    """
    if not reports:
        return
    work.session.execute(
        RECORD,
        {
            "devices": list(reports),
            "reports": [json.dumps(understood(report)) for report, _ in reports.values()],
            "times": [min(at, work.at) for _, at in reports.values()],
        },
    )


def understood(report: object) -> dict[str, dict[str, str]]:
    """Return a device's words as section → key → digest, without what cannot be that."""
    if not isinstance(report, dict):
        return {}
    found: dict[str, dict[str, str]] = {}
    for section, keyed in list(report.items())[:50]:
        if isinstance(keyed, dict) and (entries := _entries(keyed)):
            found[_plain(section)] = entries
    return found


def _entries(keyed: Mapping[Any, Any]) -> dict[str, str]:
    return {
        _plain(key): _plain(digest)
        for key, digest in list(keyed.items())[:MOST_ENTRIES]
        if isinstance(digest, str)
    }


def _plain(words: object) -> str:
    return str(words).encode("utf-8", "ignore").decode().replace("\x00", "")[:LONGEST_KEY]


RECORD = text("""
    UPDATE device_policy p
       SET reported = r.report, reported_at = r.at, has_drift = r.report <> e.fingerprints,
           drift_since = CASE WHEN r.report <> e.fingerprints
                              THEN coalesce(p.drift_since, r.at) END
      FROM unnest(CAST(:devices AS bigint[]), CAST(:reports AS jsonb[]),
                  CAST(:times AS timestamptz[])) AS r (device_id, report, at),
           effective_policy e
     WHERE p.device_id = r.device_id AND e.id = p.effective_id
       AND (p.reported_at IS NULL OR p.reported_at <= r.at)
""")
