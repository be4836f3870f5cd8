"""A queued mail brings its job: one call to the database instead of two.

Revision ID: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

HEADER = """
CREATE OR REPLACE FUNCTION desk_queue_mail(recipient text, language text, template text,
                                           context jsonb, about text) RETURNS bigint
"""
INSERT = """
  INSERT INTO outgoing_mail (recipient, language, template, context, subject_reference, message_id,
                             created_at, attempts)
  VALUES (recipient, language, template, context, about,
          replace(gen_random_uuid()::text, '-', ''), now(), 0)
"""


def upgrade() -> None:
    op.execute(
        f"""{HEADER} LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
        DECLARE
          mail_id bigint;
        BEGIN
          {INSERT} RETURNING id INTO mail_id;
          PERFORM desk_enqueue('mail', 'mail.send', NULL, NULL,
                               jsonb_build_object('mail_id', mail_id), NULL);
          RETURN mail_id;
        END $$"""
    )


def downgrade() -> None:
    op.execute(
        f"""{HEADER} LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
          {INSERT} RETURNING id
        $$"""
    )
