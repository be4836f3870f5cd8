"""What devices report of themselves, the rules they are held to, and who fails them.

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ALL_SEEING = "desk_operator, desk_worker"
NARROWED = "desk_contact, desk_manager"
TABLES = ("installed_app", "conformity_rule", "conformity_finding", "conformity_change")
INSTANT = sa.DateTime(timezone=True)
KEY = sa.ARRAY(sa.BigInteger())


def upgrade() -> None:
    for name, kind in (
        ("inventory_at", INSTANT),
        ("os_version_key", KEY),
        ("has_passcode", sa.Boolean()),
        ("is_encrypted", sa.Boolean()),
        ("is_compromised", sa.Boolean()),
    ):
        op.add_column("device", sa.Column(name, kind))
    _apps()
    _rules()
    _findings()
    _walls()


def _apps() -> None:
    op.create_table(
        "installed_app",
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("version_key", KEY, nullable=False),
        _key("installed_app", "client_id", "client"),
        _key("installed_app", "device_id", "device"),
        sa.PrimaryKeyConstraint("device_id", "identifier", name=op.f("pk_installed_app")),
    )
    op.create_index(
        "ix_installed_app_client_id_identifier", "installed_app", ["client_id", "identifier"]
    )


def _rules() -> None:
    op.create_table(
        "conformity_rule",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parameters", JSONB(), nullable=False),
        sa.Column("group_id", sa.BigInteger()),
        sa.Column("platform", sa.String(length=40)),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("consequences", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("grace_hours", sa.BigInteger(), nullable=False),
        sa.Column("effective_at", INSTANT, nullable=False),
        sa.Column("author_id", sa.BigInteger()),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "grace_hours between 0 and 8760",
            name=op.f("ck_conformity_rule_grace_is_at_most_a_year"),
        ),
        sa.CheckConstraint(
            "cardinality(consequences) > 0", name=op.f("ck_conformity_rule_something_follows")
        ),
        _key("conformity_rule", "client_id", "client"),
        _key("conformity_rule", "group_id", "device_group"),
        _key("conformity_rule", "author_id", "user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conformity_rule")),
        sa.UniqueConstraint("reference", name=op.f("uq_conformity_rule_reference")),
    )
    op.create_index(op.f("ix_conformity_rule_client_id"), "conformity_rule", ["client_id"])


def _findings() -> None:
    op.create_table(
        "conformity_finding",
        sa.Column("rule_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("told_at", INSTANT),
        sa.Column("locked_at", INSTANT),
        _key("conformity_finding", "client_id", "client"),
        _key("conformity_finding", "device_id", "device"),
        _key("conformity_finding", "rule_id", "conformity_rule"),
        sa.PrimaryKeyConstraint("rule_id", "device_id", name=op.f("pk_conformity_finding")),
    )
    op.create_index("ix_conformity_finding_device_id", "conformity_finding", ["device_id"])
    op.create_table(
        "conformity_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("rule_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        _key("conformity_change", "client_id", "client"),
        _key("conformity_change", "device_id", "device"),
        _key("conformity_change", "rule_id", "conformity_rule"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conformity_change")),
    )
    for column in ("device_id", "rule_id"):
        name = f"ix_conformity_change_{column}_id"
        op.create_index(name, "conformity_change", [column, "id"])


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}")
    )


def _walls() -> None:
    own = "client_id = ANY ((SELECT desk_client_ids())::bigint[])"
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY house ON {table} TO {ALL_SEEING} USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY own ON {table} TO {NARROWED} USING ({own}) WITH CHECK ({own})")
        op.execute(f"GRANT SELECT ON {table} TO {NARROWED}")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {ALL_SEEING}")
    op.execute(f"REVOKE UPDATE, DELETE ON conformity_change FROM {ALL_SEEING}")
    for sequence in ("conformity_rule_id_seq", "conformity_change_id_seq"):
        op.execute(f"GRANT USAGE ON SEQUENCE {sequence} TO {ALL_SEEING}")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON conformity_change"
        " EXECUTE FUNCTION desk_refuse_change()"
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    for column in (
        "is_compromised",
        "is_encrypted",
        "has_passcode",
        "os_version_key",
        "inventory_at",
    ):
        op.drop_column("device", column)
