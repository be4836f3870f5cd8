"""The erasure certificate: what it says, who gets it, and that nothing typed is read as markup."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from pypdf import PdfReader
from sqlalchemy import select, text

from servicedesk.core import database
from servicedesk.core.errors import NotFound
from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.orders.certificate import erasure_certificate
from servicedesk.orders.execution import execute_order
from servicedesk.orders.models import WorkOrder
from tests.desk_on_loopback import until
from tests.visitor import visiting

if TYPE_CHECKING:
    import httpx

HOSTILE = '#panic("x") *bold* $a^2$ ]"\\ <b> ' + "long" * 60


def words(answer: httpx.Response) -> str:
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/pdf"
    assert "attachment" in answer.headers["Content-Disposition"]
    pages = PdfReader(io.BytesIO(answer.content)).pages
    return "".join("".join(page.extract_text().split()) for page in pages).replace("\u200b", "")


def squeezed(words: str) -> str:
    return "".join(words.split())


@pytest.fixture
def wiped(desk):
    """An order whose device has confirmed its wipe."""
    make = desk.make
    client = make.client(name="Wiped & Sons")
    contact, agent = make.contact(client), make.agent()
    device = make.device(client, "android")
    session = database.session()
    session.execute(
        text("UPDATE device SET name = :name WHERE id = :id"), {"name": HOSTILE, "id": device.id}
    )
    session.commit()
    desk.enrol(device)
    order = make.request(contact, "device.full_wipe", device).orders[0]
    make.approve(agent, order)
    execute_order(agent, order.reference)

    def command() -> DeviceCommand | None:
        session.rollback()
        session.expire_all()
        found = session.scalars(
            select(DeviceCommand)
            .join(WorkOrder, WorkOrder.batch_id == DeviceCommand.batch_id)
            .where(WorkOrder.reference == order.reference)
        ).one()
        return found if found.state is CommandState.ACKNOWLEDGED else None

    done = until(command)
    return order.reference, done.id, device, contact, agent


def test_the_certificate_says_what_was_erased_on_whose_word_and_what_was_answered(desk, wiped):
    reference, command_id, device, contact, agent = wiped
    path = f"/orders/{reference}/commands/{command_id}/certificate.pdf"
    with visiting(desk, contact) as visitor:
        page = visitor.get(f"/portal/orders/{reference}").text
        assert f"/portal{path}" in page
        spanish = words(visitor.get(f"/portal{path}"))
        again = words(visitor.get(f"/portal{path}"))
    found = erasure_certificate(contact, reference, command_id)
    assert spanish == again
    for said in (
        "Certificado de borrado",
        "Simulado",
        "Wiped & Sons",
        device.serial,
        device.imei,
        contact.name,
        agent.name,
        reference,
        found.command_key,
        found.content_hash,
        found.fingerprint,
        "Europe/Madrid",
        HOSTILE,
    ):
        assert squeezed(said) in spanish, said


def test_the_fingerprint_changes_with_anything_that_is_said(wiped):
    reference, command_id, _device, contact, agent = wiped
    before = erasure_certificate(contact, reference, command_id)
    assert erasure_certificate(agent, reference, command_id).fingerprint == before.fingerprint
    session = database.session()
    session.rollback()
    session.execute(text("UPDATE device SET serial = serial || 'X'"))
    session.commit()
    session.expire_all()
    assert erasure_certificate(contact, reference, command_id).fingerprint != before.fingerprint


def test_there_is_none_for_strangers_for_a_lock_or_for_what_was_not_confirmed(desk, wiped):
    reference, command_id, *_ = wiped
    make = desk.make
    stranger = make.contact(make.client())
    with visiting(desk, stranger) as visitor:
        path = f"/portal/orders/{reference}/commands/{command_id}/certificate.pdf"
        assert visitor.get(path).status_code == 404
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    lock = make.request(contact, "device.lock", make.device(client, "android")).orders[0]
    execute_order(agent, lock.reference)
    session = database.session()
    session.rollback()
    unconfirmed = session.scalars(
        select(DeviceCommand.id)
        .join(WorkOrder, WorkOrder.batch_id == DeviceCommand.batch_id)
        .where(WorkOrder.reference == lock.reference)
    ).one()
    session.rollback()
    for command in (unconfirmed, command_id, 10**15):
        with pytest.raises(NotFound):
            erasure_certificate(contact, lock.reference, command)
