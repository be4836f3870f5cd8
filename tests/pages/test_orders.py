"""The page of a work order: what was refused stands beside its field, and what was typed stays."""

from __future__ import annotations

import pytest

from servicedesk.orders.execution import execute_order
from tests.desk_on_loopback import PASSWORD
from tests.visitor import visiting


@pytest.fixture
def wipe(desk):
    make = desk.make
    client = make.client()
    device = make.device(client, "android")
    order = make.request(make.contact(client), "device.full_wipe", device).orders[0]
    return make.agent(), f"/desk/orders/{order.reference}", device.serial[-4:], client


def test_a_wrong_password_keeps_what_was_typed_and_says_so_beside_the_field(desk, wipe):
    agent, page, serial, _client = wipe
    with visiting(desk, agent) as visitor:
        visitor.get(page)
        refused = visitor.post(f"{page}/approve", password="not this one", confirmation=serial)
        assert refused.status_code == 422
        assert "Esta no es su contraseña actual." in refused.text
        assert f'value="{serial}"' in refused.text
        assert "not this one" not in refused.text
        unsure = visitor.post(f"{page}/approve", password=PASSWORD, confirmation="0000")
        assert unsure.status_code == 422
        assert "Escriba exactamente lo que se pide." in unsure.text
        assert visitor.post(f"{page}/approve", confirmation=serial).status_code == 403
        assert (
            visitor.post(f"{page}/approve", password=PASSWORD, confirmation=serial)
            .headers["Location"]
            .endswith(page)
        )


def test_a_bad_plan_is_refused_with_what_was_typed(desk, wipe):
    agent, page, *_ = wipe
    with visiting(desk, agent) as visitor:
        visitor.get(page)
        refused = visitor.post(f"{page}/plan", sizes="ten<b>", waits="1", failure_percent="5")
        assert refused.status_code == 422
        for data in (
            {"sizes": "1", "waits": "x", "failure_percent": "5"},
            {"sizes": "1", "waits": "1", "failure_percent": "9" * 40},
            {"sizes": "\x00", "waits": "1", "failure_percent": "5"},
        ):
            assert visitor.post(f"{page}/plan", **data).status_code == 422


def test_the_stop_is_pressed_by_the_contact_and_released_by_two_of_the_operator(desk, wipe):
    *_, client = wipe
    make = desk.make
    contact, first, second = make.contact(client), make.agent(), make.supervisor()
    with visiting(desk, contact) as visitor:
        shown = visitor.get("/portal/stops/", follow_redirects=True)
        assert "Parar ahora todos los borrados" in shown.text
        empty = visitor.post(f"/portal/stops/{client.reference}/stop", reason=" ")
        assert empty.status_code == 422
        visitor.post(f"/portal/stops/{client.reference}/stop", reason="No lo hemos pedido")
        shown = visitor.get(f"/portal/stops/{client.reference}")
        assert "Todo lo destructivo está parado" in shown.text
        assert "No lo hemos pedido" in shown.text
    with visiting(desk, first) as visitor:
        visitor.get(f"/desk/stops/{client.reference}")
        visitor.post(f"/desk/stops/{client.reference}/ask-release")
        again = visitor.post(f"/desk/stops/{client.reference}/release")
        assert again.status_code == 403
    with visiting(desk, second) as visitor:
        visitor.get(f"/desk/stops/{client.reference}")
        visitor.post(f"/desk/stops/{client.reference}/release")
        assert "No hay nada parado" in visitor.get(f"/desk/stops/{client.reference}").text


def test_a_device_that_was_commanded_has_a_page(desk):
    make = desk.make
    client = make.client()
    contact, device = make.contact(client), make.device(client, "android")
    order = make.request(contact, "device.lock", device).orders[0]
    execute_order(make.agent(), order.reference)
    with visiting(desk, contact) as visitor:
        page = visitor.get(f"/portal/devices/{device.reference}")
    assert page.status_code == 200
    assert "Bloqueo" in page.text.split('id="commands"')[1]
