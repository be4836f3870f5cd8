"""Wide orders: stages, pauses, the brakes on wipes, and an approver's fresh proof.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OWN = "client_id = ANY ((SELECT desk_client_ids())::bigint[])"
ALL_SEEING = "desk_operator, desk_worker"
NARROWED = "desk_contact, desk_manager"
NEW_TABLES = ("order_stage", "destructive_stop")
ORDER_CHECKS = (
    (
        "an_approver_has_proved_to_be_there",
        (
            "not needs_approval or approved_at is null or (proved_at is not null"
            " and proved_at <= approved_at and proved_at > approved_at - interval '5 minutes')"
        ),
    ),
    (
        "a_supervisor_approves_what_is_wide",
        (
            "not (needs_approval and is_wide) or approved_at is null"
            " or approved_by_role = 'supervisor'"
        ),
    ),
    ("somebody_asked_for_what_needs_approval", "not needs_approval or author_id is not null"),
    ("a_pause_has_a_reason", "(state = 'paused') = (pause_reason is not null)"),
)


def upgrade() -> None:
    _accounts_and_contracts()
    _batches()
    _orders()
    _stages()
    _stops()
    for table in NEW_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY house ON {table} TO {ALL_SEEING} USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY own ON {table} TO {NARROWED} USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT SELECT, INSERT ON {table} TO {NARROWED}")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {ALL_SEEING}")
    op.execute(f"GRANT USAGE ON SEQUENCE destructive_stop_id_seq TO {NARROWED}, {ALL_SEEING}")


def _accounts_and_contracts() -> None:
    op.add_column(
        "user",
        sa.Column(
            "role_since",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )
    op.execute('UPDATE "user" SET role_since = created_at')
    for column in (
        sa.Column("wipes_per_order", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("wipes_per_hour", sa.BigInteger(), server_default="5", nullable=False),
        sa.Column("wipe_share_per_day", sa.Numeric(4, 3), server_default="0.02", nullable=False),
        sa.Column("cancel_window_minutes", sa.BigInteger(), server_default="30", nullable=False),
    ):
        op.add_column("contract", column)
        op.alter_column("contract", column.name, server_default=None)
    op.create_check_constraint(
        op.f("ck_contract_wipe_limits_are_limits"),
        "contract",
        "wipes_per_order between 1 and 100 and wipes_per_hour between 1 and 1000"
        " and wipe_share_per_day between 0 and 0.25 and cancel_window_minutes between 5 and 1440",
    )


def _batches() -> None:
    for name in ("is_destructive", "is_wide"):
        op.add_column(
            "command_batch", sa.Column(name, sa.Boolean(), server_default="false", nullable=False)
        )
        op.alter_column("command_batch", name, server_default=None)
    op.add_column("command_batch", sa.Column("held_at", sa.DateTime(timezone=True)))
    op.execute(
        "UPDATE command_batch SET is_destructive = true"
        " WHERE instruction IN ('erase_device', 'enterprise_wipe')"
    )
    op.create_index(
        "ix_device_command_batch_id_state", "device_command", ["batch_id", "state"], unique=False
    )


def _orders() -> None:
    op.alter_column("work_order", "author_id", nullable=True)
    for column in (
        sa.Column("approved_by_role", sa.Text()),
        sa.Column("proved_at", sa.DateTime(timezone=True)),
        sa.Column("target_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("is_wide", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("failure_percent", sa.BigInteger(), server_default="5", nullable=False),
        sa.Column("forgiven", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next_step_at", sa.DateTime(timezone=True)),
        sa.Column("pause_reason", sa.String(40)),
        sa.Column("paused_at", sa.DateTime(timezone=True)),
        sa.Column("paused_by_name", sa.Text()),
    ):
        op.add_column("work_order", column)
        if column.server_default is not None:
            op.alter_column("work_order", column.name, server_default=None)
    op.execute(
        "UPDATE work_order SET target_count ="
        " (SELECT count(*) FROM order_target WHERE order_id = work_order.id)"
    )
    # approvals of before were given by people who were signed in at that moment
    op.execute("UPDATE work_order SET proved_at = approved_at WHERE approved_at IS NOT NULL")
    for name, expression in ORDER_CHECKS:
        op.create_check_constraint(op.f(f"ck_work_order_{name}"), "work_order", expression)
    op.create_index(
        "ix_work_order_next_step_at",
        "work_order",
        ["next_step_at"],
        unique=False,
        postgresql_where=sa.text("next_step_at is not null"),
    )
    op.add_column(
        "order_target", sa.Column("position", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.alter_column("order_target", "position", server_default=None)
    op.execute(
        "UPDATE order_target SET position = numbered.position FROM (SELECT order_id, device_id,"
        " row_number() OVER (PARTITION BY order_id ORDER BY possible DESC, device_id) - 1"
        " AS position FROM order_target) numbered"
        " WHERE numbered.order_id = order_target.order_id"
        " AND numbered.device_id = order_target.device_id"
    )
    op.create_index(
        "ix_order_target_order_id_position", "order_target", ["order_id", "position"], unique=False
    )


def _stages() -> None:
    op.create_table(
        "order_stage",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("wait_minutes", sa.BigInteger(), nullable=False),
        sa.Column("commanded", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "first >= 0 and until > first", name=op.f("ck_order_stage_a_stage_has_devices")
        ),
        sa.CheckConstraint(
            "wait_minutes between 0 and 10080",
            name=op.f("ck_order_stage_a_wait_is_a_week_at_most"),
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_order_stage_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_order.id"], name=op.f("fk_order_stage_order_id_work_order")
        ),
        sa.PrimaryKeyConstraint("order_id", "number", name=op.f("pk_order_stage")),
    )
    op.create_index(op.f("ix_order_stage_client_id"), "order_stage", ["client_id"], unique=False)
    # every order of before had one stage with all of its devices
    op.execute(
        "INSERT INTO order_stage (order_id, number, client_id, first, until, wait_minutes,"
        " commanded, state, started_at)"
        " SELECT id, 1, client_id, 0, target_count, 0,"
        " (SELECT count(*) FROM device_command c WHERE c.batch_id = o.batch_id),"
        " CASE WHEN batch_id IS NULL THEN 'waiting' WHEN state = 'executing' THEN 'running'"
        " ELSE 'done' END, executed_at FROM work_order o WHERE target_count > 0"
    )


def _stops() -> None:
    op.create_table(
        "destructive_stop",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stopped_by_name", sa.Text(), nullable=False),
        sa.Column("release_asked_by_id", sa.BigInteger()),
        sa.Column("release_asked_by_name", sa.Text()),
        sa.Column("release_asked_at", sa.DateTime(timezone=True)),
        sa.Column("released_by_id", sa.BigInteger()),
        sa.Column("released_by_name", sa.Text()),
        sa.Column("released_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "released_by_id <> release_asked_by_id",
            name=op.f("ck_destructive_stop_two_people_release"),
        ),
        sa.CheckConstraint(
            "released_at is null"
            " or (released_by_id is not null and release_asked_by_id is not null)",
            name=op.f("ck_destructive_stop_a_release_has_two_people"),
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_destructive_stop_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["release_asked_by_id"],
            ["user.id"],
            name=op.f("fk_destructive_stop_release_asked_by_id_user"),
        ),
        sa.ForeignKeyConstraint(
            ["released_by_id"], ["user.id"], name=op.f("fk_destructive_stop_released_by_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_destructive_stop")),
    )
    op.create_index(
        op.f("ix_destructive_stop_client_id"), "destructive_stop", ["client_id"], unique=False
    )
    op.create_index(
        "uq_destructive_stop_standing",
        "destructive_stop",
        ["client_id"],
        unique=True,
        postgresql_where=sa.text("released_at is null"),
    )


def downgrade() -> None:
    op.drop_table("destructive_stop")
    op.drop_table("order_stage")
    op.drop_index("ix_order_target_order_id_position", table_name="order_target")
    op.drop_column("order_target", "position")
    op.drop_index("ix_work_order_next_step_at", table_name="work_order")
    for name, _expression in ORDER_CHECKS:
        op.drop_constraint(op.f(f"ck_work_order_{name}"), "work_order", type_="check")
    for name in (
        "approved_by_role",
        "proved_at",
        "target_count",
        "is_wide",
        "failure_percent",
        "forgiven",
        "next_step_at",
        "pause_reason",
        "paused_at",
        "paused_by_name",
    ):
        op.drop_column("work_order", name)
    op.drop_index("ix_device_command_batch_id_state", table_name="device_command")
    for name in ("is_destructive", "is_wide", "held_at"):
        op.drop_column("command_batch", name)
    op.drop_constraint(op.f("ck_contract_wipe_limits_are_limits"), "contract", type_="check")
    for name in (
        "wipes_per_order",
        "wipes_per_hour",
        "wipe_share_per_day",
        "cancel_window_minutes",
    ):
        op.drop_column("contract", name)
    op.drop_column("user", "role_since")
