"""100,000 tickets and 20,000 devices, written set-based: the size a page is measured at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text

if TYPE_CHECKING:
    from collections.abc import Sequence

TICKETS = 100_000
DEVICES = 20_000
CLIENTS = 10
OPEN = 2_000

STATEMENTS: Sequence[str] = (
    """INSERT INTO client (reference, name, tax_id, sector, city, created_at)
       SELECT 'CLI-B' || n, 'Client ' || n, 'B' || n, 'Logistics', 'Bilbao', now()
       FROM generate_series(1, :clients) n""",
    """INSERT INTO contract (client_id, reference, modality, starts_on, ends_on, time_zone, blocks,
                              engagement_days, wipes_per_order, wipes_per_hour,
                              wipe_share_per_day, cancel_window_minutes, location_days)
       SELECT id, 'CTR-B' || id, 'advanced_managed', current_date - 500, current_date + 500,
              'Europe/Madrid', ARRAY['device_security', 'messaging', 'location'], 16,
              1, 5, 0.02, 30, 30 FROM client""",
    """INSERT INTO service_level (contract_id, client_id, effective_on, plan_code, calendar_code,
           reason, author_name)
       SELECT id, client_id, '2020-01-01', 'standard', 'office', '', '' FROM contract""",
    """INSERT INTO engine_account (key, name, is_simulated) VALUES ('sandbox', 'Sandbox', true)""",
    """INSERT INTO device_user (client_id, name, email, department)
       SELECT 1 + n % :clients, 'Person ' || n, 'p' || n || '@example.test', 'Sales'
       FROM generate_series(1, 10000) n""",
    """INSERT INTO device (client_id, reference, name, serial, imei, phone_number, platform,
           os_version, manufacturer, model, ownership, management, state, device_user_id,
           engine_id, external_id, enrolled_at, last_contact_at)
       SELECT 1 + n % :clients, 'DEV-B' || n, 'Galaxy A54 ' || n, 'SER' || n, '35' || n, '+346' || n,
           'android', '14', 'Samsung', 'Galaxy A54', 'corporate', 'fully_managed', 'enrolled',
           1 + n % 10000, 1, 'ext' || n, now(), now() - n * interval '1 minute'
       FROM generate_series(1, :devices) n""",
    """INSERT INTO sla_ledger (client_id, contract_id, subject, started_at, started_on, started_slot,
           kind, priority, queue, agent_id, plan_id, calendar_id, next_due_at, due_at, standing,
           response_due_at, response_verdict, resolution_due_at, resolution_verdict)
       SELECT 1 + n % :clients, 1 + n % :clients, 'INC-2025-' || lpad(n::text, 6, '0'),
           now() - (:tickets - n) * interval '5 minutes',
           (now() - (:tickets - n) * interval '5 minutes')::date, n % 168,
           'incident', 'medium', 'support', CASE WHEN n % 3 = 0 THEN 2 END, 1, 1,
           CASE WHEN n > :tickets - :open THEN now() + (n % 500) * interval '1 hour' END,
           CASE WHEN n > :tickets - :open THEN now() + (n % 500) * interval '1 hour' END,
           CASE WHEN n > :tickets - :open THEN 'on_track' ELSE 'ended' END,
           now() - (:tickets - n) * interval '5 minutes', 'met',
           now() + (n % 500) * interval '1 hour',
           CASE WHEN n > :tickets - :open THEN 'running' ELSE 'met' END
       FROM generate_series(1, :tickets) n""",
    """INSERT INTO sla_event (client_id, ledger_id, sequence, at, kind, plan_id, calendar_id,
           target_kind, target_priority, queue, actor, evidence)
       SELECT client_id, id, 1, started_at, 'started', 1, 1, 'incident', 'medium', 'support',
           'bench', '{}' FROM sla_ledger""",
    """INSERT INTO ticket (client_id, reference, kind, subject, description, impact, urgency,
           priority, state, queue, assignee_id, assignee_name, requester_id, requester_name,
           ledger_id, created_at, updated_at, resolved_at, closed_at, reopened_count, version)
       SELECT client_id, 'INC-2025-' || lpad(id::text, 6, '0'), 'incident',
           (ARRAY['La VPN se corta', 'No entra el correo', 'Pantalla rota', 'Wifi de la sede'])
               [1 + id % 4] || ' en la planta ' || id % 97,
           'El terminal ' || id || ' deja de responder al abrir la aplicación de partes.',
           'low', 'medium', 'low',
           CASE WHEN id > :tickets - :open THEN 'in_progress' ELSE 'closed' END, 'support',
           CASE WHEN id % 3 = 0 THEN 2 END, CASE WHEN id % 3 = 0 THEN 'Agent' END, 1, 'Contact',
           id, now() - (:tickets - id) * interval '5 minutes', now(),
           CASE WHEN id <= :tickets - :open THEN now() END,
           CASE WHEN id <= :tickets - :open THEN now() END, 0, 1 FROM sla_ledger""",
    """INSERT INTO ticket_entry (client_id, ticket_id, at, kind, is_public, author_id, author_name,
           author_side, body, facts)
       SELECT t.client_id, t.id, t.created_at + n * interval '1 hour',
           CASE n WHEN 0 THEN 'opened' ELSE 'message' END, true, 1, 'Contact', 'client',
           CASE n WHEN 0 THEN '' ELSE 'Mensaje ' || n END, '{}'
       FROM ticket t CROSS JOIN generate_series(0, 4) n""",
    """INSERT INTO ticket_device (ticket_id, device_id, client_id)
       SELECT t.id, d.id, t.client_id FROM ticket t
       JOIN device d ON d.id = 1 + (t.id - 1) % :devices AND d.client_id = t.client_id""",
)


def fill(owner_address: str) -> None:
    """Write the data; the two people exist already (1: contact of client 1, 2: agent)."""
    engine = create_engine(owner_address)
    sizes = {"clients": CLIENTS, "tickets": TICKETS, "devices": DEVICES, "open": OPEN}
    with engine.begin() as connection:
        for statement in STATEMENTS:
            names = {name: value for name, value in sizes.items() if f":{name}" in statement}
            connection.execute(text(statement), names)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()
