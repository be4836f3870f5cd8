"""Wipe limits on the contract's form, and the second supervisor's page."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from servicedesk.clients.models import Contract
from servicedesk.core import database
from tests.desk_on_loopback import PASSWORD
from tests.pages.test_accessible import look
from tests.visitor import visiting


@pytest.fixture
def contract(desk):
    client = desk.make.client()
    session = database.session()
    found = session.scalars(select(Contract).where(Contract.client_id == client.id)).one()
    values = {
        "modality": found.modality.value,
        "starts_on": found.starts_on.isoformat(),
        "ends_on": found.ends_on.isoformat(),
        "time_zone": found.time_zone,
        "blocks": list(found.blocks),
        "engagement_days": "16",
        "wipes_per_order": "1",
        "wipes_per_hour": "5",
        "wipe_share_per_day": "2",
        "cancel_window_minutes": "30",
        "location_days": "30",
    }
    reference = found.reference
    session.rollback()
    return f"/desk/admin/clients/contracts/{reference}", f"/desk/clients/{client.reference}", values


def test_the_form_shows_what_holds_and_says_what_is_wrong_beside_each_field(desk, contract):
    address, _client, values = contract
    with visiting(desk, desk.make.supervisor()) as visitor:
        page = visitor.get(f"{address}/edit").text
        for name, value in values.items():
            if name.startswith(("wipe", "cancel")):
                assert f'id="{name}"' in page
                assert f'value="{value}"' in page
        for name, wrong in (
            ("wipes_per_order", "0"),
            ("wipes_per_order", "101"),
            ("wipes_per_order", "9" * 30),
            ("wipes_per_order", "ten"),
            ("wipes_per_order", ""),
            ("wipes_per_hour", "1001"),
            ("cancel_window_minutes", "4"),
            ("cancel_window_minutes", "1441"),
            ("wipe_share_per_day", "25.1"),
            ("wipe_share_per_day", "-1"),
            ("wipe_share_per_day", "2.55"),
            ("wipe_share_per_day", "NaN"),
            ("wipe_share_per_day", "sNaN"),
            ("wipe_share_per_day", "Infinity"),
            ("wipe_share_per_day", "1e999999"),
        ):
            answer = visitor.post(f"{address}/edit", **(values | {name: wrong}))
            assert answer.status_code == 422, (name, wrong)
            assert f'value="{wrong}"' in answer.text, (name, wrong)
            says = answer.text.split(f'id="{name}-says"')[1].split("</div>")[0]
            assert "field-error" in says, (name, wrong)


def test_looser_limits_wait_on_the_clients_page_until_another_supervisor_agrees(desk, contract):
    address, client, values = contract
    make = desk.make
    first, second, agent = make.supervisor(), make.supervisor(), make.agent()
    with visiting(desk, first) as visitor:
        visitor.get(f"{address}/edit")
        asked = visitor.post(
            f"{address}/edit", **(values | {"wipes_per_order": "12", "wipe_share_per_day": "2.5"})
        )
        assert asked.status_code == 302
        page = visitor.get(client).text
        assert f"{first.name} pide límites de borrado más amplios" in page
        assert "12 terminales por orden" in page
        own = visitor.get(f"{address}/limits").text
        assert 'name="password"' not in own
        assert visitor.post(f"{address}/limits", password=PASSWORD).status_code == 403
    with visiting(desk, agent) as visitor:
        assert f"{first.name} pide" in visitor.get(client).text
        for path in ("limits", "limits/withdraw"):
            assert visitor.post(f"{address}/{path}", password=PASSWORD).status_code in {403, 404}
    with visiting(desk, second) as visitor:
        page = visitor.get(f"{address}/limits").text
        assert "2,5" in page
        wrong = visitor.post(f"{address}/limits", password="not this one")
        assert wrong.status_code == 422
        assert "Esta no es su contraseña actual." in wrong.text
        assert "not this one" not in wrong.text
        assert visitor.post(f"{address}/limits", password="").status_code == 422
        agreed = visitor.post(f"{address}/limits", password=PASSWORD)
        assert agreed.headers["Location"].endswith(client)
        page = visitor.get(client).text
        assert "12 terminales por orden" in page
        assert "pide límites" not in page
        assert visitor.get(f"{address}/limits").status_code == 302


def test_the_pages_are_for_everybody(desk, sign_in, contract):
    address, client, values = contract
    make = desk.make
    with visiting(desk, make.supervisor()) as visitor:
        visitor.get(f"{address}/edit")
        visitor.post(f"{address}/edit", **(values | {"wipes_per_order": "12"}))
    page = sign_in(make.supervisor())
    assert look(desk, page, [f"{address}/edit", f"{address}/limits", client]) == []
