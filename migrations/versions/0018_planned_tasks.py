"""Planned tasks, their runs and what the runs say.

Revision ID: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ALL_SEEING = "desk_operator, desk_worker"
INSTANT = sa.DateTime(timezone=True)
OPEN = "state in ('prepared', 'queued', 'awaiting_approval', 'running')"
OVER = "'done', 'problems', 'failed', 'missed', 'skipped', 'cancelled'"


def upgrade() -> None:
    _tasks()
    _runs()
    _lines()
    _walls()


def _key(table: str, column: str, other: str, **more: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"), **more
    )


def _tasks() -> None:
    table = "planned_task"
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("client_id", sa.BigInteger()),
        sa.Column("category", sa.String(40), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("work_kind", sa.String(40), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("parameters", JSONB(), nullable=False),
        sa.Column("group_ids", ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("device_ids", ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("steps", ARRAY(sa.Text()), nullable=False),
        sa.Column("queue", sa.String(40), nullable=False),
        sa.Column("schedule", JSONB(), nullable=False),
        sa.Column("after_id", sa.BigInteger()),
        sa.Column("window_minutes", sa.BigInteger()),
        sa.Column("misfire", sa.String(40), nullable=False),
        sa.Column("overlap", sa.String(40), nullable=False),
        sa.Column("owner_id", sa.BigInteger()),
        sa.Column("owner_name", sa.Text(), nullable=False),
        sa.Column("notice_days", sa.BigInteger(), nullable=False),
        sa.Column("shown_to_client", sa.Boolean(), nullable=False),
        sa.Column("incident_id", sa.BigInteger()),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("needs_approval", sa.Boolean(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("author_id", sa.BigInteger()),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("approved_by_id", sa.BigInteger()),
        sa.Column("approved_by_name", sa.Text()),
        sa.Column("approved_at", INSTANT),
        sa.Column("approved_hash", sa.Text()),
        sa.Column("next_due_at", INSTANT),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "approved_by_id <> author_id",
            name=op.f("ck_planned_task_its_author_never_approves"),
        ),
        sa.CheckConstraint(
            "state <> 'active' or not needs_approval"
            " or (approved_by_id is not null and approved_hash = content_hash)",
            name=op.f("ck_planned_task_it_runs_as_it_was_approved"),
        ),
        sa.CheckConstraint(
            "next_due_at is null or state = 'active'",
            name=op.f("ck_planned_task_only_what_is_on_falls_due"),
        ),
        sa.CheckConstraint(
            "notice_days between 0 and 30",
            name=op.f("ck_planned_task_a_notice_is_a_month_at_most"),
        ),
        sa.CheckConstraint(
            "window_minutes between 5 and 10080",
            name=op.f("ck_planned_task_a_window_is_a_week_at_most"),
        ),
        sa.CheckConstraint(
            "misfire <> 'run_each' or overlap <> 'skip'",
            name=op.f("ck_planned_task_what_runs_each_does_not_leave_out"),
        ),
        sa.CheckConstraint(
            "after_id <> id", name=op.f("ck_planned_task_it_does_not_follow_itself")
        ),
        sa.CheckConstraint(
            "work_kind <> 'action' or client_id is not null",
            name=op.f("ck_planned_task_devices_belong_to_a_client"),
        ),
        _key(table, "client_id", "client"),
        _key(table, "after_id", "planned_task"),
        _key(table, "owner_id", "user"),
        _key(table, "incident_id", "ticket"),
        _key(table, "author_id", "user"),
        _key(table, "approved_by_id", "user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_task")),
        sa.UniqueConstraint("reference", name=op.f("uq_planned_task_reference")),
        sa.UniqueConstraint("key", name=op.f("uq_planned_task_key")),
    )
    op.create_index(
        "ix_planned_task_next_due_at",
        table,
        ["next_due_at"],
        postgresql_where=sa.text("next_due_at is not null"),
    )
    op.create_index("ix_planned_task_client_id", table, ["client_id", "id"])
    op.create_index("ix_planned_task_after_id", table, ["after_id"])
    op.create_index("ix_planned_task_incident_id", table, ["incident_id"])


def _runs() -> None:
    table = "planned_run"
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("task_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger()),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("closes_at", INSTANT),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("reason_values", JSONB()),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("queued_at", INSTANT),
        sa.Column("started_at", INSTANT),
        sa.Column("seen_at", INSTANT),
        sa.Column("finished_at", INSTANT),
        sa.Column("noticed_at", INSTANT),
        sa.Column("done", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("total", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("problem_count", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("asked_by_name", sa.Text()),
        sa.Column("again_of_id", sa.BigInteger()),
        sa.Column("cancel_asked_by", sa.Text()),
        sa.Column("order_id", sa.BigInteger()),
        sa.Column("ticket_id", sa.BigInteger()),
        sa.Column("incident_id", sa.BigInteger()),
        sa.CheckConstraint(
            f"(state in ({OVER})) = (finished_at is not null)",
            name=op.f("ck_planned_run_what_is_over_has_its_time"),
        ),
        _key(table, "task_id", "planned_task"),
        _key(table, "client_id", "client"),
        _key(table, "again_of_id", "planned_run", ondelete="SET NULL"),
        _key(table, "order_id", "work_order"),
        _key(table, "ticket_id", "ticket"),
        _key(table, "incident_id", "ticket"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_run")),
        sa.UniqueConstraint("task_id", "due_at", name=op.f("uq_planned_run_task_id_due_at")),
        sa.UniqueConstraint("order_id", name=op.f("uq_planned_run_order_id")),
    )
    op.create_index("ix_planned_run_due_at", table, ["due_at", "id"])
    op.create_index("ix_planned_run_client_id_due_at", table, ["client_id", "due_at"])
    op.create_index(
        "ix_planned_run_open", table, ["task_id", "due_at"], postgresql_where=sa.text(OPEN)
    )
    op.create_index("ix_planned_run_ticket_id", table, ["ticket_id"])
    op.create_index("ix_planned_run_incident_id", table, ["incident_id"])
    op.create_index("ix_planned_run_again_of_id", table, ["again_of_id"])


def _lines() -> None:
    table = "planned_run_line"
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger()),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_values", JSONB(), nullable=False),
        sa.Column("subject", sa.Text()),
        _key(table, "run_id", "planned_run", ondelete="CASCADE"),
        _key(table, "client_id", "client"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_run_line")),
    )
    op.create_index("ix_planned_run_line_run_id_id", table, ["run_id", "id"])


def _walls() -> None:
    mine = "client_id = ANY ((SELECT desk_client_ids())::bigint[])"
    for table in ("planned_task", "planned_run", "planned_run_line"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY house ON {table} TO {ALL_SEEING} USING (true) WITH CHECK (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {ALL_SEEING}")
        op.execute(f"GRANT USAGE ON SEQUENCE {table}_id_seq TO {ALL_SEEING}")
        op.execute(f"GRANT SELECT ON {table} TO desk_contact, desk_manager")
    # what is done for the whole service concerns every client, as far as it is meant for them
    op.execute(
        "CREATE POLICY shown ON planned_task FOR SELECT TO desk_contact"
        f" USING (shown_to_client AND (client_id IS NULL OR {mine}))"
    )
    op.execute(
        "CREATE POLICY own ON planned_task FOR SELECT TO desk_manager"
        f" USING (client_id IS NULL OR {mine})"
    )
    # a run is seen by whoever sees its task
    op.execute(
        "CREATE POLICY own ON planned_run FOR SELECT TO desk_contact, desk_manager"
        f" USING ((client_id IS NULL OR {mine})"
        " AND EXISTS (SELECT FROM planned_task t WHERE t.id = task_id))"
    )
    # the log of what is done for the whole service may name devices of anybody
    op.execute(
        "CREATE POLICY own ON planned_run_line FOR SELECT TO desk_contact, desk_manager"
        f" USING ({mine} AND EXISTS (SELECT FROM planned_run r WHERE r.id = run_id))"
    )


def downgrade() -> None:
    op.drop_table("planned_run_line")
    op.drop_table("planned_run")
    op.drop_table("planned_task")
