"""Checklists on tickets, whose person asked for one, and the operator's own client.

Revision ID: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ALL_SEEING = "desk_operator, desk_worker"
NARROWED = "desk_contact, desk_manager"
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "client", sa.Column("is_internal", sa.Boolean(), nullable=False, server_default="false")
    )
    op.create_index(
        "uq_client_internal",
        "client",
        ["is_internal"],
        unique=True,
        postgresql_where=sa.text("is_internal"),
    )
    op.add_column(
        "ticket",
        sa.Column("requester_side", sa.String(length=40), nullable=False, server_default="client"),
    )
    op.execute(
        "UPDATE ticket SET requester_side = 'operator' FROM \"user\" u"
        " WHERE u.id = requester_id AND u.role <> 'contact'"
    )
    op.create_table(
        "ticket_step",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("done_at", INSTANT),
        sa.Column("done_by_id", sa.BigInteger()),
        sa.Column("done_by_name", sa.Text()),
        sa.Column("skipped_because", sa.Text()),
        sa.Column("removed_at", INSTANT),
        sa.CheckConstraint(
            "(done_at is null) = (done_by_name is null)",
            name=op.f("ck_ticket_step_somebody_did_it"),
        ),
        sa.CheckConstraint(
            "skipped_because is null or done_at is not null",
            name=op.f("ck_ticket_step_somebody_skipped_it"),
        ),
        sa.CheckConstraint(
            "removed_at is null or done_at is null",
            name=op.f("ck_ticket_step_only_open_ones_are_removed"),
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_ticket_step_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_step_ticket_id_ticket")
        ),
        sa.ForeignKeyConstraint(
            ["done_by_id"], ["user.id"], name=op.f("fk_ticket_step_done_by_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_step")),
        sa.UniqueConstraint(
            "ticket_id", "position", name=op.f("uq_ticket_step_ticket_id_position")
        ),
    )
    op.create_index("ix_ticket_step_client_id", "ticket_step", ["client_id"])
    _walls()


def _walls() -> None:
    own = "client_id = ANY ((SELECT desk_client_ids())::bigint[])"
    table = "ticket_step"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY house ON {table} TO {ALL_SEEING} USING (true) WITH CHECK (true)")
    # a contact may ask and finds nothing: like internal notes, steps do not exist for the client
    op.execute(f"CREATE POLICY own ON {table} FOR SELECT TO desk_manager USING ({own})")
    op.execute(f"GRANT SELECT ON {table} TO {ALL_SEEING}, {NARROWED}")
    op.execute(f"GRANT INSERT, UPDATE ON {table} TO {ALL_SEEING}")
    op.execute(f"GRANT USAGE ON SEQUENCE {table}_id_seq TO {ALL_SEEING}")


def downgrade() -> None:
    op.drop_table("ticket_step")
    op.drop_column("ticket", "requester_side")
    op.drop_index("uq_client_internal", table_name="client")
    op.drop_column("client", "is_internal")
