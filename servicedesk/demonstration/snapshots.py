"""How the fleets of the demonstration stood at the ends of thirteen months, and of the last days."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select

from servicedesk.clients.contracts import contract_in_force
from servicedesk.core import clock
from servicedesk.core.actors import SYSTEM
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.conformity.models import Conformity
from servicedesk.devices.conformity.snapshots import LISTS, FleetSnapshot, take_snapshots
from servicedesk.devices.conformity.standing import JUDGED, standing
from servicedesk.devices.models import Device

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from servicedesk.clients.models import Client
    from servicedesk.core.unit_of_work import Work

MONTHS = 13
LAST_DAYS = 7
YEAR = 365
LATE = 0.2  # of what conforms today, this part did not a year ago


def remember_fleets(clients: Sequence[Client], dice: Random, now: datetime) -> None:
    """Write the ends of past months and days as the devices of today would have been, then yesterday's.

    The rules of today stand for those of the whole year, which has seen fewer and fewer fail.
    """
    with unit_of_work(SYSTEM, "demonstration.snapshots") as work:
        rows = [row for client in clients for row in _past_of(work, client, dice, now)]
        work.session.execute(insert(FleetSnapshot), rows)
    with clock.told_as(now):
        take_snapshots()


def _past_of(work: Work, client: Client, dice: Random, now: datetime) -> Iterator[dict[str, Any]]:
    today = now.date()
    contract = contract_in_force(work.session, client.id, today)
    if contract is None:
        return
    zone = ZoneInfo(contract.time_zone)
    today = now.astimezone(zone).date()
    devices = work.session.execute(
        select(Device.reference, Device.enrolled_at, standing())
        .where(Device.client_id == client.id, JUDGED)
        .order_by(Device.reference)
    ).all()
    # how long ago each began to stand as it does
    since = {device.reference: _since(device[2], dice) for device in devices}
    for day, keeps_lists in _days(today):
        end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
        lists: dict[str, list[str]] = {name: [] for name in LISTS}
        for reference, enrolled_at, stands in devices:
            if enrolled_at is not None and enrolled_at < end:
                lists[_stood(stands, since[reference], (today - day).days)].append(reference)
        yield {
            "client_id": client.id,
            "on_day": day,
            "taken_at": end + timedelta(minutes=7),
            "managed": sum(map(len, lists.values())),
            **{name: len(found) for name, found in lists.items()},
            **{LISTS[name]: found if keeps_lists else None for name, found in lists.items()},
        }


def _days(today: date) -> Iterator[tuple[date, bool]]:
    """Yield the ends of months and the last days before yesterday, and whether devices are kept."""
    yesterday = today - timedelta(days=1)
    ends, first = set(), today.replace(day=1)
    for _ in range(MONTHS):
        ends.add(first - timedelta(days=1))
        first = (first - timedelta(days=1)).replace(day=1)
    days = ends | {yesterday - timedelta(days=back) for back in range(1, LAST_DAYS)}
    for day in sorted(days - {yesterday}):
        yield day, day in ends


def _since(stands: str | None, dice: Random) -> int:
    """Return for how many days a device has stood as it does; most have for longer than a year."""
    if stands == Conformity.FAILING.value:
        return dice.randrange(3, 4 * YEAR)
    return int(dice.random() / LATE * YEAR)


def _stood(stands: str | None, since: int, days_ago: int) -> str:
    """Return in which list a device was: before it stood as it does, it was the other way round."""
    if stands is None:
        return "without_rules"
    if days_ago <= since or stands == Conformity.UNKNOWN.value:
        return stands
    is_failing = stands == Conformity.FAILING.value
    return (Conformity.CONFORMING if is_failing else Conformity.FAILING).value
