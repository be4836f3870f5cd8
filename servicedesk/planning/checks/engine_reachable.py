"""Whether every engine answers, and how fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from servicedesk.core.text import Text, msgid
from servicedesk.devices import fleet_engines
from servicedesk.devices.models import Device, DeviceState, EngineAccount
from servicedesk.devices.parameters import Kind, Parameter
from servicedesk.planning.checks.check import Check
from servicedesk.planning.checks.looking import looking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from servicedesk.devices.engines.contract import EngineHealth
    from servicedesk.planning.checks.check import Round

ANSWERED = msgid(
    "Engine %(engine)s answered in %(milliseconds)s ms. Its devices were last in touch on"
    " %(contact_at)s."
)
ANSWERED_ALONE = msgid(
    "Engine %(engine)s answered in %(milliseconds)s ms. No device of it has been in touch yet."
)
SLOW = msgid("Engine %(engine)s took %(milliseconds)s ms to answer.")
SILENT = msgid("Engine %(engine)s does not answer.")
NOT_NAMED = msgid("Engine %(engine)s has devices, and the settings do not name it.")


class EngineReachable(Check):
    """Ask each engine for a sign of life; who is silent is asked twice."""

    code = "engines.reachable"
    label = msgid("Engines answer")
    description = msgid(
        "Asks every MDM engine for a sign of life. Slow is told, silent is a problem."
    )
    parameters = (
        Parameter(
            name="slow",
            label=msgid("Slow from so many milliseconds on"),
            kind=Kind.NUMBER,
            least=50,
            most=60_000,
            default="2000",
        ),
    )

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Ask one after another."""
        slow = self.number(parameters, "slow")
        engines = _engines()
        silent = 0
        for number, engine in enumerate(engines):
            given.seen(number, len(engines))
            silent += not _asked(given, engine, slow)
        given.seen(len(engines), len(engines))
        return Text(
            msgid("%(answered)s of %(engines)s engines answer."),
            {"answered": len(engines) - silent, "engines": len(engines)},
        )

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Say how many."""
        del client_id, parameters
        count = session.scalar(select(func.count()).select_from(EngineAccount))
        return [Text(msgid("Engines that are asked: %(engines)s."), {"engines": count})]


def _engines() -> Sequence[Any]:
    """Return key, last contact and number of enrolled devices of every engine."""
    enrolled = func.count().filter(Device.state == DeviceState.ENROLLED)
    with looking() as session:
        return session.execute(
            select(
                EngineAccount.key,
                func.max(Device.last_contact_at).label("contact_at"),
                enrolled.label("devices"),
            )
            .outerjoin(Device, Device.engine_id == EngineAccount.id)
            .group_by(EngineAccount.key)
            .order_by(EngineAccount.key)
        ).all()


def _asked(given: Round, engine: Any, slow: int) -> bool:
    """Ask an engine and tell how it is; return whether there is anything to worry about."""
    key = engine.key
    if not fleet_engines.is_named(key):
        if engine.devices:
            given.problem(NOT_NAMED, subject=key, engine=key)
        return not engine.devices
    health = _health(key)
    milliseconds = round(health.milliseconds)
    if not health.reachable:
        given.problem(SILENT, subject=key, engine=key)
    elif milliseconds >= slow:
        given.finding(SLOW, subject=key, engine=key, milliseconds=milliseconds)
    elif engine.contact_at is None:
        given.info(ANSWERED_ALONE, subject=key, engine=key, milliseconds=milliseconds)
    else:
        given.info(
            ANSWERED,
            subject=key,
            engine=key,
            milliseconds=milliseconds,
            contact_at=engine.contact_at,
        )
    return health.reachable


def _health(key: str) -> EngineHealth:
    """Ask, and once more where the first call got lost."""
    engine = fleet_engines.engine_named(key)
    first = engine.health()
    return first if first.reachable else engine.health()
