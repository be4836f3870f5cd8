"""Which silences people were told of."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from servicedesk.core.database import Model


class Silence(Model):
    """A part of the service that fell silent and that supervisors know of; gone when it speaks again."""

    __tablename__ = "silence"
    __tenant__ = None
    __audited__ = False

    sign: Mapped[str] = mapped_column(primary_key=True)
    told_at: Mapped[datetime]
