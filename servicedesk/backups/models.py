"""What is remembered of backups, so that the desk can show them and miss them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from servicedesk.core.database import Model


class BackupRecord(Model):
    """A backup that was taken: its file, what is in it, whether restoring it was tried."""

    __tablename__ = "backup_record"
    __tenant__ = None
    __audited__ = False  # a record of what happened

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)  # of the file, without its folder
    taken_at: Mapped[datetime]
    seconds: Mapped[int]
    size: Mapped[int]  # bytes
    row_count: Mapped[int]
    attachment_count: Mapped[int]
    is_encrypted: Mapped[bool]
    verified_at: Mapped[datetime | None]  # when it was last restored into a scratch database
    problem: Mapped[str | None]  # what was wrong with it then
    removed_at: Mapped[datetime | None]  # its time was over
