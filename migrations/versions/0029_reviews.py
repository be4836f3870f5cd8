"""Monthly service reviews: drafted, written, frozen when they are published, acknowledged, corrected.

Revision ID: 0029

What is published is held by triggers: its content and its hash never change, whoever asks. A contact
sees nothing of a draft. See decision 0037.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

ALL_SEEING = "desk_operator, desk_worker"
STEERING = "desk_operator, desk_manager"
INSTANT = sa.DateTime(timezone=True)
TABLES = (
    "service_review",
    "service_review_content",
    "service_review_text",
    "service_review_action",
    "service_review_comment",
    "service_review_addendum",
    "service_review_month",
)
# of these a contact sees what belongs to a review they see
OF_A_REVIEW = TABLES[1], TABLES[3], TABLES[4], TABLES[5]

FUNCTIONS = """
CREATE FUNCTION desk_review_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> 'draft' AND (
       (NEW.client_id, NEW.contract_id, NEW.reference, NEW.month, NEW.mark, NEW.counted_at, NEW.hash,
        NEW.published_at, NEW.published_by_id, NEW.published_by_name)
       IS DISTINCT FROM
       (OLD.client_id, OLD.contract_id, OLD.reference, OLD.month, OLD.mark, OLD.counted_at, OLD.hash,
        OLD.published_at, OLD.published_by_id, OLD.published_by_name)
       OR NEW.state = 'draft') THEN
    RAISE EXCEPTION 'what is published stays' USING ERRCODE = 'check_violation';
  END IF;
  IF OLD.state = 'acknowledged' AND (NEW.state, NEW.acknowledged_at, NEW.acknowledged_by_name)
     IS DISTINCT FROM (OLD.state, OLD.acknowledged_at, OLD.acknowledged_by_name) THEN
    RAISE EXCEPTION 'it is acknowledged once' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.state = 'acknowledged' AND OLD.state <> 'acknowledged' AND current_user <> 'desk_contact' THEN
    RAISE EXCEPTION 'the client acknowledges itself' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION desk_review_content_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM service_review r WHERE r.id = OLD.review_id AND r.state <> 'draft') THEN
    RAISE EXCEPTION 'what is published stays' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER stays BEFORE UPDATE ON service_review
  FOR EACH ROW EXECUTE FUNCTION desk_review_stays();
CREATE TRIGGER content_stays BEFORE UPDATE ON service_review_content
  FOR EACH ROW EXECUTE FUNCTION desk_review_content_stays();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON service_review_comment
  EXECUTE FUNCTION desk_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON service_review_addendum
  EXECUTE FUNCTION desk_refuse_change();
"""


def upgrade() -> None:
    _review()
    _parts()
    _month()
    op.create_index(
        "ix_device_command_client_id_sent_at",
        "device_command",
        ["client_id", "sent_at"],
        postgresql_where=sa.text("sent_at is not null"),
    )
    op.create_index(
        "ix_ticket_client_id_rated_at",
        "ticket",
        ["client_id", "rated_at"],
        postgresql_where=sa.text("rated_at is not null"),
    )
    op.get_bind().connection.cursor().execute(FUNCTIONS.encode())
    _walls()


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), nullable=False)


def _number(name: str, **more: object) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), **{"nullable": False, **more})


def _words(name: str, **more: object) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), **{"nullable": False, **more})


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}")
    )


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _review() -> None:
    table = "service_review"
    op.create_table(
        table,
        _id(),
        _number("client_id"),
        _number("contract_id"),
        _words("reference"),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("mark", sa.String(40)),
        sa.Column("drafted_at", INSTANT, nullable=False),
        sa.Column("counted_at", INSTANT, nullable=False),
        sa.Column("recount_asked_at", INSTANT),
        sa.Column("published_at", INSTANT),
        _number("published_by_id", nullable=True),
        _words("published_by_name", nullable=True),
        _words("hash", nullable=True),
        sa.Column("acknowledged_at", INSTANT),
        _words("acknowledged_by_name", nullable=True),
        _number("visit_id", nullable=True),
        _number("version"),
        _check(
            table,
            "what_is_published_has_time_and_hash",
            "(state = 'draft') = (published_at is null) and (state = 'draft') = (hash is null)",
        ),
        _check(
            table,
            "an_acknowledgement_has_its_time",
            "(state = 'acknowledged') = (acknowledged_at is not null)",
        ),
        _check(table, "a_verdict_is_given", "state = 'draft' or mark is not null"),
        _key(table, "client_id", "client"),
        _key(table, "contract_id", "contract"),
        _key(table, "published_by_id", "user"),
        _key(table, "visit_id", "engagement_visit"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("reference", name=op.f(f"uq_{table}_reference")),
        sa.UniqueConstraint("contract_id", "month", name=op.f(f"uq_{table}_contract_id_month")),
    )
    op.create_index("ix_service_review_client_id_month", table, ["client_id", "month"])
    op.create_index(
        "ix_service_review_drafts",
        table,
        ["month", "id"],
        postgresql_where=sa.text("state = 'draft'"),
    )


def _parts() -> None:
    table = "service_review_content"
    op.create_table(
        table,
        _number("review_id"),
        _number("client_id"),
        _words("content"),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.Column(
            "backlog",
            sa.BigInteger(),
            sa.Computed("(content::jsonb #>> '{figures,backlog,amount}')::bigint", persisted=True),
        ),
        _key(table, "review_id", "service_review"),
        _key(table, "client_id", "client"),
        sa.PrimaryKeyConstraint("review_id", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"ix_{table}_client_id", table, ["client_id"])
    table = "service_review_text"
    op.create_table(
        table,
        _number("review_id"),
        sa.Column("place", sa.String(40), nullable=False),
        _number("client_id"),
        _words("body"),
        _number("version"),
        sa.Column("edited_at", INSTANT, nullable=False),
        _number("edited_by_id", nullable=True),
        _words("edited_by_name"),
        _key(table, "review_id", "service_review"),
        _key(table, "client_id", "client"),
        _key(table, "edited_by_id", "user"),
        sa.PrimaryKeyConstraint("review_id", "place", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"ix_{table}_client_id", table, ["client_id"])
    _part(
        "service_review_action",
        _words("words"),
        _words("owner"),
        sa.Column("due_on", sa.Date(), nullable=False),
        _number("ticket_id"),
        sa.Column("created_at", INSTANT, nullable=False),
        _words("author_name"),
        _key("service_review_action", "ticket_id", "ticket"),
    )
    op.create_index("ix_service_review_action_ticket_id", "service_review_action", ["ticket_id"])
    op.create_index("ix_service_review_action_review_id", "service_review_action", ["review_id"])
    _part(
        "service_review_comment",
        sa.Column("at", INSTANT, nullable=False),
        _number("author_id", nullable=True),
        _words("author_name"),
        sa.Column("author_side", sa.String(40), nullable=False),
        _words("body"),
        _key("service_review_comment", "author_id", "user"),
    )
    op.create_index("ix_service_review_comment_review_id", "service_review_comment", ["review_id"])
    table = "service_review_addendum"
    _part(
        table,
        _number("number"),
        sa.Column("at", INSTANT, nullable=False),
        _number("author_id", nullable=True),
        _words("author_name"),
        _words("body"),
        sa.Column("differences", JSONB(), nullable=False),
        _words("hash"),
        _key(table, "author_id", "user"),
        sa.UniqueConstraint("review_id", "number", name=op.f(f"uq_{table}_review_id_number")),
    )


def _part(table: str, *more: sa.schema.SchemaItem) -> None:
    op.create_table(
        table,
        _id(),
        _number("client_id"),
        _number("review_id"),
        *more,
        _key(table, "client_id", "client"),
        _key(table, "review_id", "service_review"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"ix_{table}_client_id", table, ["client_id"])


def _month() -> None:
    table = "service_review_month"
    op.create_table(
        table,
        _number("contract_id"),
        sa.Column("month", sa.Date(), nullable=False),
        _number("client_id"),
        sa.Column("figures", JSONB(), nullable=False),
        sa.Column("counted_at", INSTANT, nullable=False),
        _key(table, "contract_id", "contract"),
        _key(table, "client_id", "client"),
        sa.PrimaryKeyConstraint("contract_id", "month", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"ix_{table}_client_id", table, ["client_id"])


def _walls() -> None:
    own = "client_id = ANY ((SELECT desk_client_ids())::bigint[])"
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY house ON {table} TO {ALL_SEEING} USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY own ON {table} TO desk_manager USING ({own}) WITH CHECK ({own})")
        op.execute(f"GRANT SELECT ON {table} TO {ALL_SEEING}, desk_manager")
    # a worker drafts and counts
    op.execute("GRANT INSERT ON service_review, service_review_content TO desk_worker")
    op.execute("GRANT INSERT, UPDATE ON service_review_month TO desk_worker")
    op.execute(f"GRANT UPDATE ON service_review, service_review_content TO desk_worker, {STEERING}")
    op.execute(f"GRANT INSERT, UPDATE ON service_review_text TO {STEERING}")
    op.execute(f"GRANT DELETE ON service_review_action TO {STEERING}")
    for table in ("action", "comment", "addendum"):
        op.execute(f"GRANT INSERT ON service_review_{table} TO {STEERING}")
        op.execute(f"GRANT USAGE ON SEQUENCE service_review_{table}_id_seq TO {STEERING}")
    op.execute("GRANT USAGE ON SEQUENCE service_review_id_seq TO desk_worker")
    # a contact reads what is published, acknowledges it and says something about it; of a draft's texts
    # and of months that nobody published there are no rows for them: no policy lets any through
    op.execute("GRANT SELECT ON service_review_text, service_review_month TO desk_contact")
    op.execute(
        "CREATE POLICY published ON service_review FOR SELECT TO desk_contact"
        f" USING ({own} AND state <> 'draft')"
    )
    op.execute(
        "CREATE POLICY acknowledge ON service_review FOR UPDATE TO desk_contact"
        f" USING ({own} AND state <> 'draft') WITH CHECK ({own} AND state = 'acknowledged')"
    )
    op.execute("GRANT SELECT ON service_review TO desk_contact")
    op.execute(
        "GRANT UPDATE (state, acknowledged_at, acknowledged_by_name, version) ON service_review"
        " TO desk_contact"
    )
    for table in OF_A_REVIEW:
        op.execute(
            f"CREATE POLICY published ON {table} FOR SELECT TO desk_contact"
            f" USING ({own} AND review_id IN (SELECT id FROM service_review))"
        )
        op.execute(f"GRANT SELECT ON {table} TO desk_contact")
    op.execute(
        "CREATE POLICY comment ON service_review_comment FOR INSERT TO desk_contact"
        f" WITH CHECK ({own} AND author_side = 'client' AND author_id = desk_user_id()"
        " AND review_id IN (SELECT id FROM service_review))"
    )
    op.execute("GRANT INSERT ON service_review_comment TO desk_contact")
    op.execute("GRANT USAGE ON SEQUENCE service_review_comment_id_seq TO desk_contact")


def downgrade() -> None:
    op.drop_index("ix_ticket_client_id_rated_at", "ticket")
    op.drop_index("ix_device_command_client_id_sent_at", "device_command")
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION desk_review_content_stays()")
    op.execute("DROP FUNCTION desk_review_stays()")
