"""Indexes in which a dashboard finds some clients' months, and a month's clients and agents, together.

Revision ID: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_sla_tally_by_client", table_name="sla_tally")
    op.create_index(
        "ix_sla_tally_by_client",
        "sla_tally",
        ["figure", "slot", "kind", "client_id", "on_day", "priority", "queue"],
        postgresql_where=sa.text("agent_id = -1 AND slot <= 0"),
        postgresql_include=["amount"],
    )
    op.create_index(
        "ix_sla_tally_by_month",
        "sla_tally",
        ["figure", "on_day", "kind", "agent_id", "client_id"],
        postgresql_where=sa.text("slot = 0"),
        postgresql_include=["priority", "queue", "amount"],
    )


def downgrade() -> None:
    op.drop_index("ix_sla_tally_by_month", table_name="sla_tally")
    op.drop_index("ix_sla_tally_by_client", table_name="sla_tally")
    op.create_index(
        "ix_sla_tally_by_client",
        "sla_tally",
        ["figure", "on_day", "slot", "kind", "client_id"],
        postgresql_where=sa.text("agent_id = -1"),
        postgresql_include=["priority", "queue", "amount"],
    )
