"""The lease of the elected clock, and jobs that go before others.

Revision ID: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
EVERYONE = "desk_gate, desk_contact, desk_manager, desk_operator, desk_worker"

PLAIN = "desk_enqueue(text, text, text, text, jsonb, timestamptz)"
RANKED = "desk_enqueue(text, text, text, text, jsonb, timestamptz, integer)"
# processes of the release before call it without a rank
ENQUEUE = """
CREATE FUNCTION desk_enqueue(queue text, task text, lock_name text, once_as text, arguments jsonb,
                             start_at timestamptz{parameter}) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM procrastinate_defer_jobs_v1(ARRAY[
    ROW(queue, task, {rank}, lock_name, once_as, arguments, start_at)::procrastinate_job_to_defer_v1]);
EXCEPTION WHEN unique_violation THEN
  -- a job of this name waits already: that is what was wanted
  IF once_as IS NULL THEN RAISE; END IF;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "clock_lease",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.Column("elected_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_clock_lease_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_lease")),
    )
    # the clock itself works as the owner
    op.execute("GRANT SELECT ON clock_lease TO desk_operator, desk_worker")
    _replace(PLAIN, RANKED, ", rank integer DEFAULT 0", "rank")


def _replace(old: str, new: str, parameter: str, rank: str) -> None:
    op.execute(f"DROP FUNCTION {old}")
    op.execute(sa.text(ENQUEUE.format(parameter=parameter, rank=rank).replace("::", r"\:\:")))
    op.execute(f"REVOKE ALL ON FUNCTION {new} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {new} TO {EVERYONE}")


def downgrade() -> None:
    _replace(RANKED, PLAIN, "", "0")
    op.drop_table("clock_lease")
