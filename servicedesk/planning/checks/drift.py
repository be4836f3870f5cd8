"""Devices that have had something else than their policy says for hours."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from servicedesk.core import clock
from servicedesk.core.text import Text, msgid
from servicedesk.devices.models import Device, DeviceState
from servicedesk.devices.parameters import Kind, Parameter
from servicedesk.devices.policies.models import DevicePolicy
from servicedesk.planning.checks.check import Check
from servicedesk.planning.checks.looking import (
    clients_in,
    is_too_much,
    looking,
    share_parameter,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from servicedesk.planning.checks.check import Round

NAMED_OF_A_CLIENT = 20
MOST_NAMED = 300  # in a run; the counts are of all

COUNTED = msgid(
    "%(client)s: %(differ)s of %(devices)s devices have differed from their policy for more than"
    " %(hours)s hours although they were in touch; %(away)s more were not, and %(held)s wait for an"
    " order."
)
NAMED = msgid("Device %(device)s has differed since %(since_at)s.")


class Drift(Check):
    """Count the devices that should have caught up with their policy and have not."""

    code = "policies.drift"
    label = msgid("Devices have what their policy says")
    description = msgid(
        "Counts the devices of each client that have differed from their policy for hours although"
        " they were in touch."
    )
    for_client = True
    parameters = (
        Parameter(
            name="hours",
            label=msgid("Told after so many hours"),
            help=msgid("Whoever differs is told again within a day."),
            kind=Kind.NUMBER,
            least=1,
            most=24 * 90,
            default="24",
        ),
        share_parameter("10"),
    )

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Look at one client after another."""
        hours, percent = self.number(parameters, "hours"), self.number(parameters, "percent")
        clients = clients_in(given.client_id)
        differ = total = named = 0
        for number, client in enumerate(clients):
            given.seen(number, len(clients))
            counts, devices = _differing(client.id, clock.now() - timedelta(hours=hours))
            differ, total = differ + counts["differ"], total + counts["devices"]
            if not (counts["differ"] or counts["away"] or counts["held"]):
                continue
            is_problem = is_too_much(counts["differ"], counts["devices"], percent)
            tell = given.problem if is_problem else given.finding
            tell(
                COUNTED,
                subject=client.reference,
                client=client.name,
                hours=hours,
                **counts,
            )
            for device in devices[: MOST_NAMED - named]:
                named += 1
                given.info(
                    NAMED,
                    subject=device.reference,
                    device=device.reference,
                    since_at=device.since_at,
                )
        given.seen(len(clients), len(clients))
        return Text(
            msgid("%(differ)s of %(devices)s devices have differed for more than %(hours)s hours."),
            {"differ": differ, "devices": total, "hours": hours},
        )

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Count them."""
        counts = (
            session.execute(
                _counting(
                    clock.now() - timedelta(hours=self.number(parameters, "hours")), client_id
                )
            )
            .mappings()
            .one()
        )
        return [
            Text(
                msgid("Looks at %(devices)s devices with a policy; %(differ)s would be told."),
                {"devices": counts["devices"], "differ": counts["differ"]},
            )
        ]


SINCE = func.coalesce(DevicePolicy.drift_since, DevicePolicy.desired_at)


def _lasts(limit: datetime) -> ColumnElement[bool]:
    return and_(DevicePolicy.has_drift, limit > SINCE)


def _counting(limit: datetime, client_id: int | None) -> Select[int, int, int, int]:
    """Count who has a policy, and who differs: in touch since it is so long, away, or waiting."""
    was_there = Device.last_contact_at > SINCE
    free = ~DevicePolicy.is_held
    query = (
        select(
            func.count().label("devices"),
            func.count().filter(_lasts(limit), free, was_there).label("differ"),
            func.count()
            .filter(_lasts(limit), free, or_(~was_there, Device.last_contact_at.is_(None)))
            .label("away"),
            func.count().filter(_lasts(limit), DevicePolicy.is_held).label("held"),
        )
        .select_from(DevicePolicy)
        .join(Device, Device.id == DevicePolicy.device_id)
        .where(Device.state == DeviceState.ENROLLED)
    )
    return query if client_id is None else query.where(DevicePolicy.client_id == client_id)


def _differing(client_id: int, limit: datetime) -> tuple[dict[str, int], Sequence[Any]]:
    """Return the counts of a client, and the devices that have differed longest."""
    with looking() as session:
        counts = dict(session.execute(_counting(limit, client_id)).mappings().one())
        if not counts["differ"]:
            return counts, []
        devices = session.execute(
            select(Device.reference, SINCE.label("since_at"))
            .join(Device, Device.id == DevicePolicy.device_id)
            .where(
                DevicePolicy.client_id == client_id,
                Device.state == DeviceState.ENROLLED,
                _lasts(limit),
                ~DevicePolicy.is_held,
                Device.last_contact_at > SINCE,
            )
            .order_by(SINCE, Device.id)
            .limit(NAMED_OF_A_CLIENT)
        ).all()
    return counts, devices
