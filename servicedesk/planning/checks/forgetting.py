"""Deleting what is old, in batches: each a transaction of its own, until nothing is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import delete, func, select

from servicedesk.core.actors import SYSTEM
from servicedesk.core.text import Text, msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.planning.checks.looking import looking

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, CursorResult
    from sqlalchemy.orm import Session

    from servicedesk.core.database import Model
    from servicedesk.planning.checks.check import Round

BATCH = 1000

DELETED = msgid("%(label)s: %(rows)s deleted.")
TO_DELETE = msgid("%(label)s: %(rows)s to delete.")


@dataclass(frozen=True, kw_only=True)
class Old:
    """Rows of one kind that are kept no longer."""

    label: str  # msgid
    model: type[Model]
    condition: ColumnElement[bool]

    def count(self, session: Session) -> int:
        """Return how many there are."""
        query = select(func.count()).select_from(self.model).where(self.condition)
        return session.scalar(query) or 0

    def delete_some(self, session: Session) -> int:
        """Delete a batch of them; return how many."""
        key = self.model.__table__.c.id
        oldest = select(key).where(self.condition).order_by(key).limit(BATCH)
        gone = session.execute(
            delete(self.model).where(key.in_(oldest)).execution_options(synchronize_session=False)
        )
        return cast("CursorResult[Any]", gone).rowcount


def forget(given: Round, kinds: Sequence[Old]) -> int:
    """Delete what is old of each kind, and tell how much; return how many rows went."""
    with looking() as session:
        total = sum(kind.count(session) for kind in kinds)
    done = 0
    for kind in kinds:
        rows = 0
        while True:
            given.seen(done, max(done, total))
            with unit_of_work(SYSTEM, "housekeeping.forget") as work:
                count = kind.delete_some(work.session)
                if count and kind.model.__audited__:
                    work.concerns(None, kind.model.__tablename__)
                    work.note(deleted=count)
            rows, done = rows + count, done + count
            if count < BATCH:
                break
        if rows:
            given.info(DELETED, label=Text(kind.label).to_json(), rows=rows)
    given.seen(done, max(done, total))
    return done


def told(session: Session, kinds: Sequence[Old]) -> Iterator[Text]:
    """Yield what would be deleted."""
    for kind in kinds:
        yield Text(TO_DELETE, {"label": Text(kind.label), "rows": kind.count(session)})
