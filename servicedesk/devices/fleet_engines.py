"""Which engine reaches a device: built once from the settings by the composition root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.devices.models import EngineAccount

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from servicedesk.devices.engines.contract import Engine

_engines: dict[str, Engine] = {}


class NoSuchEngine(LookupError):
    """A device belongs to an engine that the settings do not name."""


def use_engines(engines: Mapping[str, Engine]) -> None:
    """Tell which engines there are, by key."""
    _engines.clear()
    _engines.update(engines)


def engine_named(key: str) -> Engine:
    """Return the engine of that key. Raises NoSuchEngine."""
    try:
        return _engines[key]
    except KeyError:
        raise NoSuchEngine(key) from None


def is_named(key: str) -> bool:
    """Whether the settings name an engine of that key."""
    return key in _engines


def is_simulated(session: Session, engine_id: int) -> bool:
    """Whether the devices behind this engine account are not real."""
    return session.scalars(
        select(EngineAccount.is_simulated).where(EngineAccount.id == engine_id)
    ).one()
