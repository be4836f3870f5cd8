"""The kinds of report there are, in the order in which they are offered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.errors import InvalidInput
from servicedesk.core.text import msgid
from servicedesk.reports.kinds.audit import Audit
from servicedesk.reports.kinds.commands import Commands
from servicedesk.reports.kinds.conformity import ConformityLines
from servicedesk.reports.kinds.engagement import Engagement
from servicedesk.reports.kinds.fleet import Fleet
from servicedesk.reports.kinds.orders import Orders
from servicedesk.reports.kinds.planned import PlannedRuns
from servicedesk.reports.kinds.sla import Sla
from servicedesk.reports.kinds.tickets import Tickets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicedesk.core.actors import Actor
    from servicedesk.reports.kinds.kind import ReportKind

KINDS: tuple[ReportKind, ...] = (
    Fleet(),
    ConformityLines(),
    Commands(),
    Orders(),
    Tickets(),
    Sla(),
    PlannedRuns(),
    Engagement(),
    Audit(),
)
_BY_CODE = {kind.code: kind for kind in KINDS}


def kinds_for(actor: Actor) -> Sequence[ReportKind]:
    """Return the kinds the actor may ask for."""
    return [kind for kind in KINDS if kind.is_for(actor)]


def kind_named(code: str, actor: Actor) -> ReportKind:
    """Return a kind that the actor may ask for. Raises InvalidInput at `kind`."""
    kind = _BY_CODE.get(code)
    if kind is None or not kind.is_for(actor):
        raise InvalidInput(msgid("Choose what the report is about."), field="kind")
    return kind
