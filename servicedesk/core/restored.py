"""After a restore nothing leaves the house until a person has looked: the row that says so.

What was on its way when the backup was taken may have left since, and what the clock finds due may
have been done since: nobody knows before somebody looks. The two doors (a mail, a command) ask here.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from servicedesk.core.database import Model

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class Restoration(Model):
    """This database came out of a backup; while `opened_at` is empty, nothing leaves."""

    __tablename__ = "restoration"
    __tenant__ = None

    # not counted up: the row is there before the rows of the backup are, with restorations of then
    id: Mapped[UUID] = mapped_column(primary_key=True)
    backup: Mapped[str]  # name of the file
    taken_at: Mapped[datetime]
    restored_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]  # without it, the restore was broken off
    held: Mapped[dict[str, Any]]  # how many of what was on its way is kept back
    opened_at: Mapped[datetime | None]
    opened_by: Mapped[str | None]


def standing_restoration(session: Session) -> Restoration | None:
    """Return the restore that nobody has looked at yet."""
    return session.scalars(
        select(Restoration).where(Restoration.opened_at.is_(None)).limit(1)
    ).one_or_none()


def nothing_leaves(session: Session) -> bool:
    """Whether mails and commands have to wait for somebody's look."""
    return session.scalar(select(1).where(Restoration.opened_at.is_(None)).limit(1)) is not None
