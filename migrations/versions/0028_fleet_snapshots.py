"""How each fleet stood at the end of its days.

Revision ID: 0028
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

ALL_SEEING = "desk_operator, desk_worker"
NARROWED = "desk_contact, desk_manager"
TABLE = "fleet_snapshot"
COUNTS = ("conforming", "failing", "unknown", "without_rules")
LISTS = ("conforming_devices", "failing_devices", "unknown_devices", "free_devices")


def upgrade() -> None:
    as_long = " and ".join(
        f"({names} is null or cardinality({names}) = {count})"
        for count, names in zip(COUNTS, LISTS, strict=True)
    )
    op.create_table(
        TABLE,
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("managed", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTS),
        *(sa.Column(name, ARRAY(sa.Text())) for name in LISTS),
        _check("the_counts_add_up", f"managed = {' + '.join(COUNTS)}"),
        _check("nothing_is_less_than_none", " and ".join(f"{name} >= 0" for name in COUNTS)),
        _check("a_list_is_as_long_as_its_count", as_long),
        _check("the_lists_go_together", f"num_nulls({', '.join(LISTS)}) in (0, 4)"),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f(f"fk_{TABLE}_client_id_client")
        ),
        sa.PrimaryKeyConstraint("client_id", "on_day", name=op.f(f"pk_{TABLE}")),
    )
    _walls()


def _check(name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{TABLE}_{name}"))


def _walls() -> None:
    own = "client_id = ANY ((SELECT desk_client_ids())::bigint[])"
    op.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY house ON {TABLE} TO {ALL_SEEING} USING (true) WITH CHECK (true)")
    op.execute(f"CREATE POLICY own ON {TABLE} FOR SELECT TO {NARROWED} USING ({own})")
    op.execute(f"GRANT SELECT ON {TABLE} TO {ALL_SEEING}, {NARROWED}")
    # what was counted stays: nobody changes it, and the worker only lets go of the devices behind it
    op.execute(f"GRANT INSERT, UPDATE ({', '.join(LISTS)}) ON {TABLE} TO desk_worker")


def downgrade() -> None:
    op.drop_table(TABLE)
