"""Warnings told to people: notices, a ticket's escalation, who was told, and many jobs at once.

Revision ID: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

NARROWED = "desk_contact, desk_manager"
INSTANT = sa.DateTime(timezone=True)
ENQUEUE_ALL = "desk_enqueue_all(text, text, jsonb)"


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger()),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("read_at", INSTANT),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_notice_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    op.create_index("ix_notice_user_id_id", "notice", ["user_id", "id"])
    op.create_index(
        "ix_notice_unread", "notice", ["user_id"], postgresql_where=sa.text("read_at is null")
    )
    _walls()
    op.add_column(
        "ticket",
        sa.Column("escalation", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    )
    op.create_check_constraint(
        op.f("ck_ticket_escalation_goes_up_to_three"), "ticket", "escalation between 0 and 3"
    )
    op.create_index(
        "ix_ticket_escalated", "ticket", ["id"], postgresql_where=sa.text("escalation > 0")
    )
    op.add_column(
        "sla_warning",
        sa.Column("told_to", ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'")),
    )
    op.execute(
        """CREATE FUNCTION desk_enqueue_all(queue text, task text, jobs jsonb) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
        BEGIN
          PERFORM procrastinate_defer_jobs_v1(array_agg(
            ROW(queue, task, 0, NULL, NULL, job.arguments, job.start_at)::procrastinate_job_to_defer_v1
          )) FROM jsonb_to_recordset(jobs) AS job(arguments jsonb, start_at timestamptz);
        END $$"""
    )
    op.execute(f"REVOKE ALL ON FUNCTION {ENQUEUE_ALL} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {ENQUEUE_ALL} TO desk_operator, desk_worker")


def _walls() -> None:
    # a notice is for one person: colleagues see it as little as clients do
    own = "user_id = (SELECT desk_user_id())"
    op.execute("ALTER TABLE notice ENABLE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY house ON notice TO desk_worker USING (true) WITH CHECK (true)")
    op.execute(
        f"CREATE POLICY own ON notice TO desk_operator, {NARROWED} USING ({own}) WITH CHECK ({own})"
    )
    op.execute("CREATE POLICY tell ON notice FOR INSERT TO desk_operator WITH CHECK (true)")
    op.execute(f"GRANT SELECT ON notice TO desk_operator, desk_worker, {NARROWED}")
    op.execute(f"GRANT UPDATE (read_at) ON notice TO desk_operator, {NARROWED}")
    op.execute("GRANT INSERT ON notice TO desk_operator, desk_worker")
    op.execute("GRANT DELETE ON notice TO desk_worker")
    op.execute("GRANT USAGE ON SEQUENCE notice_id_seq TO desk_operator, desk_worker")


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {ENQUEUE_ALL}")
    op.drop_column("sla_warning", "told_to")
    op.drop_index("ix_ticket_escalated", table_name="ticket")
    op.drop_column("ticket", "escalation")
    op.drop_table("notice")
