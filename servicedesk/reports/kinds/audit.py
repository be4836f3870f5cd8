"""Who did what and when. A client is told what happened on its service, never what changed how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import cast, column, func, literal_column, select, table
from sqlalchemy.dialects.postgresql import JSONB

from servicedesk.core.audit import AuditEntry
from servicedesk.core.permissions import Permission, may
from servicedesk.core.text import msgid
from servicedesk.reports.columns import choice, instant, narrow, words
from servicedesk.reports.kinds.kind import CLIENT, Lines, ReportKind, client_column, join_client

if TYPE_CHECKING:
    from sqlalchemy import Select

    from servicedesk.core.actors import Actor
    from servicedesk.reports.columns import Asked

ROLE_LABELS = {
    "contact": msgid("Authorised contact"),
    "agent": msgid("Agent"),
    "account_manager": msgid("Account manager"),
    "supervisor": msgid("Supervisor"),
    "system": msgid("Service desk"),
}
LINE = table(
    "line",
    *map(
        column, ("id", "client_id", "at", "actor", "role", "act", "subject", "address", "changes")
    ),
)
CHANGES = """(SELECT string_agg((c->>'kind') || ' ' || (c->>'reference') || ': ' ||
    (SELECT string_agg(k, ', ') FROM jsonb_object_keys(c->'fields') k), '; ')
  FROM jsonb_array_elements((audit_entry.payload::jsonb)->'changes') c)"""


class Audit(ReportKind):
    """The trail of a period."""

    code = "audit"
    label = msgid("Audit")
    description = msgid("Who did what to which thing, and when.")
    permission = Permission.AUDIT_READ
    is_same_for_client = False
    period = msgid("When it was done")
    lines = Lines(
        source=LINE, client_id=LINE.c.client_id, at=LINE.c.at, order=(LINE.c.at, LINE.c.id)
    )
    joins = {CLIENT: join_client(LINE.c.client_id)}  # noqa: RUF012
    columns = (
        client_column(),
        instant("at", msgid("At"), LINE.c.at),
        words("actor", msgid("Who"), LINE.c.actor, is_personal=True),
        choice("role", msgid("Role"), LINE.c.role, ROLE_LABELS),
        words("act", msgid("Act"), LINE.c.act),
        words("subject", msgid("On what"), LINE.c.subject),
        words(
            "address",
            msgid("Network address"),
            LINE.c.address,
            is_personal=True,
            in_default=False,
            for_operator=True,
        ),
        words("changes", msgid("What changed"), LINE.c.changes, for_operator=True),
    )
    filters = (
        narrow("role", msgid("Role"), LINE.c.role, ROLE_LABELS),
        narrow("actor", msgid("Name of the person"), LINE.c.actor),
        narrow("act", msgid("Act"), LINE.c.act),
        narrow("subject", msgid("Reference of the thing"), LINE.c.subject),
    )

    def is_for(self, actor: Actor) -> bool:
        """Whether the actor may ask for it: every client for its own part, of us who may read it."""
        return may(actor, Permission.REPORT_MAKE) and (actor.is_contact or super().is_for(actor))

    def rows(self, asked: Asked) -> Select[Any]:
        """Return the trail: for a client only what one function of the database gives out."""
        found = _told_to_client(asked) if asked.actor.is_contact else _whole(asked)
        return select().select_from(LINE).add_cte(found.cte(LINE.name))


def _told_to_client(asked: Asked) -> Select[Any]:
    told = func.desk_client_activity(asked.since, asked.until)
    return select(literal_column("*")).select_from(told.table_valued("id"))


def _whole(asked: Asked) -> Select[Any]:
    payload = cast(AuditEntry.payload, JSONB)
    query = select(
        AuditEntry.id,
        AuditEntry.chain.label("client_id"),
        AuditEntry.at,
        AuditEntry.actor,
        payload["role"].astext.label("role"),
        AuditEntry.act,
        AuditEntry.subject,
        payload["address"].astext.label("address"),
        literal_column(CHANGES).label("changes"),
    )
    if asked.since is not None and asked.until is not None:
        query = query.where(AuditEntry.at >= asked.since, AuditEntry.at < asked.until)
    return query
