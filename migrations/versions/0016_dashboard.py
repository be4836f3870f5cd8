"""Counters of all kinds together and of whole months, and indexes to what a dashboard lists.

Revision ID: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

RUNNING = sa.text("verdict = 'running'")
KEY = "client_id, agent_id, figure, on_day, slot, kind, priority, queue"


def upgrade() -> None:
    op.create_index("ix_sla_ledger_started_on", "sla_ledger", ["started_on", "started_slot"])
    op.create_index(
        "ix_sla_cycle_running_due_at", "sla_cycle", ["due_at", "id"], postgresql_where=RUNNING
    )
    op.create_index(
        "ix_sla_cycle_running_client_id",
        "sla_cycle",
        ["client_id", "due_at"],
        postgresql_where=RUNNING,
    )
    op.create_index(
        "ix_sla_tally_empty", "sla_tally", ["client_id"], postgresql_where=sa.text("amount = 0")
    )
    op.execute("DELETE FROM sla_tally WHERE amount = 0")
    op.drop_constraint("pk_sla_tally", "sla_tally")
    op.execute(
        f"INSERT INTO sla_tally ({KEY}, amount) SELECT client_id, agent_id, figure, on_day, s.slot,"
        " g.kind, g.priority, g.queue, sum(amount) FROM sla_tally t,"
        " LATERAL (VALUES (t.slot), (-1)) AS s(slot),"
        " LATERAL (VALUES (t.kind, t.priority, t.queue), ('', '', '')) AS g(kind, priority, queue)"
        " WHERE (s.slot >= 0 OR figure = 'arrived') AND (s.slot < 0 OR g.kind = '')"
        " GROUP BY client_id, agent_id, figure, on_day, s.slot, g.kind, g.priority, g.queue"
    )
    op.execute(
        f"ALTER TABLE sla_tally ADD CONSTRAINT pk_sla_tally PRIMARY KEY ({KEY}) INCLUDE (amount)"
    )
    op.create_index(
        "ix_sla_tally_by_client",
        "sla_tally",
        ["figure", "on_day", "slot", "kind", "client_id"],
        postgresql_where=sa.text("agent_id = -1"),
        postgresql_include=["priority", "queue", "amount"],
    )


def downgrade() -> None:
    op.execute("DELETE FROM sla_tally WHERE kind = '' OR slot < 0")
    op.drop_index("ix_sla_tally_by_client", table_name="sla_tally")
    op.drop_constraint("pk_sla_tally", "sla_tally")
    op.execute(f"ALTER TABLE sla_tally ADD CONSTRAINT pk_sla_tally PRIMARY KEY ({KEY})")
    op.drop_index("ix_sla_tally_empty", table_name="sla_tally")
    op.drop_index("ix_sla_cycle_running_client_id", table_name="sla_cycle")
    op.drop_index("ix_sla_cycle_running_due_at", table_name="sla_cycle")
    op.drop_index("ix_sla_ledger_started_on", table_name="sla_ledger")
