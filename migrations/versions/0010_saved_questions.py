"""Saved questions to the fleet, and the main version of each device's system.

Revision ID: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ALL_SEEING = "desk_operator, desk_worker"
NARROWED = "desk_contact, desk_manager"
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "device",
        sa.Column(
            "os_major",
            sa.BigInteger(),
            sa.Computed(r"(substring(os_version from '^\s*([0-9]{1,9})'))::bigint", persisted=True),
        ),
    )
    op.create_table(
        "saved_question",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("filter", JSONB(), nullable=False),
        sa.Column("author_id", sa.BigInteger()),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["user.id"], name=op.f("fk_saved_question_author_id_user")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_saved_question_client_id_client")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_question")),
        sa.UniqueConstraint("client_id", "name", name=op.f("uq_saved_question_client_id_name")),
        sa.UniqueConstraint("reference", name=op.f("uq_saved_question_reference")),
    )
    _walls()


def _walls() -> None:
    own = "client_id = ANY ((SELECT desk_client_ids())::bigint[])"
    table, everyone = "saved_question", f"{ALL_SEEING}, {NARROWED}"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY house ON {table} TO {ALL_SEEING} USING (true) WITH CHECK (true)")
    op.execute(f"CREATE POLICY own ON {table} TO {NARROWED} USING ({own}) WITH CHECK ({own})")
    # a question is an opinion about one's own fleet: whoever sees the fleet keeps them
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {everyone}")
    op.execute(f"GRANT USAGE ON SEQUENCE {table}_id_seq TO {everyone}")


def downgrade() -> None:
    op.drop_table("saved_question")
    op.drop_column("device", "os_major")
