"""What a supervisor does with calendars: make one, let a version follow, withdraw one to come."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import select

from servicedesk.core.errors import InvalidInput
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla.calendar import CalendarDefinition
from servicedesk.sla.models import CalendarVersion, PlanVersion
from servicedesk.sla.replanning import REFRESH_CALENDAR
from servicedesk.sla.versioning import (
    Draft,
    StillUsed,
    added,
    check_follows,
    check_within_reach,
    checked_name,
    live_of,
    locked_versions,
    new_code,
    withdraw_newest,
)

if TYPE_CHECKING:
    from servicedesk.core.actors import Actor
    from servicedesk.core.unit_of_work import Work

# a ticket that was being opened while the version was saved may still know nothing of it
SECOND_LOOK = timedelta(minutes=2)


CalendarDraft = Draft[CalendarDefinition]


def create_calendar(actor: Actor, draft: CalendarDraft) -> CalendarVersion:
    """Make a calendar with its first version; nothing is measured by it yet, so any date will do.

    Raises Forbidden or InvalidInput with the field.
    """
    require(actor, Permission.SLA_ADMINISTER)
    _check_zone(draft.definition.time_zone)
    with unit_of_work(actor, "sla.create_calendar") as work:
        check_within_reach(draft.effective_on, work.at.date())
        name = checked_name(work, CalendarVersion, draft.name)
        return added(work, CalendarVersion, new_code(work, CalendarVersion, name), 1, name, draft)


def add_calendar_version(
    actor: Actor, code: str, draft: CalendarDraft, *, after: int
) -> CalendarVersion:
    """Let a version follow version `after`, which whoever asks has seen as the newest.

    Raises Forbidden, NotFound, Overtaken, InvalidInput with the field.
    """
    require(actor, Permission.SLA_ADMINISTER)
    with unit_of_work(actor, "sla.add_calendar_version") as work:
        versions = locked_versions(work, CalendarVersion, code)
        zone = versions[-1].definition["time_zone"]
        if draft.definition.time_zone != zone:
            raise InvalidInput(
                msgid("The time zone of a calendar is fixed: make another calendar."),
                field="time_zone",
            )
        today = work.at.astimezone(ZoneInfo(zone)).date()
        check_follows(versions, after, draft.effective_on, today)
        if draft.effective_on <= today:
            raise InvalidInput(
                msgid("A version begins tomorrow or later: what has passed never changes."),
                field="effective_on",
            )
        name = checked_name(work, CalendarVersion, draft.name, code)
        version = added(work, CalendarVersion, code, versions[-1].version + 1, name, draft)
        _have_refreshed(work, code)
    return version


def withdraw_calendar_version(actor: Actor, code: str, number: int) -> None:
    """Take back the newest version, which has not begun.

    Raises Forbidden, NotFound, NotAllowedNow, StillUsed.
    """
    require(actor, Permission.SLA_ADMINISTER)
    with unit_of_work(actor, "sla.withdraw_calendar_version") as work:
        versions = locked_versions(work, CalendarVersion, code)
        zone = ZoneInfo(versions[-1].definition["time_zone"])
        if len(live_of(versions)) == 1 and _is_noticed(work, code):
            raise StillUsed
        withdraw_newest(work, versions, number, work.at.astimezone(zone).date())
        work.concerns(None, f"{code} v{number}")
        _have_refreshed(work, code)


def _is_noticed(work: Work, code: str) -> bool:
    """Whether some plan tells people in the hours of this calendar."""
    noticed = PlanVersion.definition["notice_calendar"].astext == code
    return work.session.scalar(select(PlanVersion.id).where(noticed).limit(1)) is not None


def _check_zone(zone: str) -> None:
    if zone not in available_timezones():
        raise InvalidInput(msgid("This is not a time zone."), field="time_zone")


def _have_refreshed(work: Work, code: str) -> None:
    """Have the open clocks of a calendar brought up to date."""
    for at in (None, work.at + SECOND_LOOK):
        work.enqueue(REFRESH_CALENDAR, at=at, lock=f"sla.calendar.{code}", code=code)
