"""The account manager's days: a ledger a contract year that cannot be overspent, visits, amendments.

Revision ID: 0026

The balance of a year is written by the trigger of the ledger alone: no role of the desk may touch it, so
that whatever is inserted, its CHECK holds. See decision 0032.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

ALL_SEEING = "desk_operator, desk_worker"
NARROWED = "desk_contact, desk_manager"
STEERING = "desk_operator, desk_manager"
INSTANT = sa.DateTime(timezone=True)
TABLES = (
    "engagement_year",
    "engagement_visit",
    "engagement_amendment",
    "engagement_entry",
    "engagement_document",
    "engagement_action",
    "engagement_warning",
)

# what the ledger alone writes stays out of these
VISIT_COLUMNS = (
    "client_id, contract_id, year_id, reference, uid, sequence, kind, title, starts_at, ends_at,"
    " planned_quarters, is_on_site, place, attendees, state, note, minutes, manager_id,"
    " manager_name, created_at, settled_at, settled_by_name, ask_at, asked_at, version"
)

FUNCTIONS = """
CREATE FUNCTION desk_anniversary(starts_on date, years int) RETURNS date
LANGUAGE sql IMMUTABLE AS $$
  -- a contract of 29 February turns on 1 March in years that lack the day
  SELECT CASE WHEN to_char(starts_on, 'MMDD') = '0229' AND to_char(turns, 'MMDD') = '0228'
              THEN turns + 1 ELSE turns END
    FROM (SELECT (starts_on + make_interval(years => years))::date AS turns) t
$$;

CREATE FUNCTION desk_engagement_year(wanted bigint, day date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  terms contract;
  years int;
  found bigint;
BEGIN
  SELECT * INTO terms FROM contract c WHERE c.id = wanted AND day BETWEEN c.starts_on AND c.ends_on
     AND (current_setting('role') NOT IN ('desk_gate', 'desk_contact', 'desk_manager')
          OR c.client_id = ANY (desk_client_ids()));
  IF terms.id IS NULL THEN
    RAISE EXCEPTION 'no such contract on that day' USING ERRCODE = 'insufficient_privilege';
  END IF;
  years := extract(year FROM day) - extract(year FROM terms.starts_on);
  IF day < desk_anniversary(terms.starts_on, years) THEN years := years - 1; END IF;
  INSERT INTO engagement_year (client_id, contract_id, number, first_on, last_on, granted_quarters)
  VALUES (terms.client_id, terms.id, years + 1, desk_anniversary(terms.starts_on, years),
          desk_anniversary(terms.starts_on, years + 1) - 1, (terms.engagement_days * 4)::bigint)
  ON CONFLICT (contract_id, number) DO NOTHING;
  SELECT id INTO found FROM engagement_year
   WHERE contract_id = terms.id AND number = years + 1 FOR UPDATE;
  RETURN found;
END $$;

CREATE FUNCTION desk_lock_engagement_year(wanted bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT FROM engagement_year WHERE id = wanted FOR UPDATE
$$;

CREATE FUNCTION desk_engagement_move() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  held bigint := 0;
  spent bigint := 0;
  more bigint := 0;
BEGIN
  CASE NEW.kind
    WHEN 'reserve' THEN held := NEW.quarters;
    WHEN 'consume' THEN held := -NEW.quarters; spent := NEW.quarters;
    WHEN 'give_back' THEN held := -NEW.quarters;
    WHEN 'correct' THEN
      held := NEW.quarters; spent := -NEW.quarters;
      PERFORM FROM engagement_entry e
        WHERE e.id = NEW.reverses_id AND e.kind = 'consume' AND e.quarters = NEW.quarters
          AND e.visit_id = NEW.visit_id AND e.year_id = NEW.year_id;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'a correction reverses what was consumed, in full' USING ERRCODE = 'check_violation';
      END IF;
    WHEN 'amend' THEN
      more := NEW.quarters;
      PERFORM FROM engagement_amendment a
        WHERE a.id = NEW.amendment_id AND a.year_id = NEW.year_id AND a.quarters = NEW.quarters
          AND a.client_agreed_at IS NOT NULL AND a.operator_agreed_at IS NOT NULL
          AND a.ended_at IS NULL;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'an amendment counts when both sides agreed' USING ERRCODE = 'check_violation';
      END IF;
  END CASE;
  UPDATE engagement_year
     SET reserved_quarters = reserved_quarters + held, consumed_quarters = consumed_quarters + spent,
         added_quarters = added_quarters + more
   WHERE id = NEW.year_id AND client_id = NEW.client_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'an entry belongs to a year of its client' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.visit_id IS NOT NULL THEN
    UPDATE engagement_visit
       SET reserved_quarters = reserved_quarters + held,
           consumed_quarters = consumed_quarters + spent
     WHERE id = NEW.visit_id AND client_id = NEW.client_id AND year_id = NEW.year_id;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'a visit counts in its own year' USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION desk_engagement_agreement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.ended_at IS NOT NULL
       OR (OLD.client_agreed_at IS NOT NULL AND OLD.operator_agreed_at IS NOT NULL) THEN
      RAISE EXCEPTION 'an amendment is settled once' USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.client_id, NEW.year_id, NEW.quarters) IS DISTINCT FROM
       (OLD.client_id, OLD.year_id, OLD.quarters) THEN
      RAISE EXCEPTION 'what was offered stays as it is' USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  -- each side agrees in its own person: under its own role, and as whoever is signed in
  IF NEW.client_agreed_at IS NOT NULL AND (TG_OP = 'INSERT' OR OLD.client_agreed_at IS NULL)
     AND (current_user <> 'desk_contact' OR NEW.client_agreed_by_id <> desk_user_id()) THEN
    RAISE EXCEPTION 'the client agrees itself' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF NEW.operator_agreed_at IS NOT NULL AND (TG_OP = 'INSERT' OR OLD.operator_agreed_at IS NULL)
     AND (current_user <> 'desk_operator' OR NEW.operator_agreed_by_id <> desk_user_id()) THEN
    RAISE EXCEPTION 'the operator agrees itself' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION desk_engagement_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.year_id <> OLD.year_id AND OLD.reserved_quarters + OLD.consumed_quarters <> 0 THEN
    RAISE EXCEPTION 'a visit leaves a year without anything in it' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER move_the_balance BEFORE INSERT ON engagement_entry
  FOR EACH ROW EXECUTE FUNCTION desk_engagement_move();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON engagement_entry
  EXECUTE FUNCTION desk_refuse_change();
CREATE TRIGGER each_side_itself BEFORE INSERT OR UPDATE ON engagement_amendment
  FOR EACH ROW EXECUTE FUNCTION desk_engagement_agreement();
CREATE TRIGGER leaves_nothing BEFORE UPDATE OF year_id ON engagement_visit
  FOR EACH ROW EXECUTE FUNCTION desk_engagement_moved();
"""
DROPPED = (
    "desk_engagement_moved()",
    "desk_engagement_agreement()",
    "desk_engagement_move()",
    "desk_lock_engagement_year(bigint)",
    "desk_engagement_year(bigint, date)",
    "desk_anniversary(date, int)",
)


def upgrade() -> None:
    _year()
    _visit()
    _amendment()
    _entry()
    _document()
    _action()
    _warning()
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


def _year() -> None:
    table = "engagement_year"
    op.create_table(
        table,
        _id(),
        _number("client_id"),
        _number("contract_id"),
        _number("number"),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        _number("granted_quarters"),
        _number("added_quarters", server_default="0"),
        _number("reserved_quarters", server_default="0"),
        _number("consumed_quarters", server_default="0"),
        _check(
            table,
            "no_more_than_there_is",
            "reserved_quarters + consumed_quarters <= granted_quarters + added_quarters",
        ),
        _check(
            table,
            "never_below_nothing",
            "granted_quarters >= 0 and added_quarters >= 0 and reserved_quarters >= 0"
            " and consumed_quarters >= 0",
        ),
        _key(table, "client_id", "client"),
        _key(table, "contract_id", "contract"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(
            "contract_id", "number", name=op.f("uq_engagement_year_contract_id_number")
        ),
    )
    op.create_index("ix_engagement_year_client_id", table, ["client_id"])


def _visit() -> None:
    table = "engagement_visit"
    op.create_table(
        table,
        _id(),
        _number("client_id"),
        _number("contract_id"),
        _number("year_id"),
        _words("reference"),
        _words("uid"),
        _number("sequence"),
        sa.Column("kind", sa.String(40), nullable=False),
        _words("title"),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        _number("planned_quarters"),
        _number("reserved_quarters", server_default="0"),
        _number("consumed_quarters", server_default="0"),
        sa.Column("is_on_site", sa.Boolean(), nullable=False),
        _words("place"),
        sa.Column("attendees", ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        _words("note"),
        _words("minutes"),
        _number("manager_id"),
        _words("manager_name"),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("settled_at", INSTANT),
        sa.Column("settled_by_name", sa.Text()),
        sa.Column("ask_at", INSTANT, nullable=False),
        sa.Column("asked_at", INSTANT),
        _number("version"),
        _check(table, "it_takes_from_a_quarter_to_five_days", "planned_quarters between 1 and 20"),
        _check(table, "it_ends_after_it_starts", "ends_at > starts_at"),
        _check(
            table,
            "it_holds_no_less_than_nothing",
            "reserved_quarters >= 0 and consumed_quarters >= 0",
        ),
        _check(table, "what_is_settled_has_its_time", "(state = 'planned') = (settled_at is null)"),
        _key(table, "client_id", "client"),
        _key(table, "contract_id", "contract"),
        _key(table, "year_id", "engagement_year"),
        _key(table, "manager_id", "user"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("reference", name=op.f(f"uq_{table}_reference")),
        sa.UniqueConstraint("uid", name=op.f(f"uq_{table}_uid")),
    )
    op.create_index("ix_engagement_visit_client_id_starts_at", table, ["client_id", "starts_at"])
    op.create_index("ix_engagement_visit_starts_at", table, ["starts_at", "id"])
    op.create_index("ix_engagement_visit_year_id", table, ["year_id"])
    op.create_index(
        "ix_engagement_visit_to_ask",
        table,
        ["ask_at"],
        postgresql_where=sa.text("state = 'planned' and asked_at is null"),
    )


def _amendment() -> None:
    table = "engagement_amendment"
    op.create_table(
        table,
        _id(),
        _number("client_id"),
        _number("contract_id"),
        _number("year_id"),
        _words("reference"),
        _number("quarters"),
        _words("reason"),
        _number("proposed_by_id"),
        _words("proposed_by_name"),
        sa.Column("proposed_at", INSTANT, nullable=False),
        *(
            column
            for side in ("operator", "client")
            for column in (
                sa.Column(f"{side}_agreed_by_id", sa.BigInteger()),
                sa.Column(f"{side}_agreed_by_name", sa.Text()),
                sa.Column(f"{side}_agreed_at", INSTANT),
            )
        ),
        sa.Column("ended_by_name", sa.Text()),
        sa.Column("ended_side", sa.String(40)),
        sa.Column("ended_reason", sa.Text()),
        sa.Column("ended_at", INSTANT),
        _check(table, "it_adds_something", "quarters between 1 and 400"),
        _check(
            table,
            "an_agreement_has_person_and_time",
            "(operator_agreed_by_id is null) = (operator_agreed_at is null)"
            " and (client_agreed_by_id is null) = (client_agreed_at is null)",
        ),
        _check(
            table,
            "it_ends_once",
            "ended_at is null or operator_agreed_at is null or client_agreed_at is null",
        ),
        _key(table, "client_id", "client"),
        _key(table, "contract_id", "contract"),
        _key(table, "year_id", "engagement_year"),
        _key(table, "proposed_by_id", "user"),
        _key(table, "operator_agreed_by_id", "user"),
        _key(table, "client_agreed_by_id", "user"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("reference", name=op.f(f"uq_{table}_reference")),
    )
    op.create_index("ix_engagement_amendment_client_id", table, ["client_id"])
    op.create_index("ix_engagement_amendment_year_id", table, ["year_id"])


def _entry() -> None:
    table = "engagement_entry"
    op.create_table(
        table,
        _id(),
        _number("client_id"),
        _number("year_id"),
        sa.Column("kind", sa.String(40), nullable=False),
        _number("quarters"),
        sa.Column("visit_id", sa.BigInteger()),
        sa.Column("amendment_id", sa.BigInteger()),
        sa.Column("reverses_id", sa.BigInteger()),
        _words("reason"),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("author_id", sa.BigInteger()),
        _words("author_name"),
        _check(table, "it_moves_something", "quarters >= 1"),
        _check(
            table,
            "it_names_what_it_is_about",
            "(kind = 'amend') = (amendment_id is not null)"
            " and (kind = 'amend') = (visit_id is null)"
            " and (kind = 'correct') = (reverses_id is not null)",
        ),
        _check(table, "a_correction_says_why", "kind <> 'correct' or reason <> ''"),
        _key(table, "client_id", "client"),
        _key(table, "year_id", "engagement_year"),
        _key(table, "visit_id", "engagement_visit"),
        _key(table, "amendment_id", "engagement_amendment"),
        _key(table, "reverses_id", "engagement_entry"),
        _key(table, "author_id", "user"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("amendment_id", name=op.f(f"uq_{table}_amendment_id")),
        sa.UniqueConstraint("reverses_id", name=op.f(f"uq_{table}_reverses_id")),
    )
    op.create_index("ix_engagement_entry_year_id_id", table, ["year_id", "id"])
    op.create_index("ix_engagement_entry_visit_id", table, ["visit_id"])


def _document() -> None:
    table = "engagement_document"
    op.create_table(
        table,
        _id(),
        _number("client_id"),
        _number("visit_id"),
        _words("reference"),
        _words("name"),
        _words("media_type"),
        _number("size"),
        _words("sha256"),
        sa.Column("created_at", INSTANT, nullable=False),
        _words("author_name"),
        _key(table, "client_id", "client"),
        _key(table, "visit_id", "engagement_visit"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("reference", name=op.f(f"uq_{table}_reference")),
    )
    op.create_index("ix_engagement_document_visit_id", table, ["visit_id"])


def _action() -> None:
    table = "engagement_action"
    op.create_table(
        table,
        _id(),
        _number("client_id"),
        _number("visit_id"),
        _words("words"),
        _words("owner"),
        sa.Column("due_on", sa.Date(), nullable=False),
        _number("ticket_id"),
        sa.Column("created_at", INSTANT, nullable=False),
        _words("author_name"),
        _key(table, "client_id", "client"),
        _key(table, "visit_id", "engagement_visit"),
        _key(table, "ticket_id", "ticket"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index("ix_engagement_action_visit_id", table, ["visit_id"])
    op.create_index("ix_engagement_action_ticket_id", table, ["ticket_id"])


def _warning() -> None:
    table = "engagement_warning"
    op.create_table(
        table,
        _id(),
        _number("client_id"),
        _number("year_id"),
        _number("percent"),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("told_at", INSTANT),
        sa.Column("told_to", ARRAY(sa.Text()), nullable=False, server_default="{}"),
        _key(table, "client_id", "client"),
        _key(table, "year_id", "engagement_year"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("year_id", "percent", name=op.f(f"uq_{table}_year_id_percent")),
    )


def _walls() -> None:
    own = "client_id = ANY ((SELECT desk_client_ids())::bigint[])"
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY house ON {table} TO {ALL_SEEING} USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY own ON {table} TO desk_manager USING ({own}) WITH CHECK ({own})")
        op.execute(f"CREATE POLICY seen ON {table} FOR SELECT TO desk_contact USING ({own})")
        op.execute(f"GRANT SELECT ON {table} TO {ALL_SEEING}, {NARROWED}")
    for table in ("entry", "amendment", "document", "action", "warning"):
        op.execute(f"GRANT INSERT ON engagement_{table} TO {STEERING}")
        op.execute(f"GRANT USAGE ON SEQUENCE engagement_{table}_id_seq TO {STEERING}")
    op.execute(f"GRANT INSERT ({VISIT_COLUMNS}) ON engagement_visit TO {STEERING}")
    op.execute(f"GRANT UPDATE ({VISIT_COLUMNS}) ON engagement_visit TO {STEERING}")
    op.execute(f"GRANT USAGE ON SEQUENCE engagement_visit_id_seq TO {STEERING}")
    op.execute("GRANT UPDATE (asked_at) ON engagement_visit TO desk_worker")
    op.execute("GRANT UPDATE (told_at, told_to) ON engagement_warning TO desk_worker")
    ending = "ended_by_name, ended_side, ended_reason, ended_at"
    side = "{0}_agreed_by_id, {0}_agreed_by_name, {0}_agreed_at"
    op.execute(
        f"GRANT UPDATE ({side.format('operator')}, {ending}) ON engagement_amendment TO {STEERING}"
    )
    # the contact agrees or declines, and what follows from agreeing second is written with it
    op.execute(
        f"GRANT UPDATE ({side.format('client')}, {ending}) ON engagement_amendment TO desk_contact"
    )
    op.execute(
        "CREATE POLICY agree ON engagement_amendment FOR UPDATE TO desk_contact"
        f" USING ({own}) WITH CHECK ({own})"
    )
    op.execute("GRANT INSERT ON engagement_entry TO desk_contact")
    op.execute("GRANT USAGE ON SEQUENCE engagement_entry_id_seq TO desk_contact")
    op.execute(
        "CREATE POLICY agree ON engagement_entry FOR INSERT TO desk_contact"
        f" WITH CHECK ({own} AND kind = 'amend')"
    )
    everyone = f"{ALL_SEEING}, {NARROWED}"
    for door in ("desk_engagement_year(bigint, date)", "desk_lock_engagement_year(bigint)"):
        op.execute(f"REVOKE ALL ON FUNCTION {door} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {door} TO {everyone}")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    for function in DROPPED:
        op.execute(f"DROP FUNCTION {function}")
