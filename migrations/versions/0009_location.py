"""Positions of devices: in a table of their own, until the contract's days are over; who looked.

Revision ID: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ALL_SEEING = "desk_operator, desk_worker"
NARROWED = "desk_contact, desk_manager"
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "contract",
        sa.Column("location_days", sa.BigInteger(), nullable=False, server_default="30"),
    )
    op.alter_column("contract", "location_days", server_default=None)
    op.create_check_constraint(
        op.f("ck_contract_positions_go_within_thirty_days"),
        "contract",
        "location_days between 1 and 30",
    )
    _positions()
    _looks()
    _walls()
    _forget_what_was_kept_elsewhere()


def _positions() -> None:
    op.create_table(
        "device_position",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("command_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("accuracy", sa.Double(), nullable=False),
        sa.Column("taken_at", INSTANT, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("asked_by_name", sa.Text(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "btrim(purpose) <> ''", name=op.f("ck_device_position_somebody_said_why")
        ),
        sa.CheckConstraint(
            "expires_at > taken_at and expires_at <= taken_at + interval '30 days'",
            name=op.f("ck_device_position_it_is_kept_thirty_days_at_most"),
        ),
        _key("device_position", "client_id", "client"),
        _key("device_position", "command_id", "device_command"),
        _key("device_position", "device_id", "device"),
        _key("device_position", "order_id", "work_order"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_position")),
        sa.UniqueConstraint("command_id", name=op.f("uq_device_position_command_id")),
    )
    for column in ("client_id", "order_id", "expires_at"):
        op.create_index(op.f(f"ix_device_position_{column}"), "device_position", [column])
    op.create_index("ix_device_position_device_id_id", "device_position", ["device_id", "id"])


def _looks() -> None:
    op.create_table(
        "position_look",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("looked_by_id", sa.BigInteger()),
        sa.Column("looked_by_name", sa.Text(), nullable=False),
        sa.Column("looked_by_role", sa.String(length=40), nullable=False),
        _key("position_look", "client_id", "client"),
        _key("position_look", "device_id", "device"),
        _key("position_look", "looked_by_id", "user"),
        _key("position_look", "order_id", "work_order"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_position_look")),
    )
    op.create_index(op.f("ix_position_look_order_id"), "position_look", ["order_id"])
    for column in ("client_id", "device_id"):
        op.create_index(f"ix_position_look_{column}_id", "position_look", [column, "id"])


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}")
    )


def _walls() -> None:
    own = "client_id = ANY ((SELECT desk_client_ids())::bigint[])"
    for table in ("device_position", "position_look"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY house ON {table} TO {ALL_SEEING} USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY own ON {table} TO {NARROWED} USING ({own}) WITH CHECK ({own})")
    # an account manager may know that a position is known, never where
    known = "id, client_id, device_id, command_id, order_id, taken_at, expires_at, purpose"
    op.execute(f"GRANT SELECT ({known}, asked_by_name) ON device_position TO desk_manager")
    op.execute(f"GRANT SELECT ON device_position TO desk_contact, {ALL_SEEING}")
    op.execute("GRANT INSERT, DELETE ON device_position TO desk_worker")
    op.execute("GRANT USAGE ON SEQUENCE device_position_id_seq TO desk_worker")
    op.execute(f"GRANT UPDATE (expires_at) ON device_position TO {ALL_SEEING}")
    op.execute("GRANT SELECT, INSERT ON position_look TO desk_contact, desk_operator")
    op.execute("GRANT USAGE ON SEQUENCE position_look_id_seq TO desk_contact, desk_operator")
    op.execute("GRANT SELECT ON position_look TO desk_worker")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON position_look"
        " EXECUTE FUNCTION desk_refuse_change()"
    )


def _forget_what_was_kept_elsewhere() -> None:
    """Until now a position stood with its command and in the engine's words, for ever."""
    op.drop_column("device_command", "result")
    op.execute("ALTER TABLE command_observation DISABLE TRIGGER append_only")
    op.execute(
        "UPDATE command_observation o SET evidence = regexp_replace(o.evidence, '\\d', '•', 'g')"
        " FROM device_command c JOIN command_batch b ON b.id = c.batch_id"
        " WHERE c.id = o.command_id AND b.instruction = 'locate_device'"
    )
    op.execute("ALTER TABLE command_observation ENABLE TRIGGER append_only")
    op.execute(
        "UPDATE device_command c SET detail = regexp_replace(c.detail, '\\d', '•', 'g')"
        " FROM command_batch b WHERE b.id = c.batch_id AND b.instruction = 'locate_device'"
    )


def downgrade() -> None:
    op.add_column("device_command", sa.Column("result", JSONB()))
    op.drop_table("position_look")
    op.drop_table("device_position")
    op.drop_constraint(
        op.f("ck_contract_positions_go_within_thirty_days"), "contract", type_="check"
    )
    op.drop_column("contract", "location_days")
