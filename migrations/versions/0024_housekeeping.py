"""What housekeeping looks at and deletes: the queue, mails that stay, and since when devices differ.

Revision ID: 0024
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# nobody but the desk itself looks into the queue: the arguments of jobs name people
FUNCTIONS = """
CREATE FUNCTION desk_queues() RETURNS TABLE (queue text, waiting bigint, doing bigint,
                                             oldest_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT j.queue_name::text, count(*) FILTER (WHERE j.status = 'todo'),
         count(*) FILTER (WHERE j.status = 'doing'),
         min(coalesce(j.scheduled_at, e.at)) FILTER (WHERE j.status = 'todo')
    FROM procrastinate_jobs j
    LEFT JOIN LATERAL (SELECT d.at FROM procrastinate_events d
                        WHERE d.job_id = j.id AND d.type = 'deferred' ORDER BY d.id LIMIT 1) e
           ON j.scheduled_at IS NULL
   WHERE j.status IN ('todo', 'doing') AND (j.scheduled_at IS NULL OR j.scheduled_at <= now())
   GROUP BY 1 ORDER BY 1
$$;

CREATE FUNCTION desk_jobs_given_up(since timestamptz)
  RETURNS TABLE (task text, queue text, jobs bigint, last_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT j.task_name::text, j.queue_name::text, count(DISTINCT j.id), max(e.at)
    FROM procrastinate_jobs j JOIN procrastinate_events e ON e.job_id = j.id
   WHERE j.status = 'failed' AND e.type = 'failed' AND e.at >= since
   GROUP BY 1, 2 ORDER BY 1, 2
$$;

CREATE FUNCTION desk_old_jobs(done_before timestamptz, others_before timestamptz)
  RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT j.id FROM procrastinate_jobs j
   WHERE j.status IN ('succeeded', 'failed', 'cancelled', 'aborted')
     AND (SELECT max(e.at) FROM procrastinate_events e WHERE e.job_id = j.id)
         < CASE WHEN j.status = 'succeeded' THEN done_before ELSE others_before END
$$;

CREATE FUNCTION desk_forget_jobs(done_before timestamptz, others_before timestamptz, most bigint)
  RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
  WITH gone AS (
    DELETE FROM procrastinate_jobs
     WHERE id IN (SELECT o FROM desk_old_jobs(done_before, others_before) o LIMIT most)
    RETURNING id)
  SELECT count(*) FROM gone
$$;

CREATE FUNCTION desk_mail_again(mails bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  UPDATE procrastinate_jobs SET scheduled_at = now()
   WHERE status = 'todo' AND task_name = 'mail.send' AND scheduled_at > now()
     AND (args->>'mail_id')::bigint = ANY (mails);
  PERFORM desk_enqueue('mail', 'mail.send', NULL, NULL, jsonb_build_object('mail_id', m), NULL)
     FROM unnest(mails) m
    WHERE m NOT IN (SELECT (j.args->>'mail_id')::bigint FROM procrastinate_jobs j
                     WHERE j.status IN ('todo', 'doing') AND j.task_name = 'mail.send');
END $$;
"""
NAMES = (
    "desk_queues()",
    "desk_jobs_given_up(timestamptz)",
    "desk_old_jobs(timestamptz, timestamptz)",
    "desk_forget_jobs(timestamptz, timestamptz, bigint)",
    "desk_mail_again(bigint[])",
)


def upgrade() -> None:
    op.create_index("ix_outgoing_mail_created_at", "outgoing_mail", ["created_at"])
    op.create_index(
        "ix_planned_run_told",
        "planned_run",
        ["task_id", "incident_id"],
        postgresql_where=sa.text("incident_id is not null"),
    )
    op.add_column("device_policy", sa.Column("drift_since", sa.DateTime(timezone=True)))
    op.execute("UPDATE device_policy SET drift_since = desired_at WHERE has_drift")
    op.get_bind().connection.cursor().execute(FUNCTIONS.encode())
    for name in NAMES:
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO desk_worker")


def downgrade() -> None:
    for name in reversed(NAMES):
        op.execute(f"DROP FUNCTION {name}")
    op.drop_column("device_policy", "drift_since")
    op.drop_index("ix_planned_run_told", "planned_run")
    op.drop_index("ix_outgoing_mail_created_at", "outgoing_mail")
