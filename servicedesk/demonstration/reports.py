"""A saved report of a contact and one of a supervisor, both of which come by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicedesk.core import clock
from servicedesk.reports.kinds import kind_named
from servicedesk.reports.scheduling import Plan, save_report, schedule_report
from servicedesk.reports.wishes import Wish

if TYPE_CHECKING:
    from datetime import datetime

    from servicedesk.clients.models import Client
    from servicedesk.core.actors import Actor


def save_reports(contact: Actor, supervisor: Actor, client: Client, now: datetime) -> None:
    """Save them as of today, so that they come from now on."""
    with clock.told_as(now):
        _save(
            contact,
            Wish(
                kind="tickets",
                title="Tickets del mes pasado",
                columns=_usual(contact, "tickets"),
                period="last_month",
                format="xlsx",
            ),
            Plan(rhythm="monthly", month_day=0, hour=8, recipients=_only(contact)),
        )
        _save(
            supervisor,
            Wish(
                kind="sla",
                title="Incumplimientos de la semana",
                columns=_usual(supervisor, "sla"),
                filters={"verdict": "breached"},
                period="last_7_days",
                format="csv",
                client=client.reference,
            ),
            Plan(rhythm="weekly", weekday=0, hour=7, recipients=_only(supervisor)),
        )


def _save(actor: Actor, wish: Wish, plan: Plan) -> None:
    report = save_report(actor, wish, actor.language)
    schedule_report(actor, report.reference, plan)


def _usual(actor: Actor, code: str) -> list[str]:
    kind = kind_named(code, actor)
    return [column.code for column in kind.columns_for(actor) if column.in_default]


def _only(actor: Actor) -> list[int]:
    return [actor.user_id or 0]
