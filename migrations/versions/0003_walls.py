"""Walls between tenants: database roles, row-level security, and the doors through them.

Revision ID: 0003

The login role owns the tables. Every transaction of the application takes one of five roles with
SET LOCAL: gate (signing in), contact, manager (both see the clients in `desk.client_ids`),
operator and worker (see all). What a role needs beyond its reach goes through a function of the
owner that does one thing: number a ticket, add a job, a mail, an audit entry.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROLES = ("desk_gate", "desk_contact", "desk_manager", "desk_operator", "desk_worker")
ALL_SEEING = "desk_operator, desk_worker"
NARROWED = "desk_contact, desk_manager"

# tables with a client_id, all of whose rows a client's own people may see
TENANT_TABLES = (
    "account_management",
    "authorised_contact",
    "command_batch",
    "command_observation",
    "contract",
    "device",
    "device_command",
    "device_group",
    "device_group_member",
    "device_user",
    "idempotency_key",
    "order_target",
    "service_level",
    "sla_cycle",
    "sla_event",
    "sla_ledger",
    "ticket",
    "ticket_device",
    "ticket_order",
    "ticket_relation",
    "ticket_watcher",
    "work_order",
)
OWN_ROW_TABLES = ("credential", "api_token")
HOUSE_TABLES = ("calendar_version", "plan_version", "engine_account")
APPEND_ONLY = ("audit_entry", "sla_event", "ticket_entry", "command_observation")

# what a contact or account manager may write; everything else they only read
NARROWED_INSERTS = (
    "ticket, ticket_entry, attachment, ticket_device, ticket_order, ticket_relation,"
    " ticket_watcher, idempotency_key, work_order, order_target, sla_ledger, sla_event, sla_cycle,"
    " api_token"
)
NARROWED_UPDATES = "ticket, work_order, sla_ledger, sla_cycle, credential, api_token"

FUNCTIONS = """
CREATE FUNCTION desk_client_ids() RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT coalesce(nullif(current_setting('desk.client_ids', true), ''), '{}')::bigint[]
$$;

CREATE FUNCTION desk_user_id() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT coalesce(nullif(current_setting('desk.user_id', true), ''), '0')::bigint
$$;

CREATE FUNCTION desk_next_number(wanted text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
  INSERT INTO reference_counter AS c (prefix, last) VALUES (wanted, 1)
  ON CONFLICT (prefix) DO UPDATE SET last = c.last + 1 RETURNING last
$$;

CREATE FUNCTION desk_enqueue(queue text, task text, lock_name text, once_as text, arguments jsonb,
                             start_at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM procrastinate_defer_jobs_v1(ARRAY[
    ROW(queue, task, 0, lock_name, once_as, arguments, start_at)::procrastinate_job_to_defer_v1]);
EXCEPTION WHEN unique_violation THEN
  -- a job of this name waits already: that is what was wanted
  IF once_as IS NULL THEN RAISE; END IF;
END $$;

CREATE FUNCTION desk_queue_mail(recipient text, language text, template text, context jsonb,
                                about text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
  INSERT INTO outgoing_mail (recipient, language, template, context, subject_reference, message_id,
                             created_at, attempts)
  VALUES (recipient, language, template, context, about,
          replace(gen_random_uuid()::text, '-', ''), now(), 0)
  RETURNING id
$$;

CREATE FUNCTION desk_audit(entry_chain bigint, entry_subject text, entry_payload text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  head audit_head;
  told jsonb := entry_payload::jsonb;
  new_hash text;
BEGIN
  INSERT INTO audit_head (chain, number, hash) VALUES (entry_chain, 0, '') ON CONFLICT DO NOTHING;
  SELECT * INTO head FROM audit_head WHERE chain = entry_chain FOR UPDATE;
  new_hash := encode(sha256(convert_to(entry_chain || '|' || head.number + 1 || '|' || head.hash
                            || '|' || entry_payload, 'UTF8')), 'hex');
  INSERT INTO audit_entry (chain, number, at, actor_id, actor, act, subject, payload,
                           previous_hash, hash)
  VALUES (entry_chain, head.number + 1, (told->>'at')::timestamptz, (told->>'actor_id')::bigint,
          told->>'actor', told->>'act', entry_subject, entry_payload, head.hash, new_hash);
  UPDATE audit_head SET number = head.number + 1, hash = new_hash WHERE chain = entry_chain;
END $$;

CREATE FUNCTION desk_worker_heartbeat() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT max(last_heartbeat) FROM procrastinate_workers
$$;

CREATE FUNCTION desk_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
"""

DEFINERS = (
    "desk_next_number(text)",
    "desk_enqueue(text, text, text, text, jsonb, timestamptz)",
    "desk_queue_mail(text, text, text, jsonb, text)",
    "desk_audit(bigint, text, text)",
    "desk_worker_heartbeat()",
)


def policy(table: str, name: str, roles: str, expression: str) -> None:
    op.execute(
        f'CREATE POLICY {name} ON "{table}" TO {roles} USING ({expression}) WITH CHECK ({expression})'
    )


def wall(table: str, expression: str, contact_too: str = "") -> None:
    """Show everything to the operator, and to narrowed roles what `expression` lets through."""
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    policy(table, "house", ALL_SEEING, "true")
    if contact_too:
        policy(table, "own_public", "desk_contact", f"{expression} AND {contact_too}")
        policy(table, "own", "desk_manager", expression)
    else:
        policy(table, "own", NARROWED, expression)


def upgrade() -> None:
    for role in ROLES:
        op.execute(
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')"
            f" THEN CREATE ROLE {role} NOLOGIN; END IF; END $$"
        )
        op.execute(f"GRANT {role} TO CURRENT_USER")
        op.execute(
            f"DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO {role}', current_schema());"
            " END $$"
        )
    op.get_bind().connection.cursor().execute(FUNCTIONS.encode())
    _policies()
    _grants()
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " EXECUTE FUNCTION desk_refuse_change()"
        )


def _policies() -> None:
    # the sub-select is evaluated once a query and leaves the index on client_id usable
    own = "client_id = ANY ((SELECT desk_client_ids())::bigint[])"
    for table in TENANT_TABLES:
        wall(table, own)
    wall("client", own.replace("client_id =", "id =", 1))
    wall("ticket_entry", own, "is_public")
    wall("attachment", own, "EXISTS (SELECT FROM ticket_entry e WHERE e.id = entry_id)")
    for table in ("authorised_contact", "account_management"):
        policy(table, "sign_in", "desk_gate", "true")
    me = "(SELECT desk_user_id())"
    # people of other clients do not exist; those of the operator do, by name
    op.execute('ALTER TABLE "user" ENABLE ROW LEVEL SECURITY')
    policy("user", "house", ALL_SEEING, "true")
    policy("user", "sign_in", "desk_gate", "true")
    seen = f"id = {me} OR role <> 'contact' OR id IN (SELECT user_id FROM authorised_contact)"
    op.execute(f'CREATE POLICY seen ON "user" FOR SELECT TO {NARROWED} USING ({seen})')
    # everybody changes only themselves
    op.execute(
        f'CREATE POLICY own ON "user" FOR UPDATE TO {NARROWED}'
        f" USING (id = {me}) WITH CHECK (id = {me})"
    )
    for table in OWN_ROW_TABLES:
        wall(table, f"user_id = {me}")
        policy(table, "sign_in", "desk_gate", "true")


def _grants() -> None:
    everyone = ", ".join(ROLES)
    for function in DEFINERS:
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {everyone}")
    op.execute(f"GRANT SELECT ON alembic_version TO {everyone}")
    readable = [
        *TENANT_TABLES,
        *OWN_ROW_TABLES,
        *HOUSE_TABLES,
        "client",
        "ticket_entry",
        "attachment",
    ]
    tables = ", ".join(f'"{table}"' for table in [*readable, "user"])
    op.execute(f"GRANT SELECT ON {tables} TO {NARROWED}")
    op.execute(f"GRANT INSERT ON {NARROWED_INSERTS} TO {NARROWED}")
    op.execute(f"GRANT UPDATE ON {NARROWED_UPDATES} TO {NARROWED}")
    op.execute(f'GRANT UPDATE (language, session_version, time_zone, name) ON "user" TO {NARROWED}')
    op.execute(f"GRANT DELETE ON ticket_watcher TO {NARROWED}")
    op.execute(
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {tables}, outgoing_mail, one_time_link,"
        f" sign_in_attempt TO {ALL_SEEING}"
    )
    op.execute(f"GRANT SELECT ON audit_entry, audit_head, reference_counter TO {ALL_SEEING}")
    op.execute(
        'GRANT SELECT, INSERT, UPDATE ON "user", credential, one_time_link, sign_in_attempt,'
        " api_token TO desk_gate"
    )
    op.execute("GRANT SELECT ON authorised_contact, account_management TO desk_gate")
    for table in APPEND_ONLY:
        op.execute(f"REVOKE UPDATE, DELETE ON {table} FROM {everyone}")
    op.execute(
        "DO $$ BEGIN EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO "
        + everyone
        + "', current_schema()); END $$"
    )


def downgrade() -> None:
    for table in APPEND_ONLY:
        op.execute(f"DROP TRIGGER append_only ON {table}")
    op.execute(
        "DO $$ DECLARE p record; BEGIN FOR p IN SELECT * FROM pg_policies"
        " WHERE schemaname = current_schema() LOOP"
        " EXECUTE format('DROP POLICY %I ON %I', p.policyname, p.tablename);"
        " EXECUTE format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY', p.tablename);"
        " END LOOP; END $$"
    )
    for function in (
        *DEFINERS,
        "desk_client_ids()",
        "desk_user_id()",
        "desk_refuse_change()",
    ):
        op.execute(f"DROP FUNCTION {function}")
    # the roles belong to the cluster, where another database may use them: they stay, bare
    for role in ROLES:
        op.execute(f"DROP OWNED BY {role}")
