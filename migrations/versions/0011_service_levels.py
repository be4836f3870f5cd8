"""Service levels: plans with thresholds, dated levels, warnings, and counters for dashboards.

Revision ID: 0011

What is cached of a ledger gets more columns. They are filled here as well as SQL can tell, and
exactly by the job `sla.rebuild`, which this leaves for the worker wherever there are ledgers.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ALL_SEEING = "desk_operator, desk_worker"
NARROWED = "desk_contact, desk_manager"
INSTANT = sa.DateTime(timezone=True)
VERSIONED = ("calendar_version", "plan_version")

METRICS = ["first_response", "periodic_update", "resolution"]
PRIORITIES = ["critical", "high", "low", "medium"]
THRESHOLDS = [
    {
        "percent": percent,
        "reaches": reaches,
        "metrics": METRICS,
        "priorities": PRIORITIES,
        "raises": raises,
        "queue": "",
    }
    for percent, reaches, raises in (
        (75, ["assignee"], False),
        (90, ["assignee", "queue"], False),
        (100, ["assignee", "supervisors"], True),
    )
]


def upgrade() -> None:
    for table in VERSIONED:
        op.add_column(table, sa.Column("created_at", INSTANT))
        op.add_column(table, sa.Column("author_name", sa.Text()))
        op.execute(f"UPDATE {table} SET created_at = now(), author_name = 'Service desk'")
        for column in ("created_at", "author_name"):
            op.alter_column(table, column, nullable=False)
    _plans_with_thresholds()
    op.add_column(
        "service_level",
        sa.Column("effective_on", sa.Date(), nullable=False, server_default="2020-01-01"),
    )
    op.alter_column("service_level", "effective_on", server_default=None)
    op.drop_constraint("pk_service_level", "service_level")
    op.create_primary_key("pk_service_level", "service_level", ["contract_id", "effective_on"])
    _events()
    _ledgers()
    _cycles()
    _warnings()
    _tallies()
    _walls()
    op.execute(
        "SELECT desk_enqueue('default', 'sla.rebuild', NULL, 'sla.rebuild', '{}'::jsonb, NULL)"
        " WHERE EXISTS (SELECT FROM sla_ledger)"
    )


def _plans_with_thresholds() -> None:
    op.alter_column("plan_version", "targets", new_column_name="definition")
    connection = op.get_bind()
    for plan_id, targets in connection.execute(
        sa.text("SELECT id, definition FROM plan_version")
    ).all():
        definition = {
            "targets": {
                kind: {
                    priority: {metric: {"seconds": seconds} for metric, seconds in row.items()}
                    for priority, row in rows.items()
                }
                for kind, rows in targets.items()
            },
            "thresholds": THRESHOLDS,
            "notice_calendar": "office",
            "round_the_clock": ["critical"],
        }
        connection.execute(
            sa.text("UPDATE plan_version SET definition = CAST(:told AS jsonb) WHERE id = :id"),
            {"told": json.dumps(definition), "id": plan_id},
        )


def _events() -> None:
    op.add_column("sla_event", sa.Column("queue", sa.Text()))
    op.add_column("sla_event", sa.Column("agent_id", sa.BigInteger()))
    op.add_column(
        "sla_event", sa.Column("evidence", JSONB(), nullable=False, server_default=sa.text("'{}'"))
    )
    op.alter_column("sla_event", "evidence", server_default=None)
    op.create_foreign_key(
        op.f("fk_sla_event_agent_id_user"), "sla_event", "user", ["agent_id"], ["id"]
    )
    # whose figures a ticket belongs to was not in the ledger yet
    op.execute(
        "INSERT INTO sla_event (client_id, ledger_id, sequence, at, kind, queue, agent_id, actor,"
        " evidence)"
        " SELECT t.client_id, t.ledger_id, last.sequence + 1, last.started_at, 'assigned', t.queue,"
        " t.assignee_id, 'Service desk', '{}' FROM ticket t JOIN (SELECT ledger_id,"
        " max(sequence) AS sequence, min(at) AS started_at FROM sla_event GROUP BY ledger_id) last"
        " ON last.ledger_id = t.ledger_id"
    )


def _ledgers() -> None:
    op.drop_column("sla_ledger", "is_paused")
    for name, kind in (
        ("contract_id", sa.BigInteger()),
        ("subject", sa.Text()),
        ("started_at", INSTANT),
        ("started_on", sa.Date()),
        ("started_slot", sa.BigInteger()),
        ("kind", sa.Text()),
        ("priority", sa.Text()),
        ("queue", sa.Text()),
        ("plan_id", sa.BigInteger()),
        ("standing", sa.String(40)),
    ):
        op.add_column("sla_ledger", sa.Column(name, kind))
    op.add_column("sla_ledger", sa.Column("agent_id", sa.BigInteger()))
    op.add_column("sla_ledger", sa.Column("due_at", INSTANT))
    op.execute(
        "UPDATE sla_ledger l SET subject = t.reference, started_at = t.created_at, kind = t.kind,"
        " priority = t.priority, queue = t.queue, agent_id = t.assignee_id,"
        " started_on = (t.created_at AT TIME ZONE c.time_zone)::date,"
        " started_slot = (extract(isodow FROM t.created_at AT TIME ZONE c.time_zone) - 1) * 24"
        "   + extract(hour FROM t.created_at AT TIME ZONE c.time_zone),"
        " contract_id = c.id,"
        " plan_id = (SELECT plan_id FROM sla_event e WHERE e.ledger_id = l.id"
        "   AND e.plan_id IS NOT NULL ORDER BY sequence DESC LIMIT 1),"
        " due_at = CASE WHEN t.resolved_at IS NULL AND t.closed_at IS NULL"
        "   THEN l.resolution_due_at END,"
        " standing = CASE WHEN t.resolved_at IS NOT NULL OR t.closed_at IS NOT NULL THEN 'ended'"
        "   WHEN l.resolution_verdict = 'breached' THEN 'breached'"
        "   WHEN l.resolution_verdict = 'paused' THEN 'paused' ELSE 'on_track' END"
        " FROM ticket t, LATERAL (SELECT id, time_zone FROM contract c"
        "   WHERE c.client_id = t.client_id"
        "   ORDER BY (t.created_at::date BETWEEN c.starts_on AND c.ends_on) DESC, c.id DESC LIMIT 1) c"
        " WHERE t.ledger_id = l.id"
    )
    for name in (
        "contract_id",
        "subject",
        "started_at",
        "started_on",
        "started_slot",
        "kind",
        "priority",
        "queue",
        "plan_id",
        "standing",
    ):
        op.alter_column("sla_ledger", name, nullable=False)
    op.create_unique_constraint(op.f("uq_sla_ledger_subject"), "sla_ledger", ["subject"])
    for column, table in (
        ("contract_id", "contract"),
        ("agent_id", "user"),
        ("plan_id", "plan_version"),
    ):
        op.create_foreign_key(
            op.f(f"fk_sla_ledger_{column}_{table}"), "sla_ledger", table, [column], ["id"]
        )
    is_open = sa.text("standing not in ('ended', 'merged')")
    op.create_index(
        "ix_sla_ledger_open_due_at",
        "sla_ledger",
        ["standing", "due_at", "id"],
        postgresql_where=is_open,
    )
    op.create_index(
        "ix_sla_ledger_open_client_id",
        "sla_ledger",
        ["client_id", "standing", "due_at", "id"],
        postgresql_where=is_open,
    )
    op.create_index(
        "ix_sla_ledger_contract_id_started_at", "sla_ledger", ["contract_id", "started_at"]
    )


def _cycles() -> None:
    op.drop_index("ix_sla_cycle_client_id_stopped_at", table_name="sla_cycle")
    for name, kind in (
        ("plan_id", sa.BigInteger()),
        ("kind", sa.Text()),
        ("priority", sa.Text()),
        ("queue", sa.Text()),
    ):
        op.add_column("sla_cycle", sa.Column(name, kind))
    op.add_column("sla_cycle", sa.Column("agent_id", sa.BigInteger()))
    op.add_column("sla_cycle", sa.Column("month", sa.Date()))
    for name, kind in (("is_near_miss", sa.Boolean()), ("warned_percent", sa.BigInteger())):
        op.add_column(
            "sla_cycle", sa.Column(name, kind, nullable=False, server_default=sa.text("'0'"))
        )
        op.alter_column("sla_cycle", name, server_default=None)
    op.execute(
        "UPDATE sla_cycle c SET plan_id = l.plan_id, kind = l.kind, priority = l.priority,"
        " queue = l.queue, agent_id = l.agent_id,"
        # what was passed before nobody is warned of now
        " warned_percent = CASE WHEN c.stopped_at IS NOT NULL OR c.verdict = 'breached' THEN 100"
        " ELSE 0 END,"
        " is_near_miss = c.verdict = 'met' AND c.elapsed_seconds * 100 >= c.target_seconds * 90,"
        " month = CASE c.verdict WHEN 'met' THEN date_trunc('month', c.stopped_at)::date"
        "   WHEN 'breached' THEN date_trunc('month', c.due_at)::date END"
        " FROM sla_ledger l WHERE l.id = c.ledger_id"
    )
    for name in ("plan_id", "kind", "priority", "queue"):
        op.alter_column("sla_cycle", name, nullable=False)
    for column, table in (("agent_id", "user"), ("plan_id", "plan_version")):
        op.create_foreign_key(
            op.f(f"fk_sla_cycle_{column}_{table}"), "sla_cycle", table, [column], ["id"]
        )
    is_counted = sa.text("month is not null")
    op.create_index(
        "ix_sla_cycle_counted",
        "sla_cycle",
        ["metric", "verdict", "month", "ledger_id"],
        postgresql_where=is_counted,
    )
    op.create_index(
        "ix_sla_cycle_client_id_counted",
        "sla_cycle",
        ["client_id", "metric", "month"],
        postgresql_where=is_counted,
    )


def _warnings() -> None:
    op.create_table(
        "sla_warning",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("ledger_id", sa.BigInteger(), nullable=False),
        sa.Column("metric", sa.String(40), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("percent", sa.BigInteger(), nullable=False),
        sa.Column("reached_at", INSTANT, nullable=False),
        sa.Column("fired_at", INSTANT, nullable=False),
        sa.Column("tell_at", INSTANT),
        sa.Column("told_at", INSTANT),
        sa.Column("outcome", sa.Text()),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_sla_warning_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["ledger_id"], ["sla_ledger.id"], name=op.f("fk_sla_warning_ledger_id_sla_ledger")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_warning")),
        sa.UniqueConstraint(
            "ledger_id",
            "metric",
            "ordinal",
            "percent",
            name=op.f("uq_sla_warning_ledger_id_metric_ordinal_percent"),
        ),
    )
    op.create_index(op.f("ix_sla_warning_client_id"), "sla_warning", ["client_id"])


def _tallies() -> None:
    def columns() -> list[sa.Column[object]]:
        return [
            sa.Column("client_id", sa.BigInteger(), nullable=False),
            sa.Column("agent_id", sa.BigInteger(), nullable=False),
            sa.Column("figure", sa.Text(), nullable=False),
            sa.Column("on_day", sa.Date(), nullable=False),
            sa.Column("slot", sa.BigInteger(), nullable=False),
            sa.Column("kind", sa.Text(), nullable=False),
            sa.Column("priority", sa.Text(), nullable=False),
            sa.Column("queue", sa.Text(), nullable=False),
            sa.Column("amount", sa.BigInteger(), nullable=False),
        ]

    op.create_table(
        "sla_tally",
        *columns(),
        sa.PrimaryKeyConstraint(
            "client_id",
            "agent_id",
            "figure",
            "on_day",
            "slot",
            "kind",
            "priority",
            "queue",
            name=op.f("pk_sla_tally"),
        ),
    )
    op.create_table(
        "sla_tally_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        *columns(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_tally_change")),
    )


def _walls() -> None:
    own = "client_id = ANY ((SELECT desk_client_ids())::bigint[])"
    for table in ("sla_warning", "sla_tally", "sla_tally_change"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY house ON {table} TO {ALL_SEEING} USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY own ON {table} TO {NARROWED} USING ({own}) WITH CHECK ({own})")
        op.execute(f"GRANT SELECT ON {table} TO {ALL_SEEING}, {NARROWED}")
        op.execute(f"GRANT INSERT, UPDATE, DELETE ON {table} TO {ALL_SEEING}")
    # whoever opens or answers a ticket changes what its client's figures count
    op.execute(f"GRANT INSERT ON sla_tally_change TO {NARROWED}")
    op.execute(f"GRANT USAGE ON SEQUENCE sla_tally_change_id_seq TO {ALL_SEEING}, {NARROWED}")
    op.execute(f"GRANT USAGE ON SEQUENCE sla_warning_id_seq TO {ALL_SEEING}")


def downgrade() -> None:
    for table in ("sla_tally_change", "sla_tally", "sla_warning"):
        op.drop_table(table)
    for index in ("ix_sla_cycle_counted", "ix_sla_cycle_client_id_counted"):
        op.drop_index(index, table_name="sla_cycle")
    for column in (
        "plan_id",
        "kind",
        "priority",
        "queue",
        "agent_id",
        "month",
        "is_near_miss",
        "warned_percent",
    ):
        op.drop_column("sla_cycle", column)
    op.create_index(
        "ix_sla_cycle_client_id_stopped_at", "sla_cycle", ["client_id", "stopped_at"], unique=False
    )
    for index in (
        "ix_sla_ledger_open_due_at",
        "ix_sla_ledger_open_client_id",
        "ix_sla_ledger_contract_id_started_at",
    ):
        op.drop_index(index, table_name="sla_ledger")
    op.add_column(
        "sla_ledger",
        sa.Column("is_paused", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    )
    op.execute("UPDATE sla_ledger SET is_paused = standing = 'paused'")
    op.alter_column("sla_ledger", "is_paused", server_default=None)
    for column in (
        "contract_id",
        "subject",
        "started_at",
        "started_on",
        "started_slot",
        "kind",
        "priority",
        "queue",
        "plan_id",
        "standing",
        "agent_id",
        "due_at",
    ):
        op.drop_column("sla_ledger", column)
    for column in ("queue", "agent_id", "evidence"):
        op.drop_column("sla_event", column)
    # of several levels of a contract the newest one stays
    op.execute(
        "DELETE FROM service_level a USING service_level b WHERE a.contract_id = b.contract_id"
        " AND a.effective_on < b.effective_on"
    )
    op.drop_constraint("pk_service_level", "service_level")
    op.create_primary_key("pk_service_level", "service_level", ["contract_id"])
    op.drop_column("service_level", "effective_on")
    _plans_without_thresholds()
    op.alter_column("plan_version", "definition", new_column_name="targets")
    for table in VERSIONED:
        op.drop_column(table, "created_at")
        op.drop_column(table, "author_name")


def _plans_without_thresholds() -> None:
    connection = op.get_bind()
    for plan_id, definition in connection.execute(
        sa.text("SELECT id, definition FROM plan_version")
    ).all():
        targets = {
            kind: {
                priority: {
                    metric: told["seconds"]
                    for metric, told in row.items()
                    if "seconds" in told and metric != "periodic_update"
                }
                for priority, row in rows.items()
            }
            for kind, rows in definition["targets"].items()
        }
        connection.execute(
            sa.text("UPDATE plan_version SET definition = CAST(:told AS jsonb) WHERE id = :id"),
            {"told": json.dumps(targets), "id": plan_id},
        )
