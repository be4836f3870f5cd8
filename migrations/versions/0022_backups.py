"""Backups that were taken, and what a restore keeps back until somebody has looked.

Revision ID: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

ALL_SEEING = "desk_operator, desk_worker"
INSTANT = sa.DateTime(timezone=True)

# jobs of the past wait in a queue of this name as cancelled ones: no worker takes them
HELD_JOBS = """
CREATE FUNCTION desk_settle_held_jobs(release boolean) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  found procrastinate_jobs;
  settled bigint := 0;
BEGIN
  FOR found IN DELETE FROM procrastinate_jobs WHERE queue_name LIKE 'held:%' RETURNING * LOOP
    settled := settled + 1;
    IF release THEN
      PERFORM desk_enqueue(substr(found.queue_name, 6), found.task_name, found.lock,
                           found.queueing_lock, found.args, found.scheduled_at);
    END IF;
  END LOOP;
  RETURN settled;
END $$;

CREATE FUNCTION desk_held_jobs() RETURNS TABLE (name text, amount bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT task_name, count(*) FROM procrastinate_jobs WHERE queue_name LIKE 'held:%'
  GROUP BY 1 ORDER BY 1
$$;
"""
FUNCTIONS = ("desk_settle_held_jobs(boolean)", "desk_held_jobs()")


def upgrade() -> None:
    op.add_column("outgoing_mail", sa.Column("held_at", INSTANT))
    op.add_column("outgoing_mail", sa.Column("withdrawn_at", INSTANT))
    op.create_table(
        "backup_record",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("taken_at", INSTANT, nullable=False),
        sa.Column("seconds", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("attachment_count", sa.BigInteger(), nullable=False),
        sa.Column("is_encrypted", sa.Boolean(), nullable=False),
        sa.Column("verified_at", INSTANT),
        sa.Column("problem", sa.Text()),
        sa.Column("removed_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backup_record")),
        sa.UniqueConstraint("name", name=op.f("uq_backup_record_name")),
    )
    op.create_table(
        "restoration",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("backup", sa.Text(), nullable=False),
        sa.Column("taken_at", INSTANT, nullable=False),
        sa.Column("restored_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT),
        sa.Column("held", JSONB(), nullable=False),
        sa.Column("opened_at", INSTANT),
        sa.Column("opened_by", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restoration")),
    )
    for table in ("backup_record", "restoration"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY house ON {table} TO {ALL_SEEING} USING (true) WITH CHECK (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO {ALL_SEEING}")
    # everybody of the operator is told that nothing leaves
    op.execute("CREATE POLICY told ON restoration FOR SELECT TO desk_manager USING (true)")
    op.execute("GRANT SELECT ON restoration TO desk_manager")
    op.execute(f"GRANT USAGE ON SEQUENCE backup_record_id_seq TO {ALL_SEEING}")
    op.get_bind().connection.cursor().execute(HELD_JOBS.encode())
    for function in FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {ALL_SEEING}")


def downgrade() -> None:
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    op.drop_table("restoration")
    op.drop_table("backup_record")
    op.drop_column("outgoing_mail", "withdrawn_at")
    op.drop_column("outgoing_mail", "held_at")
