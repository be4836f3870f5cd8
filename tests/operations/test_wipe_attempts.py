"""Five hundred ways to get a wipe past its second person, two hundred stolen proofs: none leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select, text

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.errors import DomainError
from servicedesk.devices.commands import DeviceCommand
from servicedesk.orders.approval import approve_order
from servicedesk.orders.execution import execute_order
from servicedesk.orders.models import OrderState, WorkOrder
from tests.operations.test_brakes import proof

ATTEMPTS = 500
REPLAYS = 200
ORDERS = 12


class Attempts:
    """An attacker with an account, and everything that is known of others."""

    def __init__(self, make) -> None:
        self.make, self.dice = make, Random(11)
        client = make.client()
        self.devices = make.fleet(client, 60)
        self.contact, self.author = make.contact(client), make.agent()
        self.agent, self.fresh = make.agent(), make.agent()
        self.manager = make.person(Role.ACCOUNT_MANAGER, client)
        self.stranger = make.contact()
        with database.acting_as(SYSTEM):
            database.session().execute(
                text('UPDATE "user" SET role_since = now() WHERE id = :id'),
                {"id": self.fresh.user_id},
            )
            database.session().commit()
        self.orders = [self.order(self.author, device) for device in self.devices[:ORDERS]]
        self.serials = {
            order.id: device.serial[-4:]
            for order, device in zip(self.orders, self.devices, strict=False)
        }

    def order(self, author, device) -> WorkOrder:
        return self.make.request(author, "device.full_wipe", device).orders[0]

    def one(self) -> None:
        """Try something that must not work."""
        order, other = self.dice.sample(self.orders, 2)
        serial = self.serials[order.id]
        self.dice.choice(
            [
                lambda: approve_order(
                    self.author, order.reference, proof(self.author, order), serial
                ),
                lambda: approve_order(
                    self.fresh, order.reference, proof(self.fresh, order), serial
                ),
                lambda: approve_order(
                    self.manager, order.reference, proof(self.manager, order), serial
                ),
                lambda: approve_order(
                    self.contact, order.reference, proof(self.contact, order), serial
                ),
                lambda: approve_order(
                    self.stranger, order.reference, proof(self.stranger, order), serial
                ),
                lambda: approve_order(
                    replace(self.author, role=Role.SUPERVISOR),
                    order.reference,
                    proof(self.author, order),
                    serial,
                ),
                lambda: approve_order(
                    self.agent, order.reference, proof(self.author, order), serial
                ),
                lambda: approve_order(self.agent, order.reference, None, serial),
                lambda: approve_order(
                    self.agent, order.reference, proof(self.agent, order), self.serials[other.id]
                ),
                lambda: execute_order(self.author, order.reference),
                lambda: execute_order(self.agent, order.reference),
                lambda: execute_order(self.contact, order.reference),
            ]
        )()


@pytest.fixture
def attempts(make):
    return Attempts(make)


def untouched(make) -> bool:
    session = database.session()
    session.rollback()
    states = set(session.scalars(select(WorkOrder.state)))
    return (
        states == {OrderState.AWAITING_APPROVAL}
        and not session.scalars(select(DeviceCommand.id)).all()
        and not make.engine.submitted
    )


def test_none_of_five_hundred_attempts_reaches_the_engine(make, attempts):
    for _ in range(ATTEMPTS):
        with pytest.raises(DomainError):
            attempts.one()
    assert untouched(make)


def test_none_of_two_hundred_proofs_opens_anything_but_its_own_order(make, attempts):
    """A proof is bound to one content; replayed on another order, or too late, it is nothing."""
    proofs = [proof(attempts.agent, order) for order in attempts.orders]
    for number in range(REPLAYS):
        order = attempts.orders[number % ORDERS]
        stolen = attempts.dice.choice(
            [one for one in proofs if one.purpose != order.content_hash]
            if number % 2
            else [
                replace(proofs[number % ORDERS], at=datetime.now(UTC) - timedelta(minutes=minutes))
                for minutes in (5, 6, 60, -1)
            ]
        )
        with pytest.raises(DomainError):
            approve_order(attempts.agent, order.reference, stolen, attempts.serials[order.id])
    assert untouched(make)


def test_an_order_edited_after_its_approval_never_runs(make, attempts):
    edits = (
        "UPDATE order_target SET device_id = (SELECT max(id) FROM device) WHERE order_id = :order",
        "UPDATE work_order SET action_code = 'device.enterprise_wipe' WHERE id = :order",
        'UPDATE work_order SET parameters = \'{"x": "y"}\' WHERE id = :order',
        (
            "INSERT INTO order_target (order_id, client_id, device_id, position, possible)"
            " SELECT o.id, o.client_id, d.id, 9, true FROM work_order o,"
            " (SELECT max(id) - 1 AS id FROM device) d WHERE o.id = :order"
        ),
    )
    for order, edit in zip(attempts.orders, edits * 3, strict=True):
        make.approve(attempts.agent, order)
        with database.acting_as(SYSTEM):
            database.session().execute(text(edit), {"order": order.id})
            database.session().commit()
        with pytest.raises(DomainError):
            execute_order(attempts.author, order.reference)
    session = database.session()
    session.rollback()
    assert not session.scalars(select(DeviceCommand.id)).all()
    assert not make.engine.submitted
