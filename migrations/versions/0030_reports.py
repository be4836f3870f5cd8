"""Reports: what was asked for, each making of it, when it comes; and what a client is told of the audit.

Revision ID: 0030
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

PEOPLE = "desk_operator, desk_manager, desk_contact"
INSTANT = sa.DateTime(timezone=True)
TABLES = ("report", "report_run", "report_schedule")

# What happened on a client's service, and never how a thing was before or after, nor that there are
# internal notes, drafts or what-ifs. Acts that are not named here are not told.
ACTIVITY = """
CREATE FUNCTION desk_client_activity(since timestamptz, until timestamptz)
RETURNS TABLE (id bigint, client_id bigint, at timestamptz, actor text, role text, act text,
               subject text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT e.id, e.chain, e.at, e.actor, e.payload::jsonb->>'role', e.act, e.subject
    FROM audit_entry e
   WHERE e.chain = ANY (desk_client_ids()) AND e.chain <> 0
     AND (since IS NULL OR e.at >= since) AND (until IS NULL OR e.at < until)
     AND (e.act ~ '^(orders|positions|documents|conformity|questions|engagement|reports)\\.'
          OR (e.act LIKE 'tickets.%' AND e.act NOT IN ('tickets.message', 'tickets.add_steps',
              'tickets.tick_step', 'tickets.skip_step', 'tickets.remove_step',
              'tickets.device_waits'))
          OR e.act IN ('devices.register', 'clients.create', 'clients.create_contact',
                       'clients.edit_contract', 'clients.agree_to_limits', 'sla.agree')
          -- a message, unless it is a note of the operator's own
          OR (e.act = 'tickets.message' AND EXISTS (
                SELECT FROM ticket t JOIN ticket_entry n ON n.ticket_id = t.id
                 WHERE t.reference = e.subject AND n.is_public AND n.at = e.at
                   AND n.author_id IS NOT DISTINCT FROM e.actor_id))
          -- planned work, if it is meant for the client
          OR (e.act LIKE 'planning.%' AND EXISTS (
                SELECT FROM planned_task p WHERE p.reference = e.subject AND p.shown_to_client)))
     AND e.act NOT IN ('conformity.evaluate', 'conformity.round', 'engagement.ask_outcome',
                       'orders.clients_with_policies', 'orders.refresh_policies', 'orders.due',
                       'positions.overdue', 'positions.forget')
$$
"""


def upgrade() -> None:
    _reports()
    _runs()
    _schedules()
    _walls()
    op.get_bind().connection.cursor().execute(ACTIVITY.encode())
    door = "desk_client_activity(timestamptz, timestamptz)"
    op.execute(f"REVOKE ALL ON FUNCTION {door} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {door} TO desk_contact")


def _reports() -> None:
    op.create_table(
        "report",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger()),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("is_saved", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("columns", ARRAY(sa.Text()), nullable=False),
        sa.Column("filters", JSONB(), nullable=False),
        sa.Column("period", sa.String(40)),
        sa.Column("first_on", sa.Date()),
        sa.Column("last_on", sa.Date()),
        sa.Column("format", sa.String(40), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("author_side", sa.String(40), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "cardinality(columns) between 1 and 25", name=op.f("ck_report_it_has_columns")
        ),
        sa.CheckConstraint(
            "author_side <> 'client' or client_id is not null",
            name=op.f("ck_report_a_client_asks_for_one"),
        ),
        sa.ForeignKeyConstraint(["author_id"], ["user.id"], name=op.f("fk_report_author_id_user")),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_report_client_id_client")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
        sa.UniqueConstraint("reference", name=op.f("uq_report_reference")),
    )
    op.create_index("ix_report_author_id", "report", ["author_id", "id"])
    op.create_index("ix_report_client_id", "report", ["client_id", "id"])


def _runs() -> None:
    op.create_table(
        "report_run",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("report_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger()),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("format", sa.String(40), nullable=False),
        sa.Column("is_personal", sa.Boolean(), nullable=False),
        sa.Column("reach", ARRAY(sa.BigInteger())),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("author_side", sa.String(40), nullable=False),
        sa.Column("reader_ids", ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT),
        sa.Column("first_on", sa.Date()),
        sa.Column("last_on", sa.Date()),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("claim", sa.Text()),
        sa.Column("rows_done", sa.BigInteger(), nullable=False),
        sa.Column("rows_total", sa.BigInteger()),
        sa.Column("started_at", INSTANT),
        sa.Column("seen_at", INSTANT),
        sa.Column("finished_at", INSTANT),
        sa.Column("size", sa.BigInteger()),
        sa.Column("sha256", sa.Text()),
        sa.Column("expires_at", INSTANT),
        sa.Column("removed_at", INSTANT),
        sa.Column("fault", JSONB()),
        sa.CheckConstraint(
            "(state = 'done') = (sha256 is not null)",
            name=op.f("ck_report_run_what_is_done_has_a_file"),
        ),
        sa.CheckConstraint(
            "(state in ('waiting', 'working')) = (finished_at is null)",
            name=op.f("ck_report_run_what_is_over_has_its_time"),
        ),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["report.id"],
            name=op.f("fk_report_run_report_id_report"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_report_run_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["user.id"], name=op.f("fk_report_run_author_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_run")),
        sa.UniqueConstraint("key", name=op.f("uq_report_run_key")),
        sa.UniqueConstraint("report_id", "due_at", name=op.f("uq_report_run_report_id_due_at")),
    )
    op.create_index("ix_report_run_report_id_id", "report_run", ["report_id", "id"])
    op.create_index("ix_report_run_client_id", "report_run", ["client_id"])
    op.create_index(
        "ix_report_run_unfinished",
        "report_run",
        ["author_id"],
        postgresql_where=sa.text("state in ('waiting', 'working')"),
    )
    op.create_index(
        "ix_report_run_with_file",
        "report_run",
        ["expires_at"],
        postgresql_where=sa.text("sha256 is not null and removed_at is null"),
    )


def _schedules() -> None:
    op.create_table(
        "report_schedule",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("report_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger()),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("author_side", sa.String(40), nullable=False),
        sa.Column("rhythm", sa.String(40), nullable=False),
        sa.Column("weekday", sa.BigInteger()),
        sa.Column("month_day", sa.BigInteger()),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("recipient_ids", ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("next_due_at", INSTANT),
        sa.Column("stopped_at", INSTANT),
        sa.Column("stopped_why", sa.Text()),
        sa.CheckConstraint(
            "hour between 0 and 23", name=op.f("ck_report_schedule_an_hour_of_the_day")
        ),
        sa.CheckConstraint(
            "weekday between 0 and 6", name=op.f("ck_report_schedule_a_day_of_the_week")
        ),
        sa.CheckConstraint(
            "month_day between 0 and 31", name=op.f("ck_report_schedule_a_day_of_the_month")
        ),
        sa.CheckConstraint(
            "next_due_at is null or stopped_at is null",
            name=op.f("ck_report_schedule_what_is_stopped_is_not_due"),
        ),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["report.id"],
            name=op.f("fk_report_schedule_report_id_report"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_report_schedule_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["user.id"], name=op.f("fk_report_schedule_author_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_schedule")),
        sa.UniqueConstraint("report_id", name=op.f("uq_report_schedule_report_id")),
    )
    op.create_index(op.f("ix_report_schedule_client_id"), "report_schedule", ["client_id"])
    op.create_index(
        "ix_report_schedule_next_due_at",
        "report_schedule",
        ["next_due_at"],
        postgresql_where=sa.text("next_due_at is not null"),
    )


def _walls() -> None:
    clients, me = "(SELECT desk_client_ids())::bigint[]", "(SELECT desk_user_id())"
    # the operator's people keep theirs, a client's contacts share theirs; an account manager has
    # only what they asked for themselves
    own = {
        "desk_operator": "author_side = 'operator'",
        "desk_manager": f"author_id = {me} AND (client_id IS NULL OR client_id = ANY ({clients}))",
        "desk_contact": f"author_side = 'client' AND client_id = ANY ({clients})",
    }
    # a file is only for who sees every client in it, today
    within = {
        "desk_operator": "true",
        "desk_manager": f"reach <@ {clients}",
        "desk_contact": f"reach <@ {clients}",
    }
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY house ON {table} TO desk_worker USING (true) WITH CHECK (true)")
        for role, condition in own.items():
            seen = f"{condition} AND {within[role]}" if table == "report_run" else condition
            op.execute(
                f"CREATE POLICY own_{role} ON {table} TO {role} USING ({seen}) WITH CHECK ({seen})"
            )
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO desk_worker, {PEOPLE}")
        op.execute(f"GRANT USAGE ON SEQUENCE {table}_id_seq TO desk_worker, {PEOPLE}")
    for role, condition in within.items():
        op.execute(
            f"CREATE POLICY read_{role} ON report_run FOR SELECT TO {role}"
            f" USING ({me} = ANY (reader_ids) AND {condition})"
        )


def downgrade() -> None:
    op.execute("DROP FUNCTION desk_client_activity(timestamptz, timestamptz)")
    for table in reversed(TABLES):
        op.drop_table(table)
