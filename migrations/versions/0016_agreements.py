"""Who changed a contract's service level, when and why.

Revision ID: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("reason", "author_name"):
        op.add_column(
            "service_level", sa.Column(name, sa.Text(), nullable=False, server_default="")
        )
        op.alter_column("service_level", name, server_default=None)
    op.add_column("service_level", sa.Column("created_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    for name in ("created_at", "author_name", "reason"):
        op.drop_column("service_level", name)
