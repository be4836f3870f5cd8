"""Commands in a database that was restored: what had not left then may have left since.

Nobody knows, so each is *unknown*: the engine is asked under the same key, what it says is believed,
and what it never got waits with its order for a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import text

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import CursorResult

    from servicedesk.core.unit_of_work import Work

OBSERVE = text(
    "INSERT INTO command_observation (client_id, command_id, event_id, source, at, received_at,"
    " state, evidence)"
    " SELECT client_id, id, :event, 'restore', :taken_at, :now,"
    " CASE state WHEN 'queued' THEN 'unknown' ELSE state END, :evidence"
    " FROM device_command WHERE state IN ('queued', 'sent', 'not_now')"
    " ON CONFLICT DO NOTHING"
)
# as sent at the moment of the backup, the earliest at which it can have left
DOUBT = text(
    "UPDATE device_command SET state = 'unknown', sent_at = :taken_at, checked_at = :now,"
    " outcome = 'restored' WHERE state = 'queued'"
)


def doubt_what_was_on_its_way(work: Work, taken_at: datetime, event: str, evidence: str) -> int:
    """Say of every command that waited to leave that it may have; return of how many."""
    facts = {"event": event, "taken_at": taken_at, "now": work.at, "evidence": evidence}
    work.session.execute(OBSERVE, facts)
    doubted = work.session.execute(DOUBT, {"taken_at": taken_at, "now": work.at})
    return cast("CursorResult[Any]", doubted).rowcount
