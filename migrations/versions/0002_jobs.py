"""The job tables, as the locked version of Procrastinate ships them.

Revision ID: 0002

A later version of Procrastinate brings its own SQL scripts; a later migration of ours runs them.
"""

from __future__ import annotations

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # the driver itself: the script is full of colons and percent signs that are not parameters
    cursor = op.get_bind().connection.cursor()
    cursor.execute(SchemaManager.get_schema().encode())


def downgrade() -> None:
    op.execute("DROP TABLE procrastinate_events, procrastinate_periodic_defers CASCADE")
    op.execute("DROP TABLE procrastinate_jobs, procrastinate_workers CASCADE")
    op.execute(
        "DO $$ DECLARE f regprocedure; BEGIN FOR f IN SELECT oid::regprocedure FROM pg_proc"
        " WHERE proname LIKE 'procrastinate\\_%' AND pronamespace = current_schema()::regnamespace"
        " LOOP EXECUTE 'DROP FUNCTION ' || f || ' CASCADE'; END LOOP; END $$"
    )
    op.execute("DROP TYPE IF EXISTS procrastinate_job_to_defer_v1, procrastinate_job_status")
    op.execute("DROP TYPE IF EXISTS procrastinate_job_event_type")
