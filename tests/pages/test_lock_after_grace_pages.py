"""The lock of a rule, from its form to the ticket that both audiences read."""

from __future__ import annotations

from sqlalchemy import select

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.devices.conformity.inventory import Inventory, take_inventories
from servicedesk.devices.conformity.models import ConformityRule
from servicedesk.tickets.lock_after_grace import lock_failing
from servicedesk.tickets.models import Ticket
from tests.visitor import visiting


def test_a_rule_that_locks_is_made_on_its_form_and_told_on_its_ticket(desk):
    make = desk.make
    client = make.client()
    contact, agent, stranger = make.contact(client), make.agent(), make.contact(make.client())
    device = make.device(client, "android")
    take_inventories(SYSTEM, {device.id: Inventory(has_passcode=False)})
    with visiting(desk, agent) as visitor:
        form = f"/desk/conformity/new/passcode_missing?client={client.reference}"
        page = visitor.get(form).text
        assert "Horas de gracia antes del bloqueo" in page
        values = {"name": "Código", "consequences": ["lock"], "platform": "", "group": ""}
        refused = visitor.post(form, **values, grace_hours="9000")
        assert refused.status_code == 422
        assert 'value="9000"' in refused.text
        made = visitor.post(form, **values, grace_hours="0")
        assert made.status_code == 302, made.text
    rule = database.session().scalars(
        select(ConformityRule).where(ConformityRule.client_id == client.id)
    )
    number, reference = next((row.id, row.reference) for row in rule)
    database.session().rollback()
    lock_failing(number)
    ticket = database.session().scalars(select(Ticket).where(Ticket.client_id == client.id)).one()
    path = f"tickets/{ticket.reference}"
    database.session().rollback()
    for person, audience in ((contact, "portal"), (agent, "desk")):
        with visiting(desk, person) as visitor:
            page = visitor.get(f"/{audience}/{path}").text
            assert f"Código · {reference}" in page
            assert "1 terminal sigue sin cumplir una regla" in page
            assert f'href="/{audience}/conformity/{reference}"' in page
            assert device.reference in page
    with visiting(desk, stranger) as visitor:
        assert visitor.get(f"/portal/{path}").status_code == 404


def test_the_api_takes_a_rule_that_locks(desk):
    make = desk.make
    client = make.client()
    rule = {
        "client": client.reference,
        "name": "Code",
        "kind": "passcode_missing",
        "parameters": {},
        "consequences": ["mark", "lock"],
        "grace_hours": 12,
    }
    answer = desk.api(make.agent()).post("/conformity-rules", json=rule)
    assert answer.status_code == 201, answer.text
    assert answer.json()["consequences"] == ["mark", "lock"]
