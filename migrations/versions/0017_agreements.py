"""Who changed a contract's service level, when and why; versions that were taken back.

Revision ID: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

VERSIONED = ("calendar_version", "plan_version")


def upgrade() -> None:
    for name in ("reason", "author_name"):
        op.add_column(
            "service_level", sa.Column(name, sa.Text(), nullable=False, server_default="")
        )
        op.alter_column("service_level", name, server_default=None)
    op.add_column("service_level", sa.Column("created_at", sa.DateTime(timezone=True)))
    for table in VERSIONED:
        op.add_column(table, sa.Column("withdrawn_by_id", sa.BigInteger()))


def downgrade() -> None:
    for table in VERSIONED:
        # without the column, what was taken back would rule
        op.execute(f"DELETE FROM {table} WHERE withdrawn_by_id IS NOT NULL")
        op.drop_column(table, "withdrawn_by_id")
    for name in ("created_at", "author_name", "reason"):
        op.drop_column("service_level", name)
