"""The service level a contract gets when nothing else was agreed: a first plan and calendar."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from servicedesk.sla.calendar import CalendarDefinition, OpenInterval
from servicedesk.sla.cycles import Metric
from servicedesk.sla.models import CalendarVersion, PlanVersion, ServiceLevel
from servicedesk.sla.plan import PlanDefinition, Recipient, Threshold
from servicedesk.sla.public_holidays import spanish_holidays

if TYPE_CHECKING:
    from servicedesk.clients.events import ContractSigned
    from servicedesk.core.unit_of_work import Work

PLAN, CALENDAR = "standard", "office"
HOME = "Europe/Madrid"  # where the operator works
BEGINNING = date(2020, 1, 1)
YEARS = range(2020, 2040)
MORNING, AFTERNOON = OpenInterval(8 * 60, 14 * 60), OpenInterval(15 * 60, 19 * 60)
FRIDAY = OpenInterval(8 * 60, 15 * 60)

# business hours: first response, next news, resolution
HOURS: dict[str, dict[str, tuple[float, float, float]]] = {
    "incident": {
        "critical": (0.5, 2, 4),
        "high": (1, 4, 8),
        "medium": (4, 10, 20),
        "low": (8, 20, 40),
    },
    "request": {
        "critical": (1, 2, 4),
        "high": (2, 4, 8),
        "medium": (4, 10, 16),
        "low": (8, 20, 30),
    },
    "query": {"critical": (2, 4, 8), "high": (4, 8, 16), "medium": (8, 20, 30), "low": (8, 20, 50)},
}
THRESHOLDS = (
    Threshold(percent=75, reaches=frozenset({Recipient.ASSIGNEE})),
    Threshold(percent=90, reaches=frozenset({Recipient.ASSIGNEE, Recipient.QUEUE})),
    Threshold(
        percent=100,
        reaches=frozenset({Recipient.ASSIGNEE, Recipient.SUPERVISORS}),
        raises=True,
    ),
)


def office_hours(region: str | None = None) -> CalendarDefinition:
    """Return office hours of Madrid with lunch, short Fridays and holidays, also a region's."""
    return CalendarDefinition(
        time_zone=HOME,
        weekly=((MORNING, AFTERNOON),) * 4 + ((FRIDAY,), (), ()),
        holidays=spanish_holidays(YEARS, region),
    )


def standard_plan() -> PlanDefinition:
    """Return targets by kind and priority, and who is told of them when."""
    return PlanDefinition(
        targets={
            (kind, priority): {
                Metric.FIRST_RESPONSE: timedelta(hours=response),
                Metric.PERIODIC_UPDATE: timedelta(hours=update),
                Metric.RESOLUTION: timedelta(hours=resolution),
            }
            for kind, by_priority in HOURS.items()
            for priority, (response, update, resolution) in by_priority.items()
        },
        thresholds=THRESHOLDS,
        notice_calendar=CALENDAR,
        round_the_clock=frozenset({"critical"}),
    )


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
                definition=standard_plan().to_json(),
                created_at=work.at,
                author_name=work.actor.name,
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
                created_at=work.at,
                author_name=work.actor.name,
            )
        )
    work.session.add(
        ServiceLevel(
            contract_id=event.contract_id,
            client_id=event.client_id,
            effective_on=BEGINNING,
            plan_code=PLAN,
            calendar_code=CALENDAR,
        )
    )
