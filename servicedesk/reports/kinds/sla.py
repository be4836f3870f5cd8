"""Service levels: every run of every clock, with its target, what it took and its verdict."""

from __future__ import annotations

from sqlalchemy import case

from servicedesk.core.permissions import Permission
from servicedesk.core.text import msgid
from servicedesk.reports.columns import Column, ColumnType, choice, duration, instant, narrow, words
from servicedesk.reports.kinds.kind import CLIENT, Lines, ReportKind, client_column, join_client
from servicedesk.sla.cycles import METRIC_LABELS, Verdict
from servicedesk.sla.models import SlaCycle, SlaLedger
from servicedesk.tickets.models import KIND_LABELS, PRIORITY_LABELS, QUEUE_LABELS

LEDGER = ("ledger",)
VERDICT_LABELS = {
    Verdict.RUNNING: msgid("Running"),
    Verdict.PAUSED: msgid("Paused"),
    Verdict.MET: msgid("Met"),
    Verdict.BREACHED: msgid("Breached"),
    Verdict.SUPERSEDED: msgid("Other terms came"),
    Verdict.WITHDRAWN: msgid("Withdrawn"),
}
YES_NO = {True: msgid("Yes"), False: msgid("No")}
# what is decided counts when it was decided, as on the dashboard
DECIDED_AT = case(
    (SlaCycle.verdict == Verdict.MET, SlaCycle.stopped_at),
    (SlaCycle.verdict == Verdict.BREACHED, SlaCycle.due_at),
    else_=SlaCycle.started_at,
)


class Sla(ReportKind):
    """Every cycle of a period."""

    code = "sla"
    label = msgid("Service levels")
    description = msgid("Every clock of every ticket: target, time used, verdict and near misses.")
    permission = Permission.TICKET_READ
    period = msgid("When it was decided, or began where it is not decided yet")
    lines = Lines(
        source=SlaCycle, client_id=SlaCycle.client_id, at=DECIDED_AT, order=(SlaCycle.id,)
    )
    joins = {  # noqa: RUF012
        CLIENT: join_client(SlaCycle.client_id),
        "ledger": lambda query: query.join(SlaLedger, SlaLedger.id == SlaCycle.ledger_id),
    }
    columns = (
        client_column(),
        words("ticket", msgid("Ticket"), SlaLedger.subject, joins=LEDGER),
        choice("metric", msgid("Metric"), SlaCycle.metric, METRIC_LABELS),
        choice("kind", msgid("Kind"), SlaCycle.kind, KIND_LABELS),
        choice("priority", msgid("Priority"), SlaCycle.priority, PRIORITY_LABELS),
        choice("queue", msgid("Queue"), SlaCycle.queue, QUEUE_LABELS, in_default=False),
        instant("started", msgid("Began at"), SlaCycle.started_at),
        instant("due", msgid("Due at"), SlaCycle.due_at),
        instant("stopped", msgid("Stopped at"), SlaCycle.stopped_at),
        duration("target", msgid("Target"), SlaCycle.target_seconds),
        duration("elapsed", msgid("Time used"), SlaCycle.elapsed_seconds),
        choice("verdict", msgid("Verdict"), SlaCycle.verdict, VERDICT_LABELS),
        choice("near_miss", msgid("Near miss"), SlaCycle.is_near_miss, YES_NO),
        Column(
            code="month",
            label=msgid("Counts in the month of"),
            value=SlaCycle.month,
            type=ColumnType.DATE,
        ),
    )
    filters = (
        narrow("metric", msgid("Metric"), SlaCycle.metric, METRIC_LABELS),
        narrow("verdict", msgid("Verdict"), SlaCycle.verdict, VERDICT_LABELS),
        narrow("kind", msgid("Kind"), SlaCycle.kind, KIND_LABELS),
        narrow("priority", msgid("Priority"), SlaCycle.priority, PRIORITY_LABELS),
    )
