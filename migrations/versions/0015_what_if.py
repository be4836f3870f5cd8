"""What-ifs: a contract's past under a draft.

Revision ID: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ALL_SEEING = "desk_operator, desk_worker"
INSTANT = sa.DateTime(timezone=True)
TABLES = ("sla_what_if", "sla_what_if_change")


def upgrade() -> None:
    op.create_table(
        "sla_what_if",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("asked_by_id", sa.BigInteger()),
        sa.Column("asked_by_name", sa.Text(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("first_month", sa.Date(), nullable=False),
        sa.Column("last_month", sa.Date(), nullable=False),
        sa.Column("definition", JSONB(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger()),
        sa.Column("last_ledger_id", sa.BigInteger(), nullable=False),
        sa.Column("result", JSONB(), nullable=False),
        sa.Column("started_at", INSTANT),
        sa.Column("progress_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT),
        sa.Column("fault", sa.Text()),
        sa.ForeignKeyConstraint(
            ["asked_by_id"], ["user.id"], name=op.f("fk_sla_what_if_asked_by_id_user")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_sla_what_if_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_sla_what_if_contract_id_contract")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_what_if")),
        sa.UniqueConstraint("reference", name=op.f("uq_sla_what_if_reference")),
    )
    op.create_index(op.f("ix_sla_what_if_client_id"), "sla_what_if", ["client_id"])
    op.create_table(
        "sla_what_if_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("what_if_id", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("metric", sa.String(40), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("change", sa.String(40), nullable=False),
        sa.Column("was", sa.String(40)),
        sa.Column("was_used_seconds", sa.BigInteger()),
        sa.Column("was_target_seconds", sa.BigInteger()),
        sa.Column("would", sa.String(40)),
        sa.Column("would_used_seconds", sa.BigInteger()),
        sa.Column("would_target_seconds", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_sla_what_if_change_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["what_if_id"],
            ["sla_what_if.id"],
            name=op.f("fk_sla_what_if_change_what_if_id_sla_what_if"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_what_if_change")),
    )
    op.create_index(op.f("ix_sla_what_if_change_client_id"), "sla_what_if_change", ["client_id"])
    op.create_index(
        "ix_sla_what_if_change_what_if_id_id", "sla_what_if_change", ["what_if_id", "id"]
    )
    _walls()


def _walls() -> None:
    own = "client_id = ANY ((SELECT desk_client_ids())::bigint[])"
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY house ON {table} TO {ALL_SEEING} USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY own ON {table} TO desk_manager USING ({own}) WITH CHECK ({own})")
        # what the operator thinks of offering is nothing to a client: no policy lets a contact
        # see a row, not even of their own
        op.execute(f"GRANT SELECT ON {table} TO {ALL_SEEING}, desk_manager, desk_contact")
        op.execute(f"GRANT INSERT, UPDATE, DELETE ON {table} TO {ALL_SEEING}")
        op.execute(f"GRANT USAGE ON SEQUENCE {table}_id_seq TO {ALL_SEEING}, desk_manager")
    op.execute("GRANT INSERT, UPDATE ON sla_what_if TO desk_manager")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
