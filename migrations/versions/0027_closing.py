"""How tickets close: the client's verdict, links to decide by mail, causes of breaches, categories.

Revision ID: 0027

Nothing is rewritten: the new columns of tickets are empty, and their rules are checked in one pass.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

ALL_SEEING = "desk_operator, desk_worker"
NARROWED = "desk_contact, desk_manager"
INSTANT = sa.DateTime(timezone=True)
OWN = "client_id = ANY ((SELECT desk_client_ids())::bigint[])"


def upgrade() -> None:
    op.execute(
        """ALTER TABLE ticket
        ADD COLUMN category varchar(40),
        ADD COLUMN closing_verdict varchar(40),
        ADD COLUMN rated_at timestamptz,
        ADD COLUMN left_out_as varchar(40),
        ADD CONSTRAINT ck_ticket_a_verdict_closes CHECK (
          closing_verdict is null
          or (state = 'closed' and closing_verdict in ('solved', 'solved_but'))),
        ADD CONSTRAINT ck_ticket_incidents_have_a_category CHECK (
          category is null or kind = 'incident'),
        ADD CONSTRAINT ck_ticket_what_is_left_out_is_withdrawn CHECK (
          left_out_as is null or state = 'cancelled')"""
    )
    op.create_index(
        "ix_ticket_category",
        "ticket",
        ["category", "id"],
        postgresql_where=sa.text("category is not null"),
    )
    op.create_index(
        "ix_sla_cycle_breached",
        "sla_cycle",
        ["client_id", "ledger_id"],
        postgresql_where=sa.text("verdict = 'breached' and month is not null"),
    )
    _breach_cause()
    _closing_link()
    _walls()


def _breach_cause() -> None:
    table = "breach_cause"
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("metric", sa.String(40), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(40), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("author_id", sa.BigInteger()),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "char_length(words) between 1 and 300", name=op.f(f"ck_{table}_two_lines_of_words")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["user.id"], name=op.f(f"fk_{table}_author_id_user")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f(f"fk_{table}_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f(f"fk_{table}_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(
            "ticket_id",
            "metric",
            "ordinal",
            name=op.f("uq_breach_cause_ticket_id_metric_ordinal"),
        ),
    )
    op.create_index("ix_breach_cause_client_id", table, ["client_id"])


def _closing_link() -> None:
    table = "closing_link"
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("resolved_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f(f"fk_{table}_client_id_client")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f(f"fk_{table}_ticket_id_ticket")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f(f"fk_{table}_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("token_hash", name=op.f(f"uq_{table}_token_hash")),
    )
    op.create_index("ix_closing_link_expires_at", table, ["expires_at"])


def _walls() -> None:
    for table in ("breach_cause", "closing_link"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY house ON {table} TO {ALL_SEEING} USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY own ON {table} TO {NARROWED} USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT SELECT ON {table} TO {ALL_SEEING}, {NARROWED}")
    # clients read why a target was missed; the operator's people say it
    op.execute(f"GRANT INSERT, UPDATE ON breach_cause TO {ALL_SEEING}, desk_manager")
    op.execute(f"GRANT USAGE ON SEQUENCE breach_cause_id_seq TO {ALL_SEEING}, desk_manager")
    # nothing of a link changes: it lives as long as the ticket is as it was when it was sent
    op.execute(f"GRANT INSERT ON closing_link TO {ALL_SEEING}, {NARROWED}")
    op.execute(f"GRANT USAGE ON SEQUENCE closing_link_id_seq TO {ALL_SEEING}, {NARROWED}")
    op.execute("GRANT DELETE ON closing_link TO desk_worker")
    # whoever opens a link is nobody yet
    op.execute("CREATE POLICY sign_in ON closing_link TO desk_gate USING (true)")
    op.execute("GRANT SELECT ON closing_link TO desk_gate")


def downgrade() -> None:
    op.drop_table("closing_link")
    op.drop_table("breach_cause")
    op.drop_index("ix_sla_cycle_breached", table_name="sla_cycle")
    op.drop_index("ix_ticket_category", table_name="ticket")
    for name in ("left_out_as", "rated_at", "closing_verdict", "category"):
        op.drop_column("ticket", name)
