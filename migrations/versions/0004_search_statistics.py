"""Let the planner know rare words from common ones.

Revision ID: 0004

With few sampled words it takes a rare one for common and walks all tickets to find the newest.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SEARCHED = ("ticket", "device")


def upgrade() -> None:
    for table in SEARCHED:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN search SET STATISTICS 2000")


def downgrade() -> None:
    for table in SEARCHED:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN search SET STATISTICS -1")
