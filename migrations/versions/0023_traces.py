"""What runs can be followed and seen: identities of work, engines' last word, silences told of.

Revision ID: 0023

A mail's job gets the identity that came with its context, and the context is kept without it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

ALL_SEEING = "desk_operator, desk_worker"
INSTANT = sa.DateTime(timezone=True)
HEADER = """
CREATE OR REPLACE FUNCTION desk_queue_mail(recipient text, language text, template text,
                                           context jsonb, about text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  mail_id bigint;
BEGIN
  INSERT INTO outgoing_mail (recipient, language, template, context, subject_reference, message_id,
                             created_at, attempts)
"""
OLD = """
  VALUES (recipient, language, template, context, about,
          replace(gen_random_uuid()::text, '-', ''), now(), 0) RETURNING id INTO mail_id;
  PERFORM desk_enqueue('mail', 'mail.send', NULL, NULL,
                       jsonb_build_object('mail_id', mail_id), NULL);
  RETURN mail_id;
END $$"""
NEW = """
  VALUES (recipient, language, template, context - '_trace', about,
          replace(gen_random_uuid()::text, '-', ''), now(), 0) RETURNING id INTO mail_id;
  PERFORM desk_enqueue('mail', 'mail.send', NULL, NULL,
    jsonb_strip_nulls(jsonb_build_object('mail_id', mail_id, '_trace', context->'_trace')), NULL);
  RETURN mail_id;
END $$"""


def upgrade() -> None:
    op.add_column("command_batch", sa.Column("trace", sa.Text()))
    op.add_column("work_order", sa.Column("trace", sa.Text()))
    op.execute(HEADER + NEW)
    # counted every few seconds, among the many jobs that were done
    op.execute(
        "CREATE INDEX ix_procrastinate_jobs_failed ON procrastinate_jobs (task_name)"
        " WHERE status = 'failed'"
    )
    op.create_index(
        "ix_outgoing_mail_waiting",
        "outgoing_mail",
        ["created_at"],
        postgresql_where=sa.text("sent_at is null"),
    )
    op.create_table(
        "engine_contact",
        sa.Column("engine_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("looked_at", INSTANT, nullable=False),
        sa.Column("answered_at", INSTANT),
        sa.Column("mute_since", INSTANT),
        sa.Column("milliseconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("engine_id", name=op.f("pk_engine_contact")),
        sa.ForeignKeyConstraint(
            ["engine_id"],
            ["engine_account.id"],
            name=op.f("fk_engine_contact_engine_id_engine_account"),
        ),
    )
    op.create_table(
        "silence",
        sa.Column("sign", sa.Text(), nullable=False),
        sa.Column("told_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("sign", name=op.f("pk_silence")),
    )
    for table in ("engine_contact", "silence"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY house ON {table} TO {ALL_SEEING} USING (true) WITH CHECK (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO desk_worker")
        op.execute(f"GRANT SELECT ON {table} TO desk_operator")


def downgrade() -> None:
    op.drop_table("silence")
    op.drop_table("engine_contact")
    op.drop_index("ix_outgoing_mail_waiting", "outgoing_mail")
    op.execute("DROP INDEX ix_procrastinate_jobs_failed")
    op.execute(HEADER + OLD)
    op.drop_column("work_order", "trace")
    op.drop_column("command_batch", "trace")
