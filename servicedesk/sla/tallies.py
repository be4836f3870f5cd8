"""Counters for dashboards: what a ledger counts for, and how changes get into the counters.

Each change of a ledger writes what it adds and takes away as rows of their own, without waiting for
anybody; a job folds them into the counters. A reader adds up both: always exact, never a scan.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, text

from servicedesk.sla.cycles import OPEN_STANDINGS, Standing, Verdict
from servicedesk.sla.models import SlaTallyChange

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from sqlalchemy.orm import Session

    from servicedesk.sla.models import SlaCycle, SlaLedger

EVERY_AGENT = -1
NOBODY = 0
ARRIVED = "arrived"
FOLD_SIZE = 20_000
FOLD_LOCK = 0x5C4F01D  # one process folds at a time: two would wait for each other's rows


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One thing counted once."""

    client_id: int
    agent_id: int
    figure: str
    on_day: date
    kind: str
    priority: str
    queue: str
    slot: int = 0


def figure_of(metric: str, what: str) -> str:
    """Return the name of a figure of cycles: `resolution.met`, `.near`, `.breached`."""
    return f"{metric}.{what}"


def open_figure(standing: Standing) -> str:
    """Return the name under which open subjects of a standing are counted, by day of arrival."""
    return f"open.{standing.value}"


def marks_of(ledger: SlaLedger, cycles: Iterable[SlaCycle]) -> Counter[Mark]:
    """Return what a ledger's rows count for, as they are."""
    marks: Counter[Mark] = Counter()
    for cycle in cycles:
        if cycle.month is None:
            continue
        what = ["met" if cycle.verdict is Verdict.MET else "breached"]
        if cycle.is_near_miss:
            what.append("near")
        for name in what:
            marks[
                Mark(
                    client_id=ledger.client_id,
                    agent_id=cycle.agent_id or NOBODY,
                    figure=figure_of(cycle.metric, name),
                    on_day=cycle.month,
                    kind=cycle.kind,
                    priority=cycle.priority,
                    queue=cycle.queue,
                )
            ] += 1
    if ledger.standing is not Standing.MERGED:
        marks[_of_ledger(ledger, ARRIVED, ledger.started_on.replace(day=1))] += 1
    if ledger.standing in OPEN_STANDINGS:
        marks[_of_ledger(ledger, open_figure(ledger.standing), ledger.started_on)] += 1
    return marks


def _of_ledger(ledger: SlaLedger, figure: str, day: date) -> Mark:
    return Mark(
        client_id=ledger.client_id,
        agent_id=ledger.agent_id or NOBODY,
        figure=figure,
        on_day=day,
        slot=ledger.started_slot if figure == ARRIVED else 0,
        kind=ledger.kind,
        priority=ledger.priority,
        queue=ledger.queue,
    )


def note_changes(session: Session, before: Counter[Mark], after: Counter[Mark]) -> None:
    """Write what has to be added to the counters; one statement, none if nothing changed."""
    rows = [
        asdict(mark) | {"amount": after[mark] - before[mark]}
        for mark in {*before, *after}
        if after[mark] != before[mark]
    ]
    if rows:
        session.execute(insert(SlaTallyChange), rows)


# Each change counts at every level that a reader may ask for: of its client and of all, of its agent
# and of all, of its kind, priority and queue and of all; an arrival in its hour and in its month.
# A row is counted for its client and for all, its agent and all, its hour and all (of arrivals), and
# for its kind, priority and queue or for all of them together. What is the operator's own counts for
# itself alone.
LEVELS = """
       LATERAL (VALUES (0), ({row}.client_id)) AS c(id),
       LATERAL (VALUES (-1), ({row}.agent_id)) AS a(id),
       LATERAL (VALUES ({row}.slot), (-1)) AS s(slot),
       LATERAL (VALUES ({row}.kind, {row}.priority, {row}.queue), ('', '', ''))
         AS g(kind, priority, queue)
  WHERE (s.slot >= 0 OR {row}.figure = 'arrived')
    AND (c.id <> 0 OR {row}.client_id NOT IN (SELECT id FROM client WHERE is_internal))"""
FOLD = """
WITH gone AS (
  DELETE FROM sla_tally_change WHERE id IN (
    SELECT id FROM sla_tally_change ORDER BY id LIMIT :size) RETURNING *
), sums AS (
  SELECT c.id AS client_id, a.id AS agent_id, figure, on_day, s.slot, g.kind, g.priority, g.queue,
         sum(amount) AS amount
  FROM gone, {levels}
  GROUP BY c.id, a.id, figure, on_day, s.slot, g.kind, g.priority, g.queue
  HAVING sum(amount) <> 0
), added AS (
  INSERT INTO sla_tally AS t (client_id, agent_id, figure, on_day, slot, kind, priority, queue, amount)
  SELECT client_id, agent_id, figure, on_day, slot, kind, priority, queue, amount FROM sums
  ON CONFLICT (client_id, agent_id, figure, on_day, slot, kind, priority, queue)
  DO UPDATE SET amount = t.amount + excluded.amount
)
SELECT count(*) FROM gone
"""
# of open ones a day counts nothing in the end: readers would walk over such days for ever
CLEAR = "DELETE FROM sla_tally WHERE amount = 0"


def fold_changes(session: Session, size: int = FOLD_SIZE) -> int:
    """Add the oldest changes to the counters; return how many rows that were."""
    if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": FOLD_LOCK}):
        return 0
    folded = (
        session.scalar(text(FOLD.format(levels=LEVELS.format(row="gone"))), {"size": size}) or 0
    )
    session.execute(text(CLEAR))
    return folded
