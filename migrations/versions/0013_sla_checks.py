"""Checks of the clocks: what each of them found.

Revision ID: 0013

What people are told of is a row of `sla_warning`; how far a cycle was acted on follows from these
rows. Cycles that were overdue before thresholds existed were marked as acted on without a row: they
get their rows here, so that nobody is told of them now.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ALL_SEEING = "desk_operator, desk_worker"
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "sla_check",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("repairs", sa.Boolean(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("started_at", INSTANT),
        sa.Column("seen_at", INSTANT),
        sa.Column("finished_at", INSTANT),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("ledgers", sa.BigInteger(), nullable=False),
        sa.Column("difference_count", sa.BigInteger(), nullable=False),
        sa.Column("differences", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_check")),
    )
    op.create_index(
        "ix_sla_check_finished",
        "sla_check",
        ["id"],
        postgresql_where=sa.text("finished_at is not null and not repairs"),
    )
    op.execute("ALTER TABLE sla_check ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY house ON sla_check TO {ALL_SEEING} USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON sla_check TO {ALL_SEEING}")
    op.execute(f"GRANT USAGE ON SEQUENCE sla_check_id_seq TO {ALL_SEEING}")
    # the repair that 0011 asked for: until it is done, nobody is alarmed by what it will set right
    op.execute(
        "INSERT INTO sla_check (repairs, asked_by, asked_at, total, ledgers, difference_count,"
        " differences) SELECT true, '', now(), 0, 0, 0, '[]' WHERE EXISTS (SELECT FROM sla_ledger)"
    )
    op.execute(
        "INSERT INTO sla_warning (client_id, ledger_id, metric, ordinal, percent, reached_at,"
        " fired_at, outcome)"
        " SELECT c.client_id, c.ledger_id, c.metric, c.ordinal, (t ->> 'percent')::bigint,"
        " coalesce(c.due_at, now()), now(), 'passed_over'"
        " FROM sla_cycle c JOIN plan_version p ON p.id = c.plan_id,"
        " jsonb_array_elements(p.definition -> 'thresholds') t"
        " WHERE c.stopped_at IS NULL AND c.verdict = 'breached' AND c.warned_percent = 100"
        " AND (t ->> 'percent')::bigint <= 100"
        " AND t -> 'metrics' ? c.metric AND t -> 'priorities' ? c.priority"
        " AND NOT EXISTS (SELECT FROM sla_warning w WHERE w.ledger_id = c.ledger_id"
        "   AND w.metric = c.metric AND w.ordinal = c.ordinal)"
        " ON CONFLICT DO NOTHING"
    )


def downgrade() -> None:
    op.drop_table("sla_check")
