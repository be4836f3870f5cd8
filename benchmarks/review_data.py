"""Fourteen months of tickets as reviews read them, written set-based: one large client, many small.

Client 1 has `large` tickets in October 2026 and a tenth of it in each other month; every other client
`SMALL` a month. Each ticket has about eight events, five lines and three cycles.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import text

from servicedesk.sla.standard import office_hours, standard_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

SMALL = 20
FIRST_MONTH = "2025-10-01"
MONTHS = 14  # the last one is November 2026

STATEMENTS: Sequence[str] = (
    """INSERT INTO "user" (email, name, role, language, time_zone, is_active, session_version,
                            created_at)
       SELECT 'u' || n || '@bench.test', 'Person ' || n, CASE n WHEN 1 THEN 'contact' ELSE 'agent' END,
              'es', 'Europe/Madrid', true, 1, '2025-01-01' FROM generate_series(1, 20) n""",
    """INSERT INTO client (id, reference, name, tax_id, sector, city, created_at)
       SELECT n, 'CLI-B' || n, 'Client ' || n, 'B' || n, 'Logistics', 'Bilbao', '2025-01-01'
       FROM generate_series(1, :clients) n""",
    """INSERT INTO contract (id, client_id, reference, modality, starts_on, ends_on, time_zone, blocks,
                             engagement_days, wipes_per_order, wipes_per_hour,
                             wipe_share_per_day, cancel_window_minutes, location_days)
       SELECT id, id, 'CTR-B' || id, 'advanced_managed', '2025-01-01', '2027-12-31',
              'Europe/Madrid', ARRAY['device_security'], 16, 1, 5, 0.02, 30, 30 FROM client""",
    """INSERT INTO plan_version (id, code, version, name, effective_on, definition, created_at,
                                 author_name)
       VALUES (1, 'standard', 1, 'Standard', '2020-01-01', CAST(:plan AS jsonb), '2020-01-01', '')""",
    """INSERT INTO calendar_version (id, code, version, name, effective_on, definition, created_at,
                                     author_name)
       VALUES (1, 'office', 1, 'Office', '2020-01-01', CAST(:office AS jsonb), '2020-01-01', '')""",
    """INSERT INTO service_level (contract_id, client_id, effective_on, plan_code, calendar_code,
           reason, author_name)
       SELECT id, client_id, '2020-01-01', 'standard', 'office', '', '' FROM contract""",
    """INSERT INTO engine_account (id, key, name, is_simulated) VALUES (1, 'sandbox', 'S', true)""",
    """INSERT INTO device (client_id, reference, name, serial, imei, phone_number, platform,
           os_version, manufacturer, model, ownership, management, state, engine_id, external_id,
           enrolled_at, last_contact_at)
       SELECT 1 + n % :clients, 'DEV-B' || n, 'Galaxy ' || n, 'S' || n, '', '', 'android', '14',
           'Samsung', 'A54', 'corporate', 'fully_managed', 'enrolled', 1, 'ext' || n, '2025-01-01',
           '2025-01-01' FROM generate_series(1, :clients * 10) n""",
    # a number from 0 to 1 of a ticket's number and a seed, the same at every run
    """CREATE FUNCTION pg_temp.dice(n bigint, seed bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS
       $$ SELECT abs(hashint8extended(n, seed) % 100000) / 100000.0 $$""",
    """CREATE TEMPORARY TABLE subject AS
       WITH wanted AS (
         SELECT c AS client_id, m,
                CASE WHEN c > 1 THEN :small WHEN m = 12 THEN :large ELSE :large / 10 END AS amount
         FROM generate_series(1, :clients) c, generate_series(0, :months - 1) m
       ), rolled AS (
         SELECT row_number() OVER (ORDER BY m, client_id, n) AS id, client_id, m
         FROM wanted, LATERAL generate_series(1, amount) n
       ), dated AS (
         SELECT *, CAST(:first AS date) + m * interval '1 month'
                + pg_temp.dice(id, 1) * interval '30 days' AS started_at,
                (ARRAY['incident', 'incident', 'request', 'query'])[1 + id % 4] AS kind,
                (ARRAY['critical', 'high', 'medium', 'medium', 'low'])[1 + id % 5] AS priority,
                pg_temp.dice(id, 2) AS fate, pg_temp.dice(id, 3) ^ 3 * interval '12 days' AS took
         FROM rolled
       )
       SELECT *, started_at + took AS resolved_at,
              CASE WHEN fate < 0.02 THEN 'merged' WHEN fate < 0.03 THEN 'cancelled'
                   WHEN fate < 0.05 THEN 'in_progress' ELSE 'closed' END AS state,
              fate BETWEEN 0.05 AND 0.12 AS is_reopened, fate BETWEEN 0.3 AND 0.7 AS is_paused,
              fate > 0.6 AS is_rated
       FROM dated""",
    """INSERT INTO sla_ledger (id, client_id, contract_id, subject, started_at, started_on,
           started_slot, kind, priority, queue, agent_id, plan_id, calendar_id, standing)
       SELECT id, client_id, client_id, 'INC-2026-' || lpad(id::text, 7, '0'), started_at,
           started_at::date, 0, kind, priority, 'support', 2 + id % 19, 1, 1,
           CASE state WHEN 'in_progress' THEN 'on_track' ELSE 'ended' END
       FROM subject ORDER BY id""",
    """INSERT INTO sla_event (client_id, ledger_id, sequence, at, kind, party, plan_id, calendar_id,
           target_kind, target_priority, queue, agent_id, actor, evidence)
       SELECT s.client_id, s.id, row_number() OVER (PARTITION BY s.id ORDER BY e.place), e.at, e.kind,
           CASE WHEN e.kind IN ('paused', 'resumed') THEN 'client' END,
           CASE e.place WHEN 1 THEN 1 END, CASE e.place WHEN 1 THEN 1 END,
           CASE e.place WHEN 1 THEN s.kind END, CASE e.place WHEN 1 THEN s.priority END,
           CASE WHEN e.place <= 2 THEN 'support' END, CASE e.place WHEN 2 THEN 2 + s.id % 19 END,
           'bench', '{}'
       FROM subject s CROSS JOIN LATERAL (VALUES
           (1, 'started', started_at, true), (2, 'assigned', started_at + took * 0.1, true),
           (3, 'responded', started_at + took * 0.2, true),
           (4, 'paused', started_at + took * 0.3, is_paused),
           (5, 'resumed', started_at + took * 0.5, is_paused),
           (6, 'responded', started_at + took * 0.6, true),
           (7, 'resolved', started_at + took * 0.7, is_reopened),
           (8, 'reopened', started_at + took * 0.8, is_reopened),
           (9, 'responded', resolved_at, state = 'closed'),
           (10, CASE state WHEN 'merged' THEN 'merged' WHEN 'cancelled' THEN 'withdrawn'
                ELSE 'resolved' END, resolved_at, state <> 'in_progress')
       ) AS e(place, kind, at, happened) WHERE e.happened""",
    """INSERT INTO sla_cycle (client_id, ledger_id, metric, ordinal, plan_id, kind, priority, queue,
           agent_id, started_at, target_seconds, due_at, stopped_at, elapsed_seconds, verdict,
           is_near_miss, month, warned_percent)
       SELECT client_id, id, e.metric, 1, 1, kind, priority, 'support', 2 + id % 19, started_at, 7200,
           e.at, e.at, 3600,
           CASE WHEN state IN ('merged', 'cancelled') THEN 'withdrawn'
                WHEN pg_temp.dice(id, e.place) < 0.12 THEN 'breached' ELSE 'met' END,
           pg_temp.dice(id, e.place) > 0.9, date_trunc('month', e.at)::date, 0
       FROM subject s CROSS JOIN LATERAL (VALUES
           (11, 'first_response', started_at + took * 0.2), (12, 'resolution', resolved_at),
           (13, 'periodic_update', started_at + took * 0.6)
       ) AS e(place, metric, at) WHERE state <> 'in_progress' OR e.place <> 12""",
    """INSERT INTO ticket (id, client_id, reference, kind, subject, description, impact, urgency,
           priority, state, queue, requester_id, requester_name, ledger_id, created_at, updated_at,
           resolved_at, closed_at, merged_into_id, left_out_as, category, rating, rated_at,
           reopened_count, version)
       SELECT id, client_id, 'INC-2026-' || lpad(id::text, 7, '0'), kind,
           'La VPN se corta en la planta ' || id % 97, 'Desde esta mañana.', 'low', 'medium', priority,
           state, 'support', 1, 'Contact', id, started_at, resolved_at,
           CASE state WHEN 'closed' THEN resolved_at END,
           CASE WHEN state <> 'in_progress' THEN resolved_at END,
           CASE state WHEN 'merged' THEN 1 END, CASE WHEN fate BETWEEN 0.02 AND 0.025 THEN 'spam' END,
           CASE kind WHEN 'incident' THEN (ARRAY['mail', 'access', 'hardware'])[1 + id % 3] END,
           CASE WHEN is_rated THEN 1 + id % 5 END, CASE WHEN is_rated THEN resolved_at END, 0, 1
       FROM subject ORDER BY id""",
    """INSERT INTO ticket_entry (client_id, ticket_id, at, kind, is_public, author_id, author_name,
           author_side, body, facts)
       SELECT client_id, id, e.at, e.kind, true, CASE e.side WHEN 'client' THEN 1 ELSE 2 END, 'x', e.side,
           'Mensaje', CASE e.kind WHEN 'rated' THEN jsonb_build_object('rating', 1 + id % 5)
                      ELSE '{}' END
       FROM subject s CROSS JOIN LATERAL (VALUES
           ('opened', 'client', started_at), ('message', 'operator', started_at + took * 0.2),
           ('message', 'client', started_at + took * 0.5),
           ('message', 'operator', started_at + took * 0.6), ('rated', 'client', resolved_at)
       ) AS e(kind, side, at) WHERE is_rated OR e.kind <> 'rated'""",
    """INSERT INTO ticket_device (ticket_id, device_id, client_id)
       SELECT s.id, d.id, s.client_id FROM subject s
       JOIN device d ON d.id = s.client_id - 1 + :clients * (1 + s.id % 9)
       WHERE s.kind = 'incident'""",
    """INSERT INTO command_batch (id, client_id, created_at, instruction, parameters, simulated,
           is_destructive, is_wide)
       SELECT id, client_id, started_at, 'lock', '{}', true, false, false FROM subject
       WHERE id % 3 = 0""",
    """INSERT INTO device_command (client_id, batch_id, device_id, key, state, not_after, created_at,
           sent_at, accepted_at, finished_at, checked_at, attempts)
       SELECT client_id, id, client_id - 1 + :clients * (1 + id % 9), gen_random_uuid(),
           'acknowledged', started_at, started_at, started_at, started_at,
           started_at + took * 0.01, started_at, 1
       FROM subject WHERE id % 3 = 0""",
)


def fill(connection: Connection, clients: int, large: int) -> None:
    """Write the data into an empty, up-to-date database; `connection` is the superuser's."""
    facts = {
        "clients": clients,
        "large": large,
        "small": SMALL,
        "months": MONTHS,
        "first": FIRST_MONTH,
        "plan": json.dumps(standard_plan().to_json()),
        "office": json.dumps(office_hours().to_json()),
    }
    connection.execute(text("SET session_replication_role = replica"))
    connection.execute(text("SET work_mem = '256MB'"))
    for statement in STATEMENTS:
        named = {name: value for name, value in facts.items() if f":{name}" in statement}
        connection.execute(text(statement), named)
    connection.execute(text("RESET session_replication_role"))
    connection.commit()
    with connection.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as vacuuming:
        vacuuming.execute(text("VACUUM ANALYZE"))
