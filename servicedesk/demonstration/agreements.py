"""What the contracts of the story are measured by: plans and calendars of their own."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import select

from servicedesk.clients.models import Contract
from servicedesk.core import clock
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla.agreements import NewLevel, agree, state_of
from servicedesk.sla.calendar import CalendarDefinition, Holiday, OpenInterval
from servicedesk.sla.calendar_editing import (
    CalendarDraft,
    add_calendar_version,
    create_calendar,
)
from servicedesk.sla.cycles import Metric, WorkingDays
from servicedesk.sla.models import ServiceLevel
from servicedesk.sla.plan import Recipient, Threshold
from servicedesk.sla.plan_editing import PlanDraft, create_plan
from servicedesk.sla.standard import BEGINNING, YEARS, office_hours, standard_plan

if TYPE_CHECKING:
    from datetime import datetime

    from servicedesk.clients.models import Client
    from servicedesk.core.actors import Actor
    from servicedesk.sla.plan import PlanDefinition

MADRID = ZoneInfo("Europe/Madrid")
ALL_DAY = OpenInterval(0, 24 * 60)
SUMMER = OpenInterval(8 * 60, 15 * 60)


def agree_levels(supervisor: Actor, logistics: Client, health: Client) -> None:
    """Have logistics measured on Bilbao's days, and health day and night, from this day on."""
    bilbao = create_calendar(
        supervisor,
        CalendarDraft(name="Oficina de Bilbao", effective_on=BEGINNING, definition=_bilbao()),
    )
    always = create_calendar(
        supervisor,
        CalendarDraft(
            name="Atención 24×7",
            effective_on=BEGINNING,
            definition=CalendarDefinition(
                time_zone="Europe/Madrid", weekly=((ALL_DAY,),) * 7, holidays=()
            ),
        ),
    )
    plan = create_plan(
        supervisor,
        PlanDraft(name="Sanidad", effective_on=BEGINNING, definition=_health_plan()),
    )
    _agree(supervisor, logistics, "standard", bilbao.code, "Festivos de Bilbao en contrato.")
    _agree(supervisor, health, plan.code, always.code, "Guardias de las clínicas.")


def plan_summer(supervisor: Actor, now: datetime) -> None:
    """Let a version of Bilbao's calendar come: next year's summer ends at three."""
    with clock.told_as(now - timedelta(days=3)):
        summer = replace(_bilbao(), weekly=((SUMMER,),) * 5 + ((), ()))
        add_calendar_version(
            supervisor,
            "oficina-de-bilbao",
            CalendarDraft(
                name="Oficina de Bilbao",
                effective_on=date(now.year + 1, 7, 1),
                definition=summer,
            ),
            after=1,
        )


def _bilbao() -> CalendarDefinition:
    """Return office hours with the days of the Basque Country and the town's own."""
    office = office_hours("PV")
    own = tuple(Holiday(date(year, 8, 21), "Aste Nagusia", 14 * 60) for year in YEARS)
    return replace(office, holidays=tuple(sorted((*office.holidays, *own), key=lambda h: h.on)))


def _health_plan() -> PlanDefinition:
    """Return the standard with what is critical in half the time, and news of it every hour."""
    standard = standard_plan()
    targets = {row: dict(by_metric) for row, by_metric in standard.targets.items()}
    targets["incident", "critical"] = {
        Metric.FIRST_RESPONSE: timedelta(minutes=15),
        Metric.PERIODIC_UPDATE: timedelta(hours=1),
        Metric.RESOLUTION: timedelta(hours=2),
    }
    for kind in ("incident", "request", "query"):
        targets[kind, "low"][Metric.RESOLUTION] = WorkingDays(days=5)
    managers = Threshold(
        percent=150, reaches=frozenset({Recipient.SUPERVISORS, Recipient.ACCOUNT_MANAGERS})
    )
    return replace(standard, targets=targets, thresholds=(*standard.thresholds, managers))


def _agree(supervisor: Actor, client: Client, plan: str, calendar: str, reason: str) -> None:
    with unit_of_work(SYSTEM, "demonstration.look") as work:
        contract = work.session.scalars(
            select(Contract).where(Contract.client_id == client.id)
        ).one()
        levels = work.session.scalars(
            select(ServiceLevel)
            .where(ServiceLevel.contract_id == contract.id)
            .order_by(ServiceLevel.effective_on)
        ).all()
        seen = state_of(levels)
    wanted = NewLevel(
        plan_code=plan,
        calendar_code=calendar,
        effective_on=clock.now().astimezone(MADRID).date(),
        reason=reason,
        seen=seen,
    )
    agree(supervisor, contract.reference, wanted)
