"""Devices that have not been in touch for days."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, func, select

from servicedesk.core import clock
from servicedesk.core.text import Text, msgid
from servicedesk.devices.models import Device, DeviceState
from servicedesk.devices.parameters import Kind, Parameter
from servicedesk.planning.checks.check import Check
from servicedesk.planning.checks.looking import (
    clients_in,
    count_clients,
    is_too_much,
    looking,
    share_parameter,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from servicedesk.planning.checks.check import Round

NAMED_OF_A_CLIENT = 20
MOST_NAMED = 300  # in a run; the counts are of all

COUNTED = msgid(
    "%(client)s: %(silent)s of %(devices)s devices have not been in touch for %(days)s days."
)
NAMED = msgid("Device %(device)s was last in touch on %(contact_at)s.")
NEVER = msgid("Device %(device)s has never been in touch.")


class SilentDevices(Check):
    """Count the silent devices of each client, and name those that are silent longest."""

    code = "devices.silent"
    label = msgid("Devices are in touch")
    description = msgid(
        "Counts the enrolled devices of each client that have been silent for days."
    )
    for_client = True
    parameters = (
        Parameter(
            name="days",
            label=msgid("Silent after so many days"),
            kind=Kind.NUMBER,
            least=1,
            most=365,
            default="14",
        ),
        share_parameter("25"),
    )

    def run(self, given: Round, parameters: Mapping[str, str]) -> Text:
        """Look at one client after another."""
        days, percent = self.number(parameters, "days"), self.number(parameters, "percent")
        clients = clients_in(given.client_id)
        silent = total = named = 0
        for number, client in enumerate(clients):
            given.seen(number, len(clients))
            counts, devices = _silent(client.id, clock.now() - timedelta(days=days))
            silent, total = silent + counts.silent, total + counts.devices
            if not counts.silent:
                continue
            is_problem = is_too_much(counts.silent, counts.devices, percent)
            tell = given.problem if is_problem else given.finding
            tell(
                COUNTED,
                subject=client.reference,
                client=client.name,
                silent=counts.silent,
                devices=counts.devices,
                days=days,
            )
            devices = devices[: MOST_NAMED - named]
            _name(given, devices)
            named += len(devices)
        given.seen(len(clients), len(clients))
        return Text(
            msgid("%(silent)s of %(devices)s devices have not been in touch for %(days)s days."),
            {"silent": silent, "devices": total, "days": days},
        )

    def preview(
        self, session: Session, client_id: int | None, parameters: Mapping[str, str]
    ) -> Sequence[Text]:
        """Count them."""
        limit = clock.now() - timedelta(days=self.number(parameters, "days"))
        query = select(func.count()).where(Device.state == DeviceState.ENROLLED)
        if client_id is not None:
            query = query.where(Device.client_id == client_id)
        return [
            Text(
                msgid(
                    "Looks at %(devices)s devices of %(clients)s clients; %(silent)s are silent now."
                ),
                {
                    "devices": session.scalar(query),
                    "clients": count_clients(session, client_id),
                    "silent": session.scalar(query.where(_is_silent(limit))),
                },
            )
        ]


def _is_silent(limit: datetime) -> ColumnElement[bool]:
    """Return the condition that a device was last in touch, or else enrolled, before a time."""
    return and_(
        Device.state == DeviceState.ENROLLED,
        func.coalesce(Device.last_contact_at, Device.enrolled_at) < limit,
    )


def _silent(client_id: int, limit: datetime) -> tuple[Any, Sequence[Any]]:
    """Return how many devices of a client there are and are silent, and the first of these."""
    with looking() as session:
        counts = session.execute(
            select(
                func.count().label("devices"),
                func.count().filter(_is_silent(limit)).label("silent"),
            ).where(Device.client_id == client_id, Device.state == DeviceState.ENROLLED)
        ).one()
        if not counts.silent:
            return counts, []
        devices = session.execute(
            select(Device.reference, Device.last_contact_at)
            .where(Device.client_id == client_id, _is_silent(limit))
            .order_by(Device.last_contact_at.nulls_first(), Device.id)
            .limit(NAMED_OF_A_CLIENT)
        ).all()
    return counts, devices


def _name(given: Round, devices: Sequence[Any]) -> None:
    for device in devices:
        known: dict[str, object] = {"device": device.reference}
        if device.last_contact_at is not None:
            known["contact_at"] = device.last_contact_at
        words = NEVER if device.last_contact_at is None else NAMED
        given.info(words, subject=device.reference, **known)
