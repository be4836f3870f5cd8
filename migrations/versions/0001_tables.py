"""The tables of the ground floor.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
        sa.UniqueConstraint("chain", "number", name=op.f("uq_audit_entry_chain_number")),
    )
    op.create_index(op.f("ix_audit_entry_at"), "audit_entry", ["at"], unique=False)
    op.create_index(op.f("ix_audit_entry_subject"), "audit_entry", ["subject"], unique=False)
    op.create_table(
        "audit_head",
        sa.Column("chain", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "calendar_version",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_version")),
        sa.UniqueConstraint("code", "version", name=op.f("uq_calendar_version_code_version")),
    )
    op.create_table(
        "client",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tax_id", sa.Text(), nullable=False),
        sa.Column("sector", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client")),
        sa.UniqueConstraint("reference", name=op.f("uq_client_reference")),
    )
    op.create_table(
        "engine_account",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_simulated", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engine_account")),
        sa.UniqueConstraint("key", name=op.f("uq_engine_account_key")),
    )
    op.create_table(
        "outgoing_mail",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("context", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("subject_reference", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_mail")),
    )
    op.create_table(
        "plan_version",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("targets", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_version")),
        sa.UniqueConstraint("code", "version", name=op.f("uq_plan_version_code_version")),
    )
    op.create_table(
        "reference_counter",
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_reference_counter")),
    )
    op.create_table(
        "sign_in_attempt",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_attempt")),
    )
    op.create_index(
        "ix_sign_in_attempt_address_at", "sign_in_attempt", ["address", "at"], unique=False
    )
    op.create_index("ix_sign_in_attempt_email_at", "sign_in_attempt", ["email", "at"], unique=False)
    op.create_table(
        "user",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("session_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_sign_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role not in ('system', 'gate')", name=op.f("ck_user_a_person_has_a_persons_role")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
    )
    op.create_index("ix_user_email_lower", "user", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "account_management",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_account_management_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_account_management_user_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_management")),
        sa.UniqueConstraint(
            "user_id", "client_id", name=op.f("uq_account_management_user_id_client_id")
        ),
    )
    op.create_index(
        op.f("ix_account_management_client_id"), "account_management", ["client_id"], unique=False
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_api_token_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_api_token_secret_hash")),
    )
    op.create_index(op.f("ix_api_token_user_id"), "api_token", ["user_id"], unique=False)
    op.create_table(
        "authorised_contact",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_authorised_contact_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_authorised_contact_user_id_user")
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_authorised_contact")),
    )
    op.create_index(
        op.f("ix_authorised_contact_client_id"), "authorised_contact", ["client_id"], unique=False
    )
    op.create_table(
        "command_batch",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_command_batch_client_id_client")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_command_batch")),
    )
    op.create_index(
        op.f("ix_command_batch_client_id"), "command_batch", ["client_id"], unique=False
    )
    op.create_table(
        "contract",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("modality", sa.String(length=40), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("blocks", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("engagement_days", sa.Numeric(precision=5, scale=2), nullable=False),
        sa.CheckConstraint("ends_on > starts_on", name=op.f("ck_contract_it_ends_after_it_starts")),
        sa.CheckConstraint(
            "engagement_days between 0 and 366", name=op.f("ck_contract_days_fit_a_year")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_contract_client_id_client")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract")),
        sa.UniqueConstraint("reference", name=op.f("uq_contract_reference")),
    )
    op.create_index(op.f("ix_contract_client_id"), "contract", ["client_id"], unique=False)
    op.create_table(
        "credential",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("second_factor", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_credential_user_id_user")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_credential")),
    )
    op.create_table(
        "device_group",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_device_group_client_id_client")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_group")),
        sa.UniqueConstraint("client_id", "name", name=op.f("uq_device_group_client_id_name")),
    )
    op.create_table(
        "device_user",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_device_user_client_id_client")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_user")),
        sa.UniqueConstraint("client_id", "email", name=op.f("uq_device_user_client_id_email")),
    )
    op.create_table(
        "one_time_link",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_one_time_link_user_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_one_time_link_token_hash")),
    )
    op.create_index(op.f("ix_one_time_link_user_id"), "one_time_link", ["user_id"], unique=False)
    op.create_table(
        "sla_ledger",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("calendar_id", sa.BigInteger(), nullable=False),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("response_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("response_verdict", sa.String(length=40), nullable=True),
        sa.Column("resolution_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution_verdict", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_sla_ledger_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["calendar_version.id"],
            name=op.f("fk_sla_ledger_calendar_id_calendar_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_ledger")),
    )
    op.create_index(op.f("ix_sla_ledger_client_id"), "sla_ledger", ["client_id"], unique=False)
    op.create_index(
        "ix_sla_ledger_next_due_at",
        "sla_ledger",
        ["next_due_at"],
        unique=False,
        postgresql_where=sa.text("next_due_at is not null"),
    )
    op.create_table(
        "device",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("imei", sa.Text(), nullable=False),
        sa.Column("phone_number", sa.Text(), nullable=False),
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("os_version", sa.Text(), nullable=False),
        sa.Column("manufacturer", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("ownership", sa.String(length=40), nullable=False),
        sa.Column("management", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("device_user_id", sa.BigInteger(), nullable=True),
        sa.Column("engine_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_contact_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed(
                "to_tsvector('simple', reference || ' ' || name || ' ' || serial || ' ' || imei || ' ' || phone_number || ' ' || model)",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.CheckConstraint(
            "management not in ('user_enrolment', 'work_profile_personal') or ownership = 'personal'",
            name=op.f("ck_device_a_private_profile_is_on_a_personal_device"),
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_device_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["device_user_id"],
            ["device_user.id"],
            name=op.f("fk_device_device_user_id_device_user"),
        ),
        sa.ForeignKeyConstraint(
            ["engine_id"], ["engine_account.id"], name=op.f("fk_device_engine_id_engine_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint(
            "engine_id", "external_id", name=op.f("uq_device_engine_id_external_id")
        ),
        sa.UniqueConstraint("reference", name=op.f("uq_device_reference")),
    )
    op.create_index("ix_device_client_id_id", "device", ["client_id", "id"], unique=False)
    op.create_index(
        "ix_device_client_id_last_contact_at",
        "device",
        ["client_id", "last_contact_at"],
        unique=False,
    )
    op.create_index(op.f("ix_device_device_user_id"), "device", ["device_user_id"], unique=False)
    op.create_index("ix_device_search", "device", ["search"], unique=False, postgresql_using="gin")
    op.create_table(
        "service_level",
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("plan_code", sa.Text(), nullable=False),
        sa.Column("calendar_code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_service_level_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_service_level_contract_id_contract")
        ),
        sa.PrimaryKeyConstraint("contract_id", name=op.f("pk_service_level")),
    )
    op.create_index(
        op.f("ix_service_level_client_id"), "service_level", ["client_id"], unique=False
    )
    op.create_table(
        "sla_cycle",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("ledger_id", sa.BigInteger(), nullable=False),
        sa.Column("metric", sa.String(length=40), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("target_seconds", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("elapsed_seconds", sa.BigInteger(), nullable=True),
        sa.Column("verdict", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_sla_cycle_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["ledger_id"], ["sla_ledger.id"], name=op.f("fk_sla_cycle_ledger_id_sla_ledger")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_cycle")),
        sa.UniqueConstraint(
            "ledger_id", "metric", "ordinal", name=op.f("uq_sla_cycle_ledger_id_metric_ordinal")
        ),
    )
    op.create_index(
        "ix_sla_cycle_client_id_stopped_at", "sla_cycle", ["client_id", "stopped_at"], unique=False
    )
    op.create_table(
        "sla_event",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("ledger_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("party", sa.String(length=40), nullable=True),
        sa.Column("plan_id", sa.BigInteger(), nullable=True),
        sa.Column("calendar_id", sa.BigInteger(), nullable=True),
        sa.Column("target_kind", sa.Text(), nullable=True),
        sa.Column("target_priority", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["calendar_version.id"],
            name=op.f("fk_sla_event_calendar_id_calendar_version"),
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_sla_event_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["ledger_id"], ["sla_ledger.id"], name=op.f("fk_sla_event_ledger_id_sla_ledger")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plan_version.id"], name=op.f("fk_sla_event_plan_id_plan_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_event")),
        sa.UniqueConstraint("ledger_id", "sequence", name=op.f("uq_sla_event_ledger_id_sequence")),
    )
    op.create_index(op.f("ix_sla_event_client_id"), "sla_event", ["client_id"], unique=False)
    op.create_table(
        "ticket",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("impact", sa.String(length=40), nullable=False),
        sa.Column("urgency", sa.String(length=40), nullable=False),
        sa.Column("priority", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("queue", sa.String(length=40), nullable=False),
        sa.Column("assignee_id", sa.BigInteger(), nullable=True),
        sa.Column("assignee_name", sa.Text(), nullable=True),
        sa.Column("requester_id", sa.BigInteger(), nullable=False),
        sa.Column("requester_name", sa.Text(), nullable=False),
        sa.Column("ledger_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_count", sa.BigInteger(), nullable=False),
        sa.Column("rating", sa.BigInteger(), nullable=True),
        sa.Column("rating_comment", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed(
                "to_tsvector('spanish', subject || ' ' || description) || to_tsvector('simple', reference)",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(state in ('resolved', 'closed')) = (resolved_at is not null)",
            name=op.f("ck_ticket_resolved_at_says_whether_it_is_resolved"),
        ),
        sa.CheckConstraint(
            "rating between 1 and 5", name=op.f("ck_ticket_a_rating_has_one_to_five")
        ),
        sa.ForeignKeyConstraint(
            ["assignee_id"], ["user.id"], name=op.f("fk_ticket_assignee_id_user")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_ticket_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["ledger_id"], ["sla_ledger.id"], name=op.f("fk_ticket_ledger_id_sla_ledger")
        ),
        sa.ForeignKeyConstraint(
            ["requester_id"], ["user.id"], name=op.f("fk_ticket_requester_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
        sa.UniqueConstraint("ledger_id", name=op.f("uq_ticket_ledger_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_ticket_reference")),
    )
    op.create_index("ix_ticket_client_id_id", "ticket", ["client_id", "id"], unique=False)
    op.create_index(
        "ix_ticket_open",
        "ticket",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state in ('new', 'in_progress', 'waiting_client')"),
    )
    op.create_index(
        "ix_ticket_open_assignee_id",
        "ticket",
        ["assignee_id", "id"],
        unique=False,
        postgresql_where=sa.text("state in ('new', 'in_progress', 'waiting_client')"),
    )
    op.create_index(
        "ix_ticket_resolved",
        "ticket",
        ["resolved_at"],
        unique=False,
        postgresql_where=sa.text("state = 'resolved'"),
    )
    op.create_index("ix_ticket_search", "ticket", ["search"], unique=False, postgresql_using="gin")
    op.create_table(
        "work_order",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("action_code", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("needs_approval", sa.Boolean(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by_id", sa.BigInteger(), nullable=True),
        sa.Column("approved_by_name", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_hash", sa.Text(), nullable=True),
        sa.Column("executed_by_name", sa.Text(), nullable=True),
        sa.Column("executed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "not needs_approval or state in ('awaiting_approval', 'cancelled') or (approved_by_id is not null and approved_hash = content_hash)",
            name=op.f("ck_work_order_what_cannot_be_undone_is_approved_as_it_is"),
        ),
        sa.CheckConstraint(
            "(approved_by_id is null) = (approved_at is null)",
            name=op.f("ck_work_order_an_approval_has_person_and_time"),
        ),
        sa.CheckConstraint(
            "approved_by_id <> author_id", name=op.f("ck_work_order_its_author_never_approves")
        ),
        sa.ForeignKeyConstraint(
            ["approved_by_id"], ["user.id"], name=op.f("fk_work_order_approved_by_id_user")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["user.id"], name=op.f("fk_work_order_author_id_user")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["command_batch.id"], name=op.f("fk_work_order_batch_id_command_batch")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_work_order_client_id_client")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_order")),
        sa.UniqueConstraint("batch_id", name=op.f("uq_work_order_batch_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_work_order_reference")),
    )
    op.create_index("ix_work_order_client_id_id", "work_order", ["client_id", "id"], unique=False)
    op.create_table(
        "device_command",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("engine_ref", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "state <> 'queued' or sent_at is null",
            name=op.f("ck_device_command_a_queued_command_has_not_left"),
        ),
        sa.CheckConstraint(
            "state in ('queued', 'cancelled', 'expired') or sent_at is not null",
            name=op.f("ck_device_command_an_answered_command_was_sent"),
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["command_batch.id"],
            name=op.f("fk_device_command_batch_id_command_batch"),
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_device_command_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_device_command_device_id_device")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_command")),
        sa.UniqueConstraint(
            "batch_id", "device_id", name=op.f("uq_device_command_batch_id_device_id")
        ),
        sa.UniqueConstraint("key", name=op.f("uq_device_command_key")),
    )
    op.create_index(
        op.f("ix_device_command_client_id"), "device_command", ["client_id"], unique=False
    )
    op.create_index(
        "ix_device_command_device_id_id", "device_command", ["device_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_device_command_engine_ref"), "device_command", ["engine_ref"], unique=False
    )
    op.create_index(
        "ix_device_command_open",
        "device_command",
        ["checked_at"],
        unique=False,
        postgresql_where=sa.text("state in ('queued', 'sent', 'not_now', 'unknown')"),
    )
    op.create_table(
        "device_group_member",
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_device_group_member_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_device_group_member_device_id_device")
        ),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["device_group.id"],
            name=op.f("fk_device_group_member_group_id_device_group"),
        ),
        sa.PrimaryKeyConstraint("group_id", "device_id", name=op.f("pk_device_group_member")),
    )
    op.create_index(
        op.f("ix_device_group_member_client_id"), "device_group_member", ["client_id"], unique=False
    )
    op.create_index(
        op.f("ix_device_group_member_device_id"), "device_group_member", ["device_id"], unique=False
    )
    op.create_table(
        "idempotency_key",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_idempotency_key_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_idempotency_key_ticket_id_ticket")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_idempotency_key_user_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_key")),
        sa.UniqueConstraint("user_id", "key", name=op.f("uq_idempotency_key_user_id_key")),
    )
    op.create_index(
        op.f("ix_idempotency_key_client_id"), "idempotency_key", ["client_id"], unique=False
    )
    op.create_table(
        "order_target",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("possible", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reason_values", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_order_target_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_order_target_device_id_device")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_order.id"], name=op.f("fk_order_target_order_id_work_order")
        ),
        sa.PrimaryKeyConstraint("order_id", "device_id", name=op.f("pk_order_target")),
    )
    op.create_index(op.f("ix_order_target_client_id"), "order_target", ["client_id"], unique=False)
    op.create_index(op.f("ix_order_target_device_id"), "order_target", ["device_id"], unique=False)
    op.create_table(
        "ticket_device",
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_ticket_device_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_ticket_device_device_id_device")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_device_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("ticket_id", "device_id", name=op.f("pk_ticket_device")),
    )
    op.create_index(
        op.f("ix_ticket_device_client_id"), "ticket_device", ["client_id"], unique=False
    )
    op.create_index(
        op.f("ix_ticket_device_device_id"), "ticket_device", ["device_id"], unique=False
    )
    op.create_table(
        "ticket_entry",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("author_side", sa.String(length=40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["user.id"], name=op.f("fk_ticket_entry_author_id_user")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_ticket_entry_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_entry_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_entry")),
    )
    op.create_index(op.f("ix_ticket_entry_client_id"), "ticket_entry", ["client_id"], unique=False)
    op.create_index(
        "ix_ticket_entry_ticket_id_id", "ticket_entry", ["ticket_id", "id"], unique=False
    )
    op.create_table(
        "ticket_order",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_ticket_order_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_order.id"], name=op.f("fk_ticket_order_order_id_work_order")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_order_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_ticket_order")),
    )
    op.create_index(op.f("ix_ticket_order_client_id"), "ticket_order", ["client_id"], unique=False)
    op.create_index(op.f("ix_ticket_order_ticket_id"), "ticket_order", ["ticket_id"], unique=False)
    op.create_table(
        "ticket_relation",
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("second_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_ticket_relation_kept_once")),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_ticket_relation_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["first_id"], ["ticket.id"], name=op.f("fk_ticket_relation_first_id_ticket")
        ),
        sa.ForeignKeyConstraint(
            ["second_id"], ["ticket.id"], name=op.f("fk_ticket_relation_second_id_ticket")
        ),
        sa.PrimaryKeyConstraint("first_id", "second_id", name=op.f("pk_ticket_relation")),
    )
    op.create_index(
        op.f("ix_ticket_relation_client_id"), "ticket_relation", ["client_id"], unique=False
    )
    op.create_index(
        op.f("ix_ticket_relation_second_id"), "ticket_relation", ["second_id"], unique=False
    )
    op.create_table(
        "ticket_watcher",
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_ticket_watcher_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_watcher_ticket_id_ticket")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_ticket_watcher_user_id_user")
        ),
        sa.PrimaryKeyConstraint("ticket_id", "user_id", name=op.f("pk_ticket_watcher")),
    )
    op.create_index(
        op.f("ix_ticket_watcher_client_id"), "ticket_watcher", ["client_id"], unique=False
    )
    op.create_table(
        "attachment",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_attachment_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ticket_entry.id"], name=op.f("fk_attachment_entry_id_ticket_entry")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
        sa.UniqueConstraint("reference", name=op.f("uq_attachment_reference")),
    )
    op.create_index(op.f("ix_attachment_client_id"), "attachment", ["client_id"], unique=False)
    op.create_index(op.f("ix_attachment_entry_id"), "attachment", ["entry_id"], unique=False)
    op.create_table(
        "command_observation",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("command_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_command_observation_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["command_id"],
            ["device_command.id"],
            name=op.f("fk_command_observation_command_id_device_command"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_command_observation")),
        sa.UniqueConstraint(
            "command_id", "event_id", name=op.f("uq_command_observation_command_id_event_id")
        ),
    )
    op.create_index(
        op.f("ix_command_observation_client_id"), "command_observation", ["client_id"], unique=False
    )


def downgrade() -> None:
    op.drop_table("command_observation")
    op.drop_table("attachment")
    op.drop_table("ticket_watcher")
    op.drop_table("ticket_relation")
    op.drop_table("ticket_order")
    op.drop_table("ticket_entry")
    op.drop_table("ticket_device")
    op.drop_table("order_target")
    op.drop_table("idempotency_key")
    op.drop_table("device_group_member")
    op.drop_table("device_command")
    op.drop_table("work_order")
    op.drop_table("ticket")
    op.drop_table("sla_event")
    op.drop_table("sla_cycle")
    op.drop_table("service_level")
    op.drop_table("device")
    op.drop_table("sla_ledger")
    op.drop_table("one_time_link")
    op.drop_table("device_user")
    op.drop_table("device_group")
    op.drop_table("credential")
    op.drop_table("contract")
    op.drop_table("command_batch")
    op.drop_table("authorised_contact")
    op.drop_table("api_token")
    op.drop_table("account_management")
    op.drop_table("user")
    op.drop_table("sign_in_attempt")
    op.drop_table("reference_counter")
    op.drop_table("plan_version")
    op.drop_table("outgoing_mail")
    op.drop_table("engine_account")
    op.drop_table("client")
    op.drop_table("calendar_version")
    op.drop_table("audit_head")
    op.drop_table("audit_entry")
