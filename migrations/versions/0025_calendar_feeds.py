"""Addresses under which calendar programs read what is planned.

Revision ID: 0025
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

PEOPLE = "desk_operator, desk_contact, desk_manager"
INSTANT = sa.DateTime(timezone=True)
TABLE = "calendar_feed"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("last_used_at", INSTANT),
        sa.Column("revoked_at", INSTANT),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_calendar_feed_user_id_user")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_calendar_feed_client_id_client")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_feed")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_calendar_feed_token_hash")),
    )
    op.create_index("ix_calendar_feed_user_id", TABLE, ["user_id", "id"])
    op.create_index("ix_calendar_feed_client_id", TABLE, ["client_id"])
    _walls()


def _walls() -> None:
    own = "user_id = desk_user_id()"
    op.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY house ON {TABLE} TO desk_worker USING (true) WITH CHECK (true)")
    # an address is one person's: not even a supervisor sees that it exists
    op.execute(f"CREATE POLICY own ON {TABLE} TO {PEOPLE} USING ({own}) WITH CHECK ({own})")
    # whoever asks at the door is nobody yet: it is found by its secret alone
    op.execute(f"CREATE POLICY door ON {TABLE} TO desk_gate USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT ON {TABLE} TO {PEOPLE}, desk_worker, desk_gate")
    op.execute(f"GRANT INSERT ON {TABLE} TO {PEOPLE}, desk_worker")
    op.execute(f"GRANT UPDATE (revoked_at) ON {TABLE} TO {PEOPLE}, desk_worker")
    op.execute(f"GRANT UPDATE (last_used_at) ON {TABLE} TO desk_gate")
    op.execute(f"GRANT DELETE ON {TABLE} TO desk_worker")
    op.execute(f"GRANT USAGE ON SEQUENCE {TABLE}_id_seq TO {PEOPLE}, desk_worker")


def downgrade() -> None:
    op.drop_table(TABLE)
