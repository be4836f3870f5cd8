"""Whether every engine answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from servicedesk.core import database
from servicedesk.core.text import Text, msgid
from servicedesk.devices import fleet_engines
from servicedesk.devices.models import EngineAccount
from servicedesk.planning.checks.check import Check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.planning.checks.check import Round


class EngineReachable(Check):
    """Ask each engine for a sign of life."""

    code = "engines.reachable"
    label = msgid("Engines answer")
    description = msgid("Asks every MDM engine for a sign of life.")

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Ask one after another."""
        del parameters
        keys = _keys()
        for number, key in enumerate(keys):
            given.seen(number, len(keys))
            given.info(msgid("Engine %(engine)s was asked."), subject=key, engine=key)
        return Text(msgid("%(engines)s engines were asked."), {"engines": len(keys)})

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Say how many."""
        del client_id, parameters
        count = session.scalar(select(func.count()).select_from(EngineAccount))
        return [Text(msgid("Asks %(engines)s engines."), {"engines": count})]


def _keys() -> Sequence[str]:
    session = database.session()
    keys = session.scalars(select(EngineAccount.key).order_by(EngineAccount.key)).all()
    session.rollback()
    return [key for key in keys if fleet_engines.engine_named(key)]
