"""Engines tell of their devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core.text import Text, msgid
from servicedesk.devices.inventory_walk import ask_engines, engines_with_devices
from servicedesk.planning.checks.check import Check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.planning.checks.check import Round


class EngineInventory(Check):
    """Have every engine tell of its devices; each in a job of its own, for it takes its time."""

    code = "devices.inventory"
    label = msgid("Inventory of the engines")
    description = msgid("Asks every MDM engine what its devices are and have, and takes that in.")
    is_housekeeping = True

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Ask them all."""
        del parameters
        given.seen(0, 1)
        keys = ask_engines()
        for key in keys:
            given.info(msgid("Engine %(engine)s is asked."), subject=key, engine=key)
        given.seen(1, 1)
        return Text(
            msgid("%(engines)s engines are asked for their devices."), {"engines": len(keys)}
        )

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Count those with devices."""
        del client_id, parameters
        count = len(session.scalars(engines_with_devices()).all())
        return [Text(msgid("Engines that are asked: %(engines)s."), {"engines": count})]
