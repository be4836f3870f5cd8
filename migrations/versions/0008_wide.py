"""Devices of a request kept once; looser wipe limits that wait; orders that a rule asks for.

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ALL_SEEING = "desk_operator, desk_worker"
NARROWED = "desk_contact, desk_manager"
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _keep_devices_once()
    _limit_change()
    _walls()
    # an order that a rule of conformity asks for
    op.add_column("work_order", sa.Column("rule_id", sa.BigInteger()))
    op.create_foreign_key(
        op.f("fk_work_order_rule_id_conformity_rule"),
        "work_order",
        "conformity_rule",
        ["rule_id"],
        ["id"],
    )
    op.create_index(
        "ix_work_order_rule_id",
        "work_order",
        ["rule_id"],
        postgresql_where=sa.text("rule_id is not null"),
    )


def _keep_devices_once() -> None:
    # only what can be read from the order is taken away
    op.execute(
        "DELETE FROM ticket_device d USING ticket_order o, order_target t"
        " WHERE o.ticket_id = d.ticket_id AND t.order_id = o.order_id AND t.device_id = d.device_id"
    )


def _limit_change() -> None:
    op.create_table(
        "limit_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("wipes_per_order", sa.BigInteger(), nullable=False),
        sa.Column("wipes_per_hour", sa.BigInteger(), nullable=False),
        sa.Column("wipe_share_per_day", sa.Numeric(4, 3), nullable=False),
        sa.Column("cancel_window_minutes", sa.BigInteger(), nullable=False),
        sa.Column("asked_by_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_by_name", sa.Text(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("agreed_by_id", sa.BigInteger()),
        sa.Column("agreed_by_name", sa.Text()),
        sa.Column("agreed_at", INSTANT),
        sa.Column("proved_at", INSTANT),
        sa.Column("withdrawn_by_name", sa.Text()),
        sa.Column("withdrawn_at", INSTANT),
        sa.CheckConstraint(
            "agreed_by_id <> asked_by_id", name=op.f("ck_limit_change_two_people_loosen")
        ),
        sa.CheckConstraint(
            "(agreed_by_id is null) = (agreed_at is null)",
            name=op.f("ck_limit_change_an_agreement_has_person_and_time"),
        ),
        sa.CheckConstraint(
            "agreed_at is null or (proved_at is not null and proved_at <= agreed_at"
            " and proved_at > agreed_at - interval '5 minutes')",
            name=op.f("ck_limit_change_who_agrees_has_proved_to_be_there"),
        ),
        sa.CheckConstraint(
            "agreed_at is null or withdrawn_at is null",
            name=op.f("ck_limit_change_it_ends_once"),
        ),
        _key("limit_change", "client_id", "client"),
        _key("limit_change", "contract_id", "contract"),
        _key("limit_change", "asked_by_id", "user"),
        _key("limit_change", "agreed_by_id", "user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limit_change")),
    )
    op.create_index(op.f("ix_limit_change_client_id"), "limit_change", ["client_id"])
    op.create_index(
        "uq_limit_change_waiting",
        "limit_change",
        ["contract_id"],
        unique=True,
        postgresql_where=sa.text("agreed_at is null and withdrawn_at is null"),
    )


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}")
    )


def _walls() -> None:
    own = "client_id = ANY ((SELECT desk_client_ids())::bigint[])"
    op.execute("ALTER TABLE limit_change ENABLE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY house ON limit_change TO {ALL_SEEING} USING (true) WITH CHECK (true)"
    )
    op.execute(f"CREATE POLICY own ON limit_change TO {NARROWED} USING ({own}) WITH CHECK ({own})")
    op.execute(f"GRANT SELECT ON limit_change TO {NARROWED}")
    # nothing of it is ever deleted: who asked and who agreed stays known
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON limit_change TO {ALL_SEEING}")
    op.execute(f"GRANT USAGE ON SEQUENCE limit_change_id_seq TO {ALL_SEEING}")


def downgrade() -> None:
    op.drop_column("work_order", "rule_id")
    op.drop_table("limit_change")
    _keep_devices_twice()


def _keep_devices_twice() -> None:
    op.execute(
        "INSERT INTO ticket_device (ticket_id, device_id, client_id)"
        " SELECT o.ticket_id, t.device_id, t.client_id"
        " FROM ticket_order o JOIN order_target t ON t.order_id = o.order_id"
        " ON CONFLICT DO NOTHING"
    )
