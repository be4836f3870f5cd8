"""Tickets wait for third parties, agreed dates and devices, and are merged.

Revision ID: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
BEFORE = "state in ('new', 'in_progress', 'waiting_client')"
NOW = "state in ('new', 'in_progress', 'waiting_client', 'waiting_third_party', 'planned')"


def upgrade() -> None:
    op.add_column("ticket", sa.Column("planned_for", INSTANT))
    op.add_column("ticket", sa.Column("device_wait_since", INSTANT))
    op.add_column("ticket", sa.Column("merged_into_id", sa.BigInteger()))
    op.create_foreign_key(
        op.f("fk_ticket_merged_into_id_ticket"), "ticket", "ticket", ["merged_into_id"], ["id"]
    )
    op.create_check_constraint(
        op.f("ck_ticket_a_plan_has_a_date"),
        "ticket",
        "(state = 'planned') = (planned_for is not null)",
    )
    op.create_check_constraint(
        op.f("ck_ticket_merged_into_one"),
        "ticket",
        "(state = 'merged') = (merged_into_id is not null)",
    )
    op.create_index(
        "ix_ticket_planned",
        "ticket",
        ["planned_for"],
        postgresql_where=sa.text("state = 'planned'"),
    )
    op.create_index(
        "ix_ticket_device_wait",
        "ticket",
        ["id"],
        postgresql_where=sa.text("device_wait_since is not null"),
    )
    _open_indexes(NOW)


def _open_indexes(words: str) -> None:
    """Make the indexes of what is open again, with these words for it."""
    op.drop_index("ix_ticket_open", table_name="ticket")
    op.drop_index("ix_ticket_open_assignee_id", table_name="ticket")
    op.create_index("ix_ticket_open", "ticket", ["id"], postgresql_where=sa.text(words))
    op.create_index(
        "ix_ticket_open_assignee_id",
        "ticket",
        ["assignee_id", "id"],
        postgresql_where=sa.text(words),
    )


def downgrade() -> None:
    op.execute(
        "UPDATE ticket SET state = 'in_progress', planned_for = NULL"
        " WHERE state IN ('waiting_third_party', 'planned')"
    )
    op.execute(
        "UPDATE ticket SET state = 'cancelled', merged_into_id = NULL WHERE state = 'merged'"
    )
    _open_indexes(BEFORE)
    op.drop_index("ix_ticket_planned", table_name="ticket")
    op.drop_index("ix_ticket_device_wait", table_name="ticket")
    for column in ("planned_for", "device_wait_since", "merged_into_id"):
        op.drop_column("ticket", column)
