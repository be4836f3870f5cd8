"""The counters of the dashboard, counted again from the rows of ledgers and cycles."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from servicedesk.sla.rebuild import Difference
from servicedesk.sla.tallies import EVERY_AGENT, FOLD_LOCK, LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from servicedesk.sla.tallies import Mark

# One statement, so one moment: changes are written in the transaction of the rows they count.
# `marks` says in SQL what tallies.marks_of says of one ledger.
COMPARED = """
WITH marks AS (
  SELECT client_id, coalesce(agent_id, 0) AS agent_id, metric || '.' || what.name AS figure,
         month AS on_day, 0 AS slot, kind, priority, queue, count(*) AS amount
    FROM sla_cycle, LATERAL (VALUES
           (CASE verdict WHEN 'met' THEN 'met' ELSE 'breached' END, true), ('near', is_near_miss)
         ) AS what(name, counts)
   WHERE month IS NOT NULL AND what.counts AND {whose}
   GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
  UNION ALL
  SELECT client_id, coalesce(agent_id, 0), 'arrived', date_trunc('month', started_on)::date,
         started_slot, kind, priority, queue, count(*)
    FROM sla_ledger WHERE standing <> 'merged' AND {whose} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
  UNION ALL
  SELECT client_id, coalesce(agent_id, 0), 'open.' || standing, started_on,
         0, kind, priority, queue, count(*)
    FROM sla_ledger WHERE standing NOT IN ('ended', 'merged') AND {whose}
   GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
  UNION ALL
  SELECT * FROM jsonb_to_recordset(CAST(:wrong_rows AS jsonb)) AS wrong_rows(
         client_id bigint, agent_id bigint, figure text, on_day date, slot bigint,
         kind text, priority text, queue text, amount bigint)
), compared AS (
  SELECT c.id AS client_id, a.id AS agent_id, figure, on_day, s.slot, g.kind, g.priority, g.queue,
         sum(stored) AS stored, sum(derived) AS derived
    FROM (SELECT *, 0 AS stored, amount AS derived FROM marks
          UNION ALL
          SELECT client_id, agent_id, figure, on_day, slot, kind, priority, queue, amount,
                 amount, 0 FROM sla_tally_change WHERE {whose}) AS counted, {levels}
     AND {level}
   GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
  UNION ALL
  SELECT client_id, agent_id, figure, on_day, slot, kind, priority, queue, amount, 0
    FROM sla_tally WHERE {whose}
), wrong AS (
  SELECT client_id, agent_id, figure, on_day, slot, kind, priority, queue,
         sum(stored) AS stored, sum(derived) AS derived
    FROM compared GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 HAVING sum(stored) <> sum(derived)
)
"""
LISTED = """
SELECT coalesce(client.reference, CASE wrong.client_id WHEN 0 THEN '' ELSE '?' END) AS client,
       wrong.* FROM wrong LEFT JOIN client ON client.id = wrong.client_id
 ORDER BY figure, on_day, wrong.client_id, agent_id, slot, kind, priority, queue
"""
SET_RIGHT = """
, written AS (
  INSERT INTO sla_tally AS t
         (client_id, agent_id, figure, on_day, slot, kind, priority, queue, amount)
  SELECT client_id, agent_id, figure, on_day, slot, kind, priority, queue, derived - stored FROM wrong
  ON CONFLICT (client_id, agent_id, figure, on_day, slot, kind, priority, queue)
  DO UPDATE SET amount = t.amount + excluded.amount
  RETURNING 1
) SELECT count(*) FROM written
"""


def _compared(client_id: int | None) -> str:
    levels = LEVELS.format(row="counted")
    if client_id is None:
        return COMPARED.format(whose="true", level="true", levels=levels)
    return COMPARED.format(whose="client_id = :client", level="c.id = :client", levels=levels)


def check_counters(
    session: Session, client_id: int | None = None, wrong_rows: Mapping[Mark, int] | None = None
) -> list[Difference]:
    """Return the counters that do not count what is there; one statement.

    Of rows that are wrong themselves, `wrong_rows` says what counting them right changes: a counter
    is not wrong because a row is.
    """
    found = session.execute(text(_compared(client_id) + LISTED), _values(client_id, wrong_rows))
    return [
        Difference(
            subject="",
            place=(
                f"counter {row.figure} {row.on_day} {row.client or 'all clients'}"
                f" agent {'all' if row.agent_id == EVERY_AGENT else row.agent_id}"
                f" {row.kind}/{row.priority}/{row.queue} hour {row.slot}:"
            ),
            stored=str(row.stored),
            derived=str(row.derived),
        )
        for row in found
    ]


def set_counters_right(session: Session, client_id: int | None = None) -> int:
    """Have every counter count what is there; return how many did not. Nobody folds meanwhile."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": FOLD_LOCK})
    statement = _compared(client_id) + SET_RIGHT
    return session.scalar(text(statement), _values(client_id, None)) or 0


def _values(client_id: int | None, wrong_rows: Mapping[Mark, int] | None) -> dict[str, Any]:
    rows = [asdict(mark) | {"amount": amount} for mark, amount in (wrong_rows or {}).items()]
    values: dict[str, Any] = {"wrong_rows": json.dumps(rows, default=str)}
    return values if client_id is None else {**values, "client": client_id}
