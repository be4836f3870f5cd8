"""What supervisors see of backups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from servicedesk.backups.models import BackupRecord
from servicedesk.core import clock
from servicedesk.core.database import session
from servicedesk.core.permissions import Permission, may, require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor

SHOWN = 40
TOO_OLD = timedelta(hours=26)  # one a night, and two hours for a night that is late


@dataclass(frozen=True, kw_only=True)
class BackupAlarm:
    """No backup of late is known to be good."""

    newest: datetime | None  # when the newest one that is was taken


def latest_backups(actor: Actor) -> Sequence[BackupRecord]:
    """Return the newest backups, newest first. Raises Forbidden."""
    require(actor, Permission.BACKUP_ADMINISTER)
    newest_first = select(BackupRecord).order_by(BackupRecord.taken_at.desc()).limit(SHOWN)
    return session().scalars(newest_first).all()


def standing_alarm(actor: Actor, *, expects_backups: bool) -> BackupAlarm | None:
    """Return the alarm for whoever can see to it, when the newest verified backup is too old.

    Where none is expected, as on a developer's machine, it is missed only after a first one.
    """
    if not may(actor, Permission.BACKUP_ADMINISTER):
        return None
    taken, newest = (
        session()
        .execute(
            select(
                func.count(),
                func.max(BackupRecord.taken_at).filter(BackupRecord.verified_at.is_not(None)),
            )
        )
        .one()
    )
    if newest is not None and newest > clock.now() - TOO_OLD:
        return None
    return BackupAlarm(newest=newest) if taken or expects_backups else None


def newest_good_at(current: Session) -> datetime | None:
    """Return when the newest backup was taken that was proved."""
    return current.scalar(
        select(func.max(BackupRecord.taken_at)).where(BackupRecord.verified_at.is_not(None))
    )
