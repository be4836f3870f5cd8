"""The account manager's days: lines of the ledger and visits, together in the order of time."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Numeric, case, cast, column, literal, select, table, union_all

from servicedesk.clients.visibility import visible_to
from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.engagement.budget import QUARTERS_A_DAY
from servicedesk.engagement.models import (
    ENTRY_LABELS,
    KIND_LABELS,
    STATE_LABELS,
    Amendment,
    LedgerEntry,
    Visit,
)
from servicedesk.reports.columns import choice, instant, narrow, number, words
from servicedesk.reports.kinds.kind import CLIENT, Lines, ReportKind, client_column, join_client

if TYPE_CHECKING:
    from sqlalchemy import Select

    from servicedesk.reports.columns import Asked


class Line(StrEnum):
    """What a line is of."""

    ENTRY = "entry"
    VISIT = "visit"


LINE_LABELS = {Line.ENTRY: msgid("Ledger"), Line.VISIT: msgid("Visit")}
# what happened: an entry of the ledger, or how a visit stands
WHAT_LABELS = {
    **{f"entry:{kind.value}": label for kind, label in ENTRY_LABELS.items()},
    **{f"visit:{state.value}": label for state, label in STATE_LABELS.items()},
}
NAMES = (
    "client_id",
    "line",
    "id",
    "at",
    "what",
    "kind",
    "quarters",
    "reference",
    "title",
    "who",
    "reason",
)
LINE = table("line", *map(column, NAMES))


def _days(quarters: Any) -> Any:
    return cast(quarters, Numeric) / QUARTERS_A_DAY


class Engagement(ReportKind):
    """Ledger and visits of a period."""

    code = "engagement"
    label = msgid("Engagement days")
    description = msgid("Every entry of the ledger of days, and every visit.")
    permission = Permission.ENGAGEMENT_READ
    period = msgid("When it was entered, or the visit begins")
    lines = Lines(
        source=LINE,
        client_id=LINE.c.client_id,
        at=LINE.c.at,
        order=(LINE.c.at, LINE.c.line, LINE.c.id),
    )
    joins = {CLIENT: join_client(LINE.c.client_id)}  # noqa: RUF012
    columns = (
        client_column(),
        choice("line", msgid("Line of"), LINE.c.line, LINE_LABELS),
        instant("at", msgid("At"), LINE.c.at),
        choice("what", msgid("What happened"), LINE.c.what, WHAT_LABELS),
        choice("kind", msgid("Kind of visit"), LINE.c.kind, KIND_LABELS),
        number("days", msgid("Days"), _days(LINE.c.quarters)),
        words("reference", msgid("Reference"), LINE.c.reference),
        words("title", msgid("Subject"), LINE.c.title),
        words("who", msgid("Who"), LINE.c.who),
        words("reason", msgid("Why"), LINE.c.reason, in_default=False),
    )
    filters = (
        narrow("line", msgid("Line of"), LINE.c.line, LINE_LABELS),
        narrow("kind", msgid("Kind of visit"), LINE.c.kind, KIND_LABELS),
    )

    def rows(self, asked: Asked) -> Select[Any]:
        """Return entries and visits as one table."""
        lines = union_all(_entries(asked), _visits(asked)).cte(LINE.name)
        return super().rows(asked).add_cte(lines)


def _entries(asked: Asked) -> Select[Any]:
    entry = LedgerEntry
    return (
        select(
            entry.client_id.label("client_id"),
            literal(Line.ENTRY.value).label("line"),
            entry.id.label("id"),
            entry.at.label("at"),
            (literal("entry:") + entry.kind).label("what"),
            Visit.kind.label("kind"),
            entry.quarters.label("quarters"),
            case((Visit.id.is_not(None), Visit.reference), else_=Amendment.reference).label(
                "reference"
            ),
            Visit.title.label("title"),
            entry.author_name.label("who"),
            entry.reason.label("reason"),
        )
        .outerjoin(Visit, Visit.id == entry.visit_id)
        .outerjoin(Amendment, Amendment.id == entry.amendment_id)
        .where(visible_to(asked.actor, entry.client_id))
    )


def _visits(asked: Asked) -> Select[Any]:
    taken = case(
        (Visit.consumed_quarters > 0, Visit.consumed_quarters), else_=Visit.planned_quarters
    )
    return select(
        Visit.client_id,
        literal(Line.VISIT.value),
        Visit.id,
        Visit.starts_at,
        literal("visit:") + Visit.state,
        Visit.kind,
        taken,
        Visit.reference,
        Visit.title,
        Visit.manager_name,
        Visit.note,
    ).where(visible_to(asked.actor, Visit.client_id))
