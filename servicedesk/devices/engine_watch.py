"""Whether engines answer: each is asked twice a minute, so that silence is seen before it is missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from servicedesk.core import clock
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices import fleet_engines
from servicedesk.devices.models import EngineAccount, EngineContact

if TYPE_CHECKING:
    from servicedesk.core.unit_of_work import Work
    from servicedesk.devices.engines.contract import EngineHealth

log = structlog.get_logger("servicedesk.devices")


def look_at_engines() -> None:
    """Ask every engine that the settings name whether it is there, and note what it said."""
    with unit_of_work(SYSTEM, "devices.look_at_engines") as work:
        engines = work.session.execute(select(EngineAccount.id, EngineAccount.key)).all()
    for engine_id, key in engines:
        if fleet_engines.is_named(key):
            _note(engine_id, key, fleet_engines.engine_named(key).health())


def _note(engine_id: int, key: str, health: EngineHealth) -> None:
    with unit_of_work(SYSTEM, "devices.look_at_engines") as work:
        was_mute = work.session.scalar(
            select(EngineContact.mute_since).where(EngineContact.engine_id == engine_id)
        )
        _keep(work, engine_id, health)
    if health.reachable == bool(was_mute):
        say = log.info if health.reachable else log.warning
        say("engine answers again" if health.reachable else "engine does not answer", engine=key)


def _keep(work: Work, engine_id: int, health: EngineHealth) -> None:
    now = clock.now()
    row = insert(EngineContact).values(
        engine_id=engine_id,
        looked_at=now,
        answered_at=now if health.reachable else None,
        mute_since=None if health.reachable else now,
        milliseconds=health.milliseconds,
    )
    new, old = row.excluded, EngineContact
    work.session.execute(
        row.on_conflict_do_update(
            index_elements=[old.engine_id],
            set_={
                "looked_at": new.looked_at,
                "answered_at": func.coalesce(new.answered_at, old.answered_at),
                "mute_since": (
                    None if health.reachable else func.coalesce(old.mute_since, new.mute_since)
                ),
                "milliseconds": new.milliseconds,
            },
        )
    )
