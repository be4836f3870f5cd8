"""Every entry of the catalogue, from the contact's form to what the device reports, and back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

import pytest
from sqlalchemy import select

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.files import Upload
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.catalogue import ACTIONS, action_named
from servicedesk.devices.conformity.inventory import App, Inventory, take_inventories
from servicedesk.devices.conformity.models import ConformityRule
from servicedesk.devices.models import Device, DeviceGroup, DeviceGroupMember, DeviceState
from servicedesk.devices.policies import changes
from servicedesk.devices.policies.desired import refresh_desired
from servicedesk.devices.policies.documents import add_document
from servicedesk.orders.execution import execute_order
from servicedesk.orders.models import OrderState, WorkOrder
from servicedesk.tickets.models import Ticket, TicketOrder
from tests.desk_on_loopback import until
from tests.visitor import visiting

WIFI = {
    "ssid": "Oficina",
    "security": "wpa2_personal",
    "password": "una clave larga",
    "hidden": "yes",
}
MAIL = {
    "name": "Correo",
    "type": "exchange",
    "server": "mail.example.com",
    "address": "{email}",
    "oauth": "yes",
}
VPN = {
    "name": "Central",
    "server": "vpn.example.com",
    "remote_id": "vpn.example.com",
    "authentication": "secret",
    "shared_secret": "otra clave larga",
    "mode": "always_on",
}
APP = {
    "platform": "android",
    "identifier": "com.example.crm",
    "name": "CRM",
    "availability": "required",
    "min_version": "4.2",
}
SCEP = {"name": "Red", "type": "scep", "url": "https://scep.example.com/x", "challenge": "secreto"}
PEM_LESS = {"min_length": "8", "complexity": "alphanumeric", "history": "5"}


@dataclass
class Case:
    """What is filled in, and which entries the device has afterwards: section → keys."""

    fields: dict = field(default_factory=dict)
    has: dict = field(default_factory=dict)
    had: dict = field(default_factory=dict)  # before, and again after the inverse
    state: DeviceState = DeviceState.ENROLLED  # of the device before
    becomes: DeviceState = DeviceState.ENROLLED
    by_device: bool = False
    given: str = ""  # what the scene needs first


WIFI_THERE = {"wifi": ["Oficina"]}
CASES = {
    "device.lock": Case({"message": "Perdido"}, by_device=True),
    "device.locate": Case({"purpose": "Se perdió en el tren"}, by_device=True),
    "device.push_message": Case({"text": "Hola"}, by_device=True),
    "device.clear_passcode": Case(by_device=True),
    "device.enterprise_wipe": Case(
        by_device=True, had=WIFI_THERE, given="wifi", becomes=DeviceState.RETIRED
    ),
    "device.full_wipe": Case(
        by_device=True, had=WIFI_THERE, given="wifi", becomes=DeviceState.WIPED
    ),
    "config.passcode": Case(PEM_LESS, {"passcode": [""]}),
    "config.restrictions": Case({"no_camera": "yes"}, {"restrictions": [""]}),
    "config.wifi": Case(WIFI, WIFI_THERE),
    "config.mail": Case(MAIL, {"mail": ["Correo"]}),
    "config.vpn": Case(VPN, {"vpn": ["Central"]}),
    "config.certificate": Case(SCEP, {"certificates": ["Red"]}),
    "apps.publish": Case(APP, {"apps": ["android:com.example.crm"]}),
    "documents.distribute": Case({}, {"documents": ["*"]}, given="document"),
    "conformity.rule": Case(
        {
            "name": "Sin juegos",
            "kind": "app_forbidden",
            "app": "com.example.game",
            "withhold_wifi": "yes",
        },
        {},
        WIFI_THERE,
        given="game",
    ),
    "conformity.switch": Case({"active": "no"}, WIFI_THERE, {}, given="rule"),
    "policy.new_profile": Case({"name": "Tiendas"}, WIFI_THERE, given="profile"),
    "policy.assign": Case({"precedence": "50"}, WIFI_THERE, given="profile"),
    "policy.unassign": Case({}, {}, WIFI_THERE, given="assigned"),
    "policy.publish": Case({}, {"mail": ["Correo"]}, WIFI_THERE, given="draft"),
    "config.remove": Case({"section": "wifi", "key": "Oficina"}, {}, WIFI_THERE, given="wifi"),
    "policy.reconcile": Case({}, WIFI_THERE, {}, by_device=True, given="drift"),
    "device.enrol": Case(
        {}, WIFI_THERE, {}, state=DeviceState.PENDING, by_device=True, given="own"
    ),
    "device.move": Case({"to_group": "Tienda"}, WIFI_THERE, by_device=True, given="shop"),
    "device.retire": Case(
        {}, {}, WIFI_THERE, becomes=DeviceState.RETIRED, by_device=True, given="wifi"
    ),
}


def test_every_entry_has_its_case():
    assert set(CASES) == {action.code for action in ACTIONS}


class Scene:
    """A client with a group, a device in it, a contact with a page open, and two agents."""

    def __init__(self, desk, code: str, case: Case) -> None:
        self.desk, self.make, self.code, self.case = desk, desk.make, code, case
        self.client = self.make.client()
        self.contact = self.make.contact(self.client)
        self.agents = [self.make.agent(), self.make.agent()]
        kind = {"device.retire": "personal", "device.enrol": "personal"}.get(code, "android")
        kind = "ios" if code == "device.enterprise_wipe" else kind
        self.device = self.make.device(self.client, kind, state=case.state)
        desk.enrol(self.device)
        self.group = self.new_group("Ventas", self.device)
        self.extra: dict[str, str] = {}
        if case.given:
            getattr(self, f"give_{case.given}")()

    def new_group(self, name: str, *devices: Device) -> DeviceGroup:
        with unit_of_work(SYSTEM, "test.group") as work:
            group = DeviceGroup(client_id=self.client.id, name=name)
            work.session.add(group)
            work.session.flush()
            work.session.add_all(
                DeviceGroupMember(group_id=group.id, device_id=device.id, client_id=self.client.id)
                for device in devices
            )
        return group

    # what the scene begins with

    def give_wifi(self) -> None:
        self.order("config.wifi", WIFI)

    def give_own(self) -> None:
        """The group has its wifi; the device is not enrolled yet."""
        self.change_group(self.group)

    def give_shop(self) -> None:
        self.change_group(self.new_group("Tienda"))

    def change_group(self, group: DeviceGroup) -> None:
        section = action_named("config.wifi").section
        with unit_of_work(SYSTEM, "test.own") as work:
            own = changes.own_profile(work, self.client.id, group_id=group.id)
            changes.set_entry(work, own, "wifi", "Oficina", section.taken(WIFI), "test")

    def give_document(self) -> None:
        document = add_document(
            self.contact, self.client.reference, Upload(name="guia.txt", content=b"Hola")
        )
        self.extra["document"] = document.reference

    def give_rule(self) -> None:
        """A rule that the device fails withholds its wifi."""
        self.give_game()
        self.order("conformity.rule", CASES["conformity.rule"].fields)
        with database.acting_as(SYSTEM):
            found = select(ConformityRule).where(ConformityRule.client_id == self.client.id)
            self.extra["rule"] = database.session().scalars(found).one().reference

    def give_game(self) -> None:
        """The device has a wifi, and a game that a rule may forbid."""
        self.give_wifi()
        take_inventories(
            SYSTEM, {self.device.id: Inventory(apps=[App(identifier="com.example.game")])}
        )

    def give_profile(self) -> None:
        section = action_named("config.wifi").section
        with unit_of_work(SYSTEM, "test.profile") as work:
            self.profile = changes.create_profile(work, self.client.id, "Tiendas")
            changes.write_draft(
                work, self.profile, {"wifi": {"Oficina": section.taken(WIFI)}}, "test"
            )
        if self.code != "policy.new_profile":
            self.extra["profile"] = self.profile.reference

    def give_assigned(self) -> None:
        self.give_profile()
        self.order("policy.assign", {"profile": self.profile.reference})

    def give_draft(self) -> None:
        self.give_assigned()
        section = action_named("config.mail").section
        with unit_of_work(SYSTEM, "test.draft") as work:
            profile = changes.profile_named(work.session, self.client.id, self.profile.reference)
            changes.write_draft(work, profile, {"mail": {"Correo": section.taken(MAIL)}}, "test")
        self.extra["version"] = "2"

    def give_drift(self) -> None:
        """The device has not got what its group has."""
        self.give_own()
        with unit_of_work(SYSTEM, "test.drift") as work:
            assert refresh_desired(work, self.client.id) == [self.device.id]

    # what people and devices do

    def order(self, code: str, fields: dict[str, str]) -> WorkOrder:
        """Have an agent order it for the group, and wait until the device has done it."""
        action = action_named(code)
        ticket = self.make.request(
            self.agents[0],
            code,
            client=self.client,
            groups=[] if action.finds_its_targets else ["Ventas"],
            parameters=fields,
        )
        return self.finish(ticket.reference)

    def ask(self, page, fields: dict[str, str], address: str) -> WorkOrder:
        """Fill in the contact's form, send it, and have it approved and executed."""
        shown = page.get(address)
        assert shown.status_code == 200, shown.text
        once = re.search(r'name="once"[^>]*value="([^"]+)"', shown.text)[1]
        data = {
            "once": once,
            "subject": "Por favor",
            "description": "Como acordamos.",
            "impact": "low",
            "urgency": "medium",
            **preset(shown.text),
            **fields,
        }
        sent = page.post(address.split("?", maxsplit=1)[0], **data)
        assert sent.status_code == 302, faults(sent.text)
        return self.finish(sent.headers["Location"].rsplit("/", 1)[1])

    def finish(self, reference: str) -> WorkOrder:
        order = self.present(order_of(reference))
        if order.needs_approval:
            self.make.approve(self.agents[1], order)
        execute_order(self.agents[0], order.reference)
        done = until(lambda: self.ended(order), what=f"the order of {order.action_code}")
        assert done.state is OrderState.DONE
        return done

    def ended(self, order: WorkOrder) -> WorkOrder | None:
        found = self.present(order)
        return found if found.state in {OrderState.DONE, OrderState.NEEDS_DECISION} else None

    def present(self, row):
        with database.acting_as(SYSTEM):
            session = database.session()
            session.rollback()
            return session.get_one(type(row), row.id, populate_existing=True)

    def reported(self) -> dict[str, list[str]]:
        """What the device itself says it has, asked of the engine."""
        page = self.desk.engine._get("/v1/devices", {"limit": "1", "after": before(self.device)})
        (item,) = page["items"]
        assert item["id"] == self.device.external_id
        return {section: sorted(keyed) for section, keyed in item["policy"].items()}


def before(device: Device) -> str:
    """Return the text just before a device's id, for a page that begins with it."""
    return device.external_id[:-1] + chr(ord(device.external_id[-1]) - 1) + "~"


def preset(page: str) -> dict[str, list[str]]:
    """Return what a shown form holds: chosen values, ticked boxes, filled fields."""
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        kind = re.search(r'type="(\w+)"', tag)
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if not name or name[1] in {"csrf_token", "once", "q", "subject", "files"}:
            continue
        ticked = kind and kind[1] == "checkbox"
        if (ticked and " checked" in tag) or (not ticked and value and value[1]):
            found.setdefault(name[1], []).append(unescape(value[1]) if value else "")
    for select_tag in re.findall(r"<select.*?</select>", page, re.DOTALL):
        name = re.search(r'name="([^"]+)"', select_tag)[1]
        chosen = re.search(r'<option selected value="([^"]*)"', select_tag)
        if chosen and chosen[1]:
            found[name] = [unescape(chosen[1])]
    return found


def faults(page: str) -> str:
    return " | ".join(re.findall(r'(?:field-error|role="alert")[^>]*>(.*?)</div>', page, re.DOTALL))


def order_of(ticket_reference: str) -> WorkOrder:
    with database.acting_as(SYSTEM):
        session = database.session()
        session.rollback()
        return session.scalars(
            select(WorkOrder)
            .join(TicketOrder, TicketOrder.order_id == WorkOrder.id)
            .join(Ticket, Ticket.id == TicketOrder.ticket_id)
            .where(Ticket.reference == ticket_reference)
        ).one()


@pytest.mark.parametrize("code", list(CASES))
def test_from_the_form_to_the_device_and_back(desk, code):
    case, action = CASES[code], action_named(code)
    scene = Scene(desk, code, case)
    if case.state is DeviceState.ENROLLED:
        until(lambda: scene.reported() == case.had, what=f"{case.had} to be there before")
    address = f"/portal/ask/action/{code}"
    if not action.finds_its_targets:
        target = scene.device.reference if case.by_device else "Ventas"
        address += f"?{'device' if case.by_device else 'group'}={target}"
    with visiting(desk, scene.contact) as page:
        done = scene.ask(page, {**case.fields, **scene.extra}, address)
        has = case.has
        if "documents" in has:
            has = {"documents": [scene.extra["document"]]}
        until(lambda: scene.reported() == has, what=f"{has}, not {scene.reported()}")
        assert scene.present(scene.device).state is case.becomes
        if not action.inverse:
            assert done.undo is None
            return
        shown = page.get(f"/portal/orders/{done.reference}").text
        back = unescape(re.search(r'href="([^"]*/ask/action/[^"]*)"', shown)[1])
        assert done.undo["code"] in back
        scene.ask(page, {}, back)
        until(lambda: scene.reported() == case.had, what=f"{case.had}, not {scene.reported()}")
        assert scene.present(scene.device).state in {case.state, DeviceState.RETIRED}
