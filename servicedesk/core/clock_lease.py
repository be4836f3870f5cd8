"""Who is the elected clock: a lease of a few seconds in one row, fenced by its term.

Only the database's time counts, so no host's clock can lengthen a lease. Whoever renews it holds the
row until the transaction ends: nobody else is elected before what was written has been committed, and
who was not heard of for longer than the lease writes nothing any more. See decision 0026.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from servicedesk.core.database import Model

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

LEASE = timedelta(seconds=6)

# a lease that ends later than any that can have been given is left of a server whose time went back
IS_FREE = "(l.holder = :holder OR l.expires_at NOT BETWEEN clock_timestamp() AND clock_timestamp() + 2 * :lease)"
IS_HELD = f"SELECT EXISTS (SELECT FROM clock_lease l WHERE NOT {IS_FREE})"  # noqa: S608
ELECT = f"""
INSERT INTO clock_lease AS l (id, holder, term, elected_at, expires_at)
VALUES (1, :holder, 1, clock_timestamp(), clock_timestamp() + :lease)
ON CONFLICT (id) DO UPDATE
   SET holder = :holder, term = l.term + 1, elected_at = clock_timestamp(),
       expires_at = clock_timestamp() + :lease
 WHERE {IS_FREE}
RETURNING term
"""  # noqa: S608
PROLONG = """
UPDATE clock_lease SET expires_at = clock_timestamp() + :lease
 WHERE id = 1 AND holder = :holder AND term = :term
RETURNING term
"""
LEADER = """
SELECT holder, term, elected_at, expires_at, expires_at > clock_timestamp() AS is_held
  FROM clock_lease
"""


class ClockLease(Model):
    """The one row that says which process may tick, and until when unless it renews."""

    __tablename__ = "clock_lease"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)
    __tenant__ = None
    __audited__ = False  # renewed every second, by no person

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    holder: Mapped[str]  # host, process and a random part, to be read by people
    term: Mapped[int]  # grows with each election
    elected_at: Mapped[datetime]
    expires_at: Mapped[datetime]


@dataclass(frozen=True, kw_only=True)
class Leader:
    """Who was elected last, and whether that still holds."""

    holder: str
    term: int
    elected_at: datetime
    expires_at: datetime
    is_held: bool


def elect(connection: Connection, holder: str) -> int | None:
    """Return the term `holder` begins with the commit, or None while another holds the lease.

    A holder that lost its connection need not wait for the end of its own lease.
    """
    asked = {"holder": holder, "lease": LEASE}
    # asked without a lock first: candidates neither wait for the leader's transactions nor delay them
    if connection.execute(text(IS_HELD), asked).scalar():
        return None
    term: int | None = connection.execute(text(ELECT), asked).scalar()
    return term


def prolong(current: Session | Connection, holder: str, term: int) -> bool:
    """Hold the lease anew and lock it until the commit; False if another term has begun."""
    asked = {"holder": holder, "term": term, "lease": LEASE}
    return current.execute(text(PROLONG), asked).scalar() is not None


def give_back(current: Session | Connection, holder: str, term: int) -> None:
    """End the lease at once, so that nobody has to wait for it."""
    asked = {"holder": holder, "term": term, "lease": timedelta(0)}
    current.execute(text(PROLONG), asked)


def leader(current: Session | Connection) -> Leader | None:
    """Return who was elected last, or None before the first election."""
    row = current.execute(text(LEADER)).one_or_none()
    return None if row is None else Leader(**row._asdict())
