"""Policies: profiles with versions, whom they reach, what each device should have and has; documents.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ALL_SEEING = "desk_operator, desk_worker"
NARROWED = "desk_contact, desk_manager"
TABLES = (
    "policy_profile",
    "policy_version",
    "policy_assignment",
    "effective_policy",
    "device_policy",
    "client_document",
    "document_fetch",
)
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _policy_profile()
    _policy_version()
    _policy_assignment()
    _effective_policy()
    _device_policy()
    _client_document()
    _document_fetch()
    # a configuration knows for which groups it was asked; what was asked before was for devices
    op.add_column(
        "work_order",
        sa.Column("group_ids", sa.ARRAY(sa.BigInteger()), nullable=False, server_default="{}"),
    )
    op.alter_column("work_order", "group_ids", server_default=None)
    op.add_column("work_order", sa.Column("undo", JSONB()))
    op.add_column("work_order", sa.Column("approved_policy", sa.Text()))
    _walls()


def _policy_profile() -> None:
    op.create_table(
        "policy_profile",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("group_id", sa.BigInteger()),
        sa.Column("device_id", sa.BigInteger()),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(group_id, device_id) < 2",
            name=op.f("ck_policy_profile_own_settings_have_one_owner"),
        ),
        _key("policy_profile", "client_id", "client"),
        _key("policy_profile", "device_id", "device"),
        _key("policy_profile", "group_id", "device_group"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_profile")),
        sa.UniqueConstraint("device_id", name=op.f("uq_policy_profile_device_id")),
        sa.UniqueConstraint("group_id", name=op.f("uq_policy_profile_group_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_policy_profile_reference")),
    )
    op.create_index("ix_policy_profile_client_id_id", "policy_profile", ["client_id", "id"])
    op.create_index(
        "uq_policy_profile_name",
        "policy_profile",
        ["client_id", "name"],
        unique=True,
        postgresql_where=sa.text("group_id is null and device_id is null"),
    )


def _policy_version() -> None:
    op.create_table(
        "policy_version",
        sa.Column("profile_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("content", JSONB(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("published_at", INSTANT),
        sa.Column("published_by_name", sa.Text()),
        sa.Column("retired_at", INSTANT),
        sa.CheckConstraint(
            "(state = 'draft') = (published_at is null)",
            name=op.f("ck_policy_version_who_published_is_known_and_when"),
        ),
        _key("policy_version", "client_id", "client"),
        _key("policy_version", "profile_id", "policy_profile"),
        sa.PrimaryKeyConstraint("profile_id", "number", name=op.f("pk_policy_version")),
    )
    op.create_index(op.f("ix_policy_version_client_id"), "policy_version", ["client_id"])
    op.create_index(
        "uq_policy_version_draft",
        "policy_version",
        ["profile_id"],
        unique=True,
        postgresql_where=sa.text("state = 'draft'"),
    )
    op.create_index(
        "uq_policy_version_published",
        "policy_version",
        ["profile_id"],
        unique=True,
        postgresql_where=sa.text("state = 'published'"),
    )


def _policy_assignment() -> None:
    op.create_table(
        "policy_assignment",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("profile_id", sa.BigInteger(), nullable=False),
        sa.Column("group_id", sa.BigInteger()),
        sa.Column("device_id", sa.BigInteger()),
        sa.Column("precedence", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(group_id, device_id) = 1",
            name=op.f("ck_policy_assignment_it_reaches_a_group_or_a_device"),
        ),
        sa.CheckConstraint(
            "precedence between 1 and 999",
            name=op.f("ck_policy_assignment_precedence_is_within_its_range"),
        ),
        _key("policy_assignment", "client_id", "client"),
        _key("policy_assignment", "device_id", "device"),
        _key("policy_assignment", "group_id", "device_group"),
        _key("policy_assignment", "profile_id", "policy_profile"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_assignment")),
        sa.UniqueConstraint(
            "profile_id", "device_id", name=op.f("uq_policy_assignment_profile_id_device_id")
        ),
        sa.UniqueConstraint(
            "profile_id", "group_id", name=op.f("uq_policy_assignment_profile_id_group_id")
        ),
    )
    op.create_index(op.f("ix_policy_assignment_client_id"), "policy_assignment", ["client_id"])
    op.create_index("ix_policy_assignment_device_id", "policy_assignment", ["device_id"])
    op.create_index("ix_policy_assignment_group_id", "policy_assignment", ["group_id"])


def _effective_policy() -> None:
    op.create_table(
        "effective_policy",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content", JSONB(), nullable=False),
        sa.Column("sources", JSONB(), nullable=False),
        sa.Column("conflicts", JSONB(), nullable=False),
        sa.Column("withheld", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("fingerprints", JSONB(), nullable=False),
        _key("effective_policy", "client_id", "client"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_effective_policy")),
        sa.UniqueConstraint(
            "client_id", "digest", name=op.f("uq_effective_policy_client_id_digest")
        ),
    )


def _device_policy() -> None:
    op.create_table(
        "device_policy",
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("effective_id", sa.BigInteger(), nullable=False),
        sa.Column("desired_at", INSTANT, nullable=False),
        sa.Column("reported", JSONB(), nullable=False),
        sa.Column("reported_at", INSTANT),
        sa.Column("has_drift", sa.Boolean(), nullable=False),
        sa.Column("is_held", sa.Boolean(), nullable=False),
        _key("device_policy", "client_id", "client"),
        _key("device_policy", "device_id", "device"),
        _key("device_policy", "effective_id", "effective_policy"),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_device_policy")),
    )
    op.create_index(
        "ix_device_policy_drift",
        "device_policy",
        ["client_id", "device_id"],
        postgresql_where=sa.text("has_drift"),
    )
    op.create_index("ix_device_policy_effective_id", "device_policy", ["effective_id"])


def _client_document() -> None:
    op.create_table(
        "client_document",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("author_name", sa.Text(), nullable=False),
        _key("client_document", "client_id", "client"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_document")),
        sa.UniqueConstraint("reference", name=op.f("uq_client_document_reference")),
        sa.UniqueConstraint("secret", name=op.f("uq_client_document_secret")),
    )
    op.create_index("ix_client_document_client_id_id", "client_document", ["client_id", "id"])


def _document_fetch() -> None:
    op.create_table(
        "document_fetch",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("document_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("first_at", INSTANT, nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        _key("document_fetch", "client_id", "client"),
        _key("document_fetch", "device_id", "device"),
        _key("document_fetch", "document_id", "client_document"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_fetch")),
        sa.UniqueConstraint(
            "document_id", "device_id", name=op.f("uq_document_fetch_document_id_device_id")
        ),
    )
    op.create_index(op.f("ix_document_fetch_client_id"), "document_fetch", ["client_id"])
    op.create_index(op.f("ix_document_fetch_device_id"), "document_fetch", ["device_id"])


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
    op.execute(f"GRANT INSERT ON client_document TO {NARROWED}")  # their own library
    for sequence in ("policy_profile", "policy_assignment", "effective_policy", "document_fetch"):
        op.execute(f"GRANT USAGE ON SEQUENCE {sequence}_id_seq TO {ALL_SEEING}")
    op.execute(f"GRANT USAGE ON SEQUENCE client_document_id_seq TO {ALL_SEEING}, {NARROWED}")


def downgrade() -> None:
    op.drop_column("work_order", "approved_policy")
    op.drop_column("work_order", "undo")
    op.drop_column("work_order", "group_ids")
    for table in reversed(TABLES):
        op.drop_table(table)
