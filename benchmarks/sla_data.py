"""Clocks of very many tickets over 13 months, written set-based: what a sweep and a dashboard meet.

Everything that is cached says exactly what the events say: the calendar is open day and night, so
that SQL can do the sums, and the plan is the standard one without its periodic updates. Ids rise
with time; the newest `open` tickets are open: most of them within their target, some far beyond it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import text

from servicedesk.sla.calendar import CalendarDefinition, OpenInterval
from servicedesk.sla.cycles import Metric
from servicedesk.sla.standard import HOURS, office_hours, standard_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from servicedesk.sla.cycles import Target
    from servicedesk.sla.plan import Row

CLIENTS = 200
AGENTS = 40
# whoever is there: a contact of client 1, the agents, a supervisor, the manager of clients 1 to 20
CONTACT_ID, FIRST_AGENT_ID, SUPERVISOR_ID, MANAGER_ID = 1, 2, 42, 43
ZONE = "Europe/Madrid"

BASICS: Sequence[str] = (
    """INSERT INTO "user" (id, email, name, role, language, time_zone, is_active, session_version,
                            created_at)
       SELECT n, CASE n WHEN 1 THEN 'contact' WHEN 42 THEN 'supervisor' WHEN 43 THEN 'manager'
                 ELSE 'agent' || n END || '@bench.test',
              CASE n WHEN 1 THEN 'Contact' WHEN 42 THEN 'Supervisor' WHEN 43 THEN 'Manager'
              ELSE 'Agent ' || n END,
              CASE n WHEN 1 THEN 'contact' WHEN 42 THEN 'supervisor' WHEN 43 THEN 'account_manager'
              ELSE 'agent' END, 'es', 'Europe/Madrid', true, 1, now() - interval '400 days'
       FROM generate_series(1, 43) n""",
    'INSERT INTO credential (user_id) SELECT id FROM "user"',
    """INSERT INTO client (id, reference, name, tax_id, sector, city, created_at)
       SELECT n, 'CLI-B' || n, 'Client ' || n, 'B' || n, 'Logistics', 'Bilbao',
              now() - interval '400 days' FROM generate_series(1, :clients) n""",
    """INSERT INTO contract (id, client_id, reference, modality, starts_on, ends_on, time_zone, blocks,
                             engagement_days, wipes_per_order, wipes_per_hour,
                             wipe_share_per_day, cancel_window_minutes, location_days)
       SELECT id, id, 'CTR-B' || id, 'advanced_managed', current_date - 500, current_date + 500,
              :zone, ARRAY['device_security', 'messaging'], 16, 1, 5, 0.02, 30, 30 FROM client""",
    """INSERT INTO authorised_contact (user_id, client_id, phone) VALUES (1, 1, '')""",
    """INSERT INTO account_management (user_id, client_id) SELECT 43, id FROM client WHERE id <= 20""",
    """INSERT INTO plan_version (id, code, version, name, effective_on, definition, created_at,
                                 author_name)
       VALUES (1, 'standard', 1, 'Standard', '2020-01-01', CAST(:plan AS jsonb), now(), 'bench')""",
    """INSERT INTO calendar_version (id, code, version, name, effective_on, definition, created_at,
                                     author_name)
       VALUES (1, 'always', 1, 'Day and night', '2020-01-01', CAST(:always AS jsonb), now(), 'bench'),
              (2, 'office', 1, 'Office', '2020-01-01', CAST(:office AS jsonb), now(), 'bench')""",
    """INSERT INTO service_level (contract_id, client_id, effective_on, plan_code, calendar_code,
           reason, author_name)
       SELECT id, client_id, '2020-01-01', 'standard', 'always', '', '' FROM contract""",
)

# the dice: a number from 0 to 1 of a ticket's number and a seed, the same at every run
DICE = """
CREATE FUNCTION pg_temp.dice(n bigint, seed bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT abs(hashint8extended(n, seed) % 100000) / 100000.0 $$
"""

# what each ticket is; who is late, early or waiting follows from it
SUBJECT = """
CREATE TEMPORARY TABLE subject AS
WITH rolled AS (
  SELECT n, n > :tickets - :open AS is_open,
         1 + floor(:clients * pg_temp.dice(n, 1) ^ 1.5)::bigint AS client_id,
         CASE WHEN pg_temp.dice(n, 2) < 0.5 THEN 'incident' WHEN pg_temp.dice(n, 2) < 0.85
              THEN 'request' ELSE 'query' END AS kind,
         CASE WHEN pg_temp.dice(n, 3) < 0.03 THEN 'critical' WHEN pg_temp.dice(n, 3) < 0.2
              THEN 'high' WHEN pg_temp.dice(n, 3) < 0.75 THEN 'medium' ELSE 'low' END AS priority,
         pg_temp.dice(n, 4) AS agent_dice, pg_temp.dice(n, 5) AS answer_dice,
         pg_temp.dice(n, 6) AS end_dice, pg_temp.dice(n, 7) AS age_dice,
         pg_temp.dice(n, 8) AS pause_dice, pg_temp.dice(n, 9) AS hour_dice
  FROM generate_series(1, :tickets) n
), aimed AS (
  SELECT r.*, t.response, t.resolution,
         now() - interval '398 days' + r.n * interval '395 days' / (:tickets - :open) AS near_at
  FROM rolled r JOIN jsonb_to_recordset(CAST(:targets AS jsonb))
       AS t(kind text, priority text, response interval, resolution interval)
       USING (kind, priority)
), begun AS (
  SELECT *, CASE
    WHEN is_open AND age_dice < 0.05 THEN now() - resolution - age_dice * interval '1200 days'
    WHEN is_open THEN now() - resolution * (age_dice - 0.05) * 1.15
    -- by day, in the hours and on the days that people work, mostly
    ELSE (date_trunc('day', near_at AT TIME ZONE :zone) + interval '8 hours'
          + hour_dice * interval '11 hours'
          - CASE WHEN extract(isodow FROM near_at AT TIME ZONE :zone) > 5 AND age_dice < 0.8
                 THEN interval '2 days' ELSE interval '0' END) AT TIME ZONE :zone
    END AS started_at
  FROM aimed
), ended AS (
  SELECT *, CASE WHEN NOT is_open THEN started_at + resolution * CASE
      WHEN end_dice < 0.8 THEN 0.02 + end_dice * 1.05 WHEN end_dice < 0.9 THEN 0.1 + end_dice
      ELSE 1 + (end_dice - 0.9) * 3 END END AS resolved_at,
    started_at + response * answer_dice * 1.1 AS answered_at
  FROM begun
)
SELECT n AS id, client_id, kind, priority, is_open, started_at, response, resolution, resolved_at,
       CASE WHEN least(answered_at, resolved_at) <= now() THEN least(answered_at, resolved_at)
       END AS responded_at,
       CASE WHEN is_open AND pause_dice < 0.1 AND age_dice BETWEEN 0.5 AND 0.9
            THEN started_at + (now() - started_at) * 0.6 END AS paused_at,
       CASE kind WHEN 'request' THEN 'operations' WHEN 'query' THEN 'advice'
            ELSE CASE WHEN agent_dice < 0.2 THEN 'security' ELSE 'support' END END AS queue,
       CASE WHEN NOT is_open OR agent_dice < 0.9
            THEN 2 + (client_id * 7 + floor(agent_dice * 4)::bigint) % :agents END AS agent_id,
       (started_at AT TIME ZONE :zone) AS local_at
FROM ended
"""

# both cycles of each ticket, as they stand now
CYCLE = """
CREATE TEMPORARY TABLE cycle AS
WITH run AS (
  SELECT s.*, 'first_response' AS metric, response AS target, responded_at AS stopped_at,
         NULL::timestamptz AS waits_since FROM subject s
  UNION ALL
  SELECT s.*, 'resolution', resolution, resolved_at, paused_at FROM subject s
), told AS (
  SELECT *, started_at + target AS due_at,
         coalesce(stopped_at, waits_since, now()) - started_at AS elapsed FROM run
)
SELECT id, client_id, kind, priority, queue, agent_id, metric, started_at, target, stopped_at, elapsed,
       CASE WHEN waits_since IS NULL THEN due_at END AS due_at,
       CASE WHEN elapsed > target THEN 'breached' WHEN stopped_at IS NOT NULL THEN 'met'
            WHEN waits_since IS NOT NULL THEN 'paused' ELSE 'running' END AS verdict,
       stopped_at IS NOT NULL AND elapsed <= target AND elapsed >= target * 0.9 AS is_near_miss,
       CASE WHEN elapsed > target THEN 100 WHEN elapsed >= target * 0.9 THEN 90
            WHEN elapsed >= target * 0.75 THEN 75 ELSE 0 END AS warned_percent,
       CASE WHEN elapsed > target THEN date_trunc('month', due_at AT TIME ZONE :zone)::date
            WHEN stopped_at IS NOT NULL
            THEN date_trunc('month', stopped_at AT TIME ZONE :zone)::date END AS month,
       CASE WHEN stopped_at IS NULL AND waits_since IS NULL THEN
            CASE WHEN elapsed < target * 0.75 THEN started_at + target * 0.75
                 WHEN elapsed < target * 0.9 THEN started_at + target * 0.9
                 WHEN elapsed <= target THEN due_at END END AS next_at
FROM told
"""

ROWS: Sequence[str] = (
    """INSERT INTO sla_ledger (id, client_id, contract_id, subject, started_at, started_on,
           started_slot, kind, priority, queue, agent_id, plan_id, calendar_id, next_due_at, due_at,
           standing, response_due_at, response_verdict, resolution_due_at, resolution_verdict)
       SELECT s.id, s.client_id, s.client_id, 'INC-2025-' || lpad(s.id::text, 7, '0'), s.started_at,
           s.local_at::date,
           (extract(isodow FROM s.local_at) - 1) * 24 + extract(hour FROM s.local_at),
           s.kind, s.priority, s.queue, s.agent_id, 1, 1, least(a.next_at, b.next_at),
           least(CASE WHEN a.stopped_at IS NULL THEN a.due_at END,
                 CASE WHEN b.stopped_at IS NULL THEN b.due_at END),
           CASE WHEN NOT s.is_open THEN 'ended'
                WHEN 'breached' = b.verdict
                     OR a.stopped_at IS NULL AND a.verdict = 'breached' THEN 'breached'
                WHEN a.verdict = 'running' AND a.warned_percent >= 75
                     OR b.verdict = 'running' AND b.warned_percent >= 75 THEN 'at_risk'
                WHEN b.verdict = 'paused' THEN 'paused' ELSE 'on_track' END,
           a.due_at, a.verdict, b.due_at, b.verdict
       FROM subject s JOIN cycle a ON a.id = s.id AND a.metric = 'first_response'
            JOIN cycle b ON b.id = s.id AND b.metric = 'resolution' ORDER BY s.id""",
    """INSERT INTO sla_cycle (client_id, ledger_id, metric, ordinal, plan_id, kind, priority, queue,
           agent_id, started_at, target_seconds, due_at, stopped_at, elapsed_seconds, verdict,
           is_near_miss, month, warned_percent)
       SELECT client_id, id, metric, 1, 1, kind, priority, queue, agent_id, started_at,
           extract(epoch FROM target), due_at, stopped_at,
           CASE WHEN stopped_at IS NOT NULL THEN floor(extract(epoch FROM elapsed)) END, verdict,
           is_near_miss, month, warned_percent FROM cycle ORDER BY id""",
    """INSERT INTO sla_event (client_id, ledger_id, sequence, at, kind, party, plan_id, calendar_id,
           target_kind, target_priority, queue, agent_id, actor, evidence)
       SELECT s.client_id, s.id,
           row_number() OVER (PARTITION BY s.id ORDER BY e.place), e.at, e.kind, e.party,
           CASE e.place WHEN 1 THEN 1 END, CASE e.place WHEN 1 THEN 1 END,
           CASE e.place WHEN 1 THEN s.kind END, CASE e.place WHEN 1 THEN s.priority END,
           CASE e.place WHEN 1 THEN s.queue END, CASE e.place WHEN 1 THEN s.agent_id END, 'bench', '{}'
       FROM subject s CROSS JOIN LATERAL (VALUES
           (1, 'started', s.started_at, NULL), (2, 'responded', s.responded_at, NULL),
           (3, 'paused', s.paused_at, 'client'), (4, 'resolved', s.resolved_at, NULL)
       ) AS e(place, kind, at, party) WHERE e.at IS NOT NULL""",
    """INSERT INTO sla_warning (client_id, ledger_id, metric, ordinal, percent, reached_at, fired_at,
           tell_at, told_at, outcome)
       SELECT c.client_id, c.id, c.metric, 1, p, at, at, at, at, 'told'
       FROM cycle c CROSS JOIN unnest(ARRAY[75, 90, 100]) p
            CROSS JOIN LATERAL (SELECT c.started_at + c.target * p / 100 AS at)
       WHERE p <= c.warned_percent""",
    """INSERT INTO ticket (id, client_id, reference, kind, subject, description, impact, urgency,
           priority, state, queue, assignee_id, assignee_name, requester_id, requester_name,
           ledger_id, created_at, updated_at, resolved_at, closed_at, reopened_count, version)
       SELECT s.id, s.client_id, 'INC-2025-' || lpad(s.id::text, 7, '0'), s.kind,
           (ARRAY['La VPN se corta', 'No entra el correo', 'Pantalla rota', 'Wifi de la sede'])
               [1 + s.id % 4] || ' en la planta ' || s.id % 97, 'Desde esta mañana.',
           'low', 'medium', s.priority,
           CASE WHEN NOT is_open THEN 'closed' WHEN paused_at IS NOT NULL THEN 'waiting_client'
                WHEN agent_id IS NULL THEN 'new' ELSE 'in_progress' END,
           s.queue, s.agent_id, CASE WHEN s.agent_id IS NOT NULL THEN 'Agent ' || s.agent_id END,
           1, 'Contact', s.id, s.started_at, coalesce(s.resolved_at, s.started_at), s.resolved_at,
           s.resolved_at, 0, 1 FROM subject s ORDER BY s.id""",
)

# the marks of `tallies.marks_of`, added up at the four levels that `tallies.FOLD` keeps
TALLIES: Sequence[str] = (
    """CREATE TEMPORARY TABLE mark AS
       SELECT client_id, coalesce(agent_id, 0) AS agent_id, figure, on_day, slot, kind, priority,
              queue, count(*) AS amount FROM (
         SELECT client_id, agent_id, metric || '.' || verdict AS figure, month AS on_day, 0 AS slot,
                kind, priority, queue FROM sla_cycle WHERE month IS NOT NULL
         UNION ALL
         SELECT client_id, agent_id, metric || '.near', month, 0, kind, priority, queue
         FROM sla_cycle WHERE is_near_miss
         UNION ALL
         SELECT client_id, agent_id, 'arrived', date_trunc('month', started_on)::date, started_slot,
                kind, priority, queue FROM sla_ledger
         UNION ALL
         SELECT client_id, agent_id, 'open.' || standing, started_on, 0, kind, priority, queue
         FROM sla_ledger WHERE standing NOT IN ('ended', 'merged')
       ) marked
       GROUP BY client_id, coalesce(agent_id, 0), figure, on_day, slot, kind, priority, queue""",
    """INSERT INTO sla_tally (client_id, agent_id, figure, on_day, slot, kind, priority, queue, amount)
       SELECT c.id, a.id, figure, on_day, slot, kind, priority, queue, sum(amount)
       FROM mark, LATERAL (VALUES (0), (client_id)) AS c(id),
            LATERAL (VALUES (-1), (agent_id)) AS a(id)
       GROUP BY c.id, a.id, figure, on_day, slot, kind, priority, queue""",
)
NUMBERED = (
    "user",
    "client",
    "contract",
    "plan_version",
    "calendar_version",
    "sla_ledger",
    "ticket",
)


def fill(connection: Connection, tickets: int, open: int) -> None:  # noqa: A002
    """Write the data into an empty, up-to-date database and commit; `connection` is the superuser's.

    `open` of the `tickets` are open. Nobody has a password.
    """
    facts = _facts() | {"tickets": tickets, "open": open}
    # the rows are right by construction; a check of each key would take most of the time
    connection.execute(text("SET session_replication_role = replica"))
    connection.execute(text("SET work_mem = '256MB'"))
    for statement in (*BASICS, DICE, SUBJECT, CYCLE, *ROWS, *TALLIES):
        named = {name: value for name, value in facts.items() if f":{name}" in statement}
        connection.execute(text(statement), named)
    for table in NUMBERED:
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('\"{table}\"', 'id'), max(id)) FROM \"{table}\""
            )
        )
    for table in ("mark", "cycle", "subject"):
        connection.execute(text(f"DROP TABLE {table}"))
    connection.execute(text("RESET session_replication_role"))
    connection.execute(text("RESET work_mem"))
    connection.commit()
    vacuuming = connection.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    with vacuuming:
        vacuuming.execute(text("VACUUM ANALYZE"))


def _facts() -> dict[str, object]:
    plan = standard_plan()
    promised: dict[Row, dict[Metric, Target]] = {
        row: {m: t for m, t in targets.items() if m is not Metric.PERIODIC_UPDATE}
        for row, targets in plan.targets.items()
    }
    always = CalendarDefinition(time_zone=ZONE, weekly=((OpenInterval(0, 24 * 60),),) * 7)
    targets = [
        {
            "kind": kind,
            "priority": priority,
            "response": f"{response} hours",
            "resolution": f"{resolution} hours",
        }
        for kind, by_priority in HOURS.items()
        for priority, (response, _, resolution) in by_priority.items()
    ]
    return {
        "clients": CLIENTS,
        "agents": AGENTS,
        "zone": ZONE,
        "plan": json.dumps(replace(plan, targets=promised).to_json()),
        "always": json.dumps(always.to_json()),
        "office": json.dumps(office_hours().to_json()),
        "targets": json.dumps(targets),
    }
