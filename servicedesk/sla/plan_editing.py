"""What a supervisor does with plans: make one, let a version follow, withdraw one to come."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import select

from servicedesk.core.errors import InvalidInput
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla.models import CalendarVersion, PlanVersion
from servicedesk.sla.plan import PlanDefinition
from servicedesk.sla.standard import HOME
from servicedesk.sla.versioning import (
    Draft,
    added,
    check_follows,
    check_within_reach,
    checked_name,
    locked_versions,
    new_code,
    withdraw_newest,
)

if TYPE_CHECKING:
    from datetime import date, datetime

    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work


PlanDraft = Draft[PlanDefinition]


def create_plan(actor: Actor, draft: PlanDraft) -> PlanVersion:
    """Make a plan with its first version; no ticket is measured by it yet, so any date will do.

    Raises Forbidden or InvalidInput with the field.
    """
    require(actor, Permission.SLA_ADMINISTER)
    with unit_of_work(actor, "sla.create_plan") as work:
        check_within_reach(draft.effective_on, home_day(work.at))
        name = checked_name(work, PlanVersion, draft.name)
        _check_notices(work, draft)
        return added(work, PlanVersion, new_code(work, PlanVersion, name), 1, name, draft)


def add_plan_version(actor: Actor, code: str, draft: PlanDraft, *, after: int) -> PlanVersion:
    """Let a version follow version `after`, for tickets that are opened from its date on.

    It may be from today on: tickets that are open keep the version they began with. Raises
    Forbidden, NotFound, Overtaken, InvalidInput with the field.
    """
    require(actor, Permission.SLA_ADMINISTER)
    with unit_of_work(actor, "sla.add_plan_version") as work:
        versions = locked_versions(work, PlanVersion, code)
        today = home_day(work.at)
        check_follows(versions, after, draft.effective_on, today)
        if draft.effective_on < today:
            raise InvalidInput(
                msgid("A version begins today or later: what has passed never changes."),
                field="effective_on",
            )
        name = checked_name(work, PlanVersion, draft.name, code)
        _check_notices(work, draft)
        return added(work, PlanVersion, code, versions[-1].version + 1, name, draft)


def withdraw_plan_version(actor: Actor, code: str, number: int) -> None:
    """Take back the newest version, which has not begun.

    Raises Forbidden, NotFound, NotAllowedNow, StillUsed.
    """
    require(actor, Permission.SLA_ADMINISTER)
    with unit_of_work(actor, "sla.withdraw_plan_version") as work:
        versions = locked_versions(work, PlanVersion, code)
        withdraw_newest(work, versions, number, home_day(work.at))
        work.concerns(None, f"{code} v{number}")


def home_day(at: datetime) -> date:
    """Return the operator's day: a plan has no zone of its own."""
    return at.astimezone(ZoneInfo(HOME)).date()


def _check_notices(work: Work, draft: PlanDraft) -> None:
    notice = draft.definition.notice_calendar
    # held until the commit, so that nobody takes the calendar away meanwhile
    known = select(CalendarVersion.id).where(
        CalendarVersion.code == notice, CalendarVersion.withdrawn_by_id.is_(None)
    )
    if notice and work.session.scalars(known.with_for_update(read=True)).first() is None:
        raise InvalidInput(msgid("Choose a calendar."), field="notice_calendar")
