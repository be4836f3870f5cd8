"""The service level a contract gets when nothing else was agreed: a first plan and calendar."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from servicedesk.sla.calendar import CalendarDefinition, OpenInterval
from servicedesk.sla.models import CalendarVersion, PlanVersion, ServiceLevel
from servicedesk.sla.public_holidays import spanish_holidays

if TYPE_CHECKING:
    from servicedesk.clients.events import ContractSigned
    from servicedesk.core.unit_of_work import Work

PLAN, CALENDAR = "standard", "office"
BEGINNING = date(2020, 1, 1)
YEARS = range(2020, 2040)
MORNING, AFTERNOON = OpenInterval(8 * 60, 14 * 60), OpenInterval(15 * 60, 19 * 60)
FRIDAY = OpenInterval(8 * 60, 15 * 60)

# business hours: first response, resolution
HOURS: dict[str, dict[str, tuple[float, float]]] = {
    "incident": {"critical": (0.5, 4), "high": (1, 8), "medium": (4, 20), "low": (8, 40)},
    "request": {"critical": (1, 4), "high": (2, 8), "medium": (4, 16), "low": (8, 30)},
    "query": {"critical": (2, 8), "high": (4, 16), "medium": (8, 30), "low": (8, 50)},
}


def office_hours(region: str | None = None) -> CalendarDefinition:
    """Return office hours of Madrid with lunch, short Fridays and holidays, also a region's."""
    return CalendarDefinition(
        time_zone="Europe/Madrid",
        weekly=((MORNING, AFTERNOON),) * 4 + ((FRIDAY,), (), ()),
        holidays=spanish_holidays(YEARS, region),
    )


def standard_targets() -> dict[str, Any]:
    """Return the targets by kind and priority, in business seconds."""
    return {
        kind: {
            priority: {
                "first_response": int(timedelta(hours=response).total_seconds()),
                "resolution": int(timedelta(hours=resolution).total_seconds()),
            }
            for priority, (response, resolution) in by_priority.items()
        }
        for kind, by_priority in HOURS.items()
    }


def measure_contract(work: Work, event: ContractSigned) -> None:
    """Have a new contract measured by the standard plan and calendar, making them if need be."""
    known = set(work.session.scalars(select(PlanVersion.code)))
    if PLAN not in known:
        work.session.add(
            PlanVersion(
                code=PLAN,
                version=1,
                name="Estándar",
                effective_on=BEGINNING,
                targets=standard_targets(),
            )
        )
    if CALENDAR not in set(work.session.scalars(select(CalendarVersion.code))):
        work.session.add(
            CalendarVersion(
                code=CALENDAR,
                version=1,
                name="Horario de oficina",
                effective_on=BEGINNING,
                definition=office_hours().to_json(),
            )
        )
    work.session.add(
        ServiceLevel(
            contract_id=event.contract_id,
            client_id=event.client_id,
            plan_code=PLAN,
            calendar_code=CALENDAR,
        )
    )
