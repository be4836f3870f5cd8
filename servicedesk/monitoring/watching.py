"""Silence is seen: looks at the service, shows it, and tells supervisors once of what fell silent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from servicedesk.accounts.models import User
from servicedesk.core import audit, database, trace
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.jobs import JobName
from servicedesk.core.mail import Letter, queue_mails
from servicedesk.core.permissions import Permission, require
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.monitoring.models import Silence
from servicedesk.monitoring.readings import read
from servicedesk.monitoring.signs import Level, database_away, signs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from servicedesk.core.actors import Actor
    from servicedesk.core.text import Text
    from servicedesk.core.unit_of_work import Work
    from servicedesk.monitoring.signs import Sign

WATCH = JobName("monitoring.watch", rank=100)  # it tells of a queue that is stuck
AGAIN = timedelta(seconds=75)

log = structlog.get_logger("servicedesk.monitoring")


def silences(session: Session) -> list[Sign]:
    """Return what is silent now and for so long that people should know; see `signs`."""
    return [sign for sign in _signs(session) if sign.is_alarm]


def state_of_service(actor: Actor) -> list[Sign]:
    """Return how every part of the service is. Raises Forbidden."""
    require(actor, Permission.SERVICE_WATCH)
    return _signs(database.session())


def look_for_silences() -> None:
    """Tell supervisors of each new silence, and come again.

    The next look is written by this one and not by the clock, whose silence it has to see.
    """
    with unit_of_work(SYSTEM, "monitoring.look") as work:
        signs = _signs(work.session)
        alarms = {sign.code: sign for sign in signs if sign.is_alarm}
        well = [sign.code for sign in signs if sign.level is Level.GOOD]
        work.session.execute(delete(Silence).where(Silence.sign.in_(well)))
        new = [alarms[code] for code in _first_told(work, list(alarms))]
        if new:
            _tell(work, new)
        trace.forget()  # each look is a piece of work of its own
        work.enqueue(WATCH, at=work.at + AGAIN, once_as=WATCH.name)


def _signs(session: Session) -> list[Sign]:
    try:
        return signs_of(read(_engine_of(session)))
    except SQLAlchemyError:
        return [database_away()]


def _engine_of(session: Session) -> Engine:
    return session.get_bind().engine


def _first_told(work: Work, codes: Sequence[str]) -> list[str]:
    """Return which of these nobody was told of; two that ask at once do not both get one."""
    if not codes:
        return []
    rows = insert(Silence).values([{"sign": code, "told_at": work.at} for code in sorted(codes)])
    return list(work.session.scalars(rows.on_conflict_do_nothing().returning(Silence.sign)).all())


def _tell(work: Work, signs: Sequence[Sign]) -> None:
    for sign in signs:
        log.error("silence", sign=sign.code, seconds=round(sign.seconds or 0))
    people = work.session.execute(
        select(User.email, User.language).where(User.is_active, User.role == Role.SUPERVISOR)
    ).all()
    told = [{"name": _told(sign.name), "words": _told(sign.words)} for sign in signs]
    letters = [
        Letter(recipient=email, language=language, context={"signs": told})
        for email, language in people
    ]
    queue_mails(work, letters, "silence", about="SERVICE")


def _told(text: Text) -> dict[str, object]:
    return {"msgid": text.msgid, "facts": audit.plain(dict(text.values))}
