"""Form, API and execution say the same of every device, for every action, in the same words."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from servicedesk.accounts.tokens import create_token
from servicedesk.clients.models import Contract, FunctionalBlock
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.devices.catalogue import ACTIONS
from servicedesk.devices.commands import CommandBatch
from servicedesk.devices.models import Device, DeviceState, Management, Ownership, Platform
from servicedesk.orders.jobs import advance_due
from servicedesk.orders.models import WorkOrder
from tests.journeys.test_every_action import CASES
from tests.pages.test_statements import app, entered

__all__ = ["app"]  # a fixture

FLEET = 4
PRIVATE = {Management.USER_ENROLMENT, Management.WORK_PROFILE_PERSONAL}
LINE = re.compile(
    r'value="(DEV-[0-9]+)" checked>.*?</label>\s*<span class="pill pill-(good|bad)">'
    r".*?</span>\s*(?:<span>(.*?)</span>)?\s*</li>",
    re.DOTALL,
)


@st.composite
def devices(draw) -> dict[str, object]:
    """Anything the tables can hold, sensible or not."""
    management = draw(st.sampled_from(Management))
    is_private = management in PRIVATE
    return {
        "platform": draw(st.sampled_from(Platform)),
        "management": management,
        "ownership": Ownership.PERSONAL if is_private else draw(st.sampled_from(Ownership)),
        "manufacturer": draw(st.sampled_from(("Apple", "Samsung", "Zebra", "Xiaomi"))),
        "os_version": draw(st.sampled_from(("7.1", "8", "11", "13.7", "17.5", "26.1", "", "junk"))),
        "state": draw(st.sampled_from((DeviceState.ENROLLED, *DeviceState))),
    }


fleets = st.lists(devices(), min_size=FLEET, max_size=FLEET)
blocks = st.sets(st.sampled_from(FunctionalBlock), min_size=5)
# what is done to devices at once; two orders that change one policy refuse each other anyway
actions = st.sampled_from([action for action in ACTIONS if not action.changes_policy])


class House:
    """One client, its devices as an example wants them, and a person at form and API."""

    def __init__(self, app, sessions, make) -> None:
        self.app, self.sessions, self.make = app, sessions, make
        self.client = make.client()
        self.contact, self.supervisor = make.contact(self.client), make.supervisor()
        self.devices = make.fleet(self.client, FLEET)
        make.fleet(self.client, 3 * FLEET)  # no order wipes more than half of a fleet
        self.reference = {device.reference: device.id for device in self.devices}
        with database.acting_as(SYSTEM):
            tokens = [create_token(person, "test") for person in (self.contact, self.supervisor)]
        self.headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
        self.form = entered(app, sessions, self.contact)
        self.api = app.test_client()

    def set(self, facts, wanted) -> None:
        """Make the devices so, the contract contain these blocks, and nothing have been wiped yet."""
        database.use_sessions(self.sessions)
        database.session().rollback()
        with database.acting_as(SYSTEM):
            session = database.session()
            for device, values in zip(self.devices, facts, strict=True):
                session.execute(update(Device).where(Device.id == device.id).values(**values))
            session.execute(update(CommandBatch).values(is_wide=True))  # counts for no limit
            session.execute(update(Contract).values(blocks=sorted(block.value for block in wanted)))
            session.commit()

    def form_says(self, action) -> dict[str, tuple[bool, str]]:
        names = "&".join(f"device={reference}" for reference in self.reference)
        page = self.form.get(f"/portal/ask/action/{action.code}?{names}")
        assert page.status_code == 200
        return {
            reference: (tone == "good", html.unescape(reason or ""))
            for reference, tone, reason in LINE.findall(page.text)
        }

    def api_says(self, action) -> tuple[str, dict[str, tuple[bool, str]]]:
        texts = CASES[action.code].fields
        wanted = {
            "kind": "request",
            "subject": "Please",
            "description": "Do it.",
            "action": {
                "code": action.code,
                "targets": {"devices": list(self.reference)},
                "parameters": texts,
            },
        }
        answer = self.api.post("/api/v1/tickets", json=wanted, headers=self.headers[0])
        assert answer.status_code == 201, answer.text
        (order,) = answer.get_json()["work_orders"]
        return order["reference"], told(order["verdicts"])

    def executed(self, action, reference: str) -> tuple[set[str], dict[str, tuple[bool, str]]]:
        """Approve and execute; return who was commanded, and the verdicts given for that."""
        if action.is_destructive:
            database.use_sessions(self.sessions)
            with database.acting_as(SYSTEM):
                session = database.session()
                order = session.scalar(select(WorkOrder).where(WorkOrder.reference == reference))
                session.rollback()
            self.make.approve(self.supervisor, order)
            database.use_sessions(self.app.extensions["sqlalchemy"].session)
        path = f"/api/v1/work-orders/{reference}"
        answer = self.api.post(f"{path}/execute", headers=self.headers[1])
        assert answer.status_code in {200, 409}, answer.text
        if answer.status_code == 200 and answer.get_json()["state"] == "scheduled":
            self._end_the_window()
        order = self.api.get(path, headers=self.headers[1]).get_json()
        return {command["device"] for command in order["commands"]}, told(order["verdicts"])

    def _end_the_window(self) -> None:
        database.use_sessions(self.sessions)
        with database.acting_as(SYSTEM), clock.told_as(datetime.now(UTC) + timedelta(hours=1)):
            advance_due()
        database.use_sessions(self.app.extensions["sqlalchemy"].session)


def told(verdicts) -> dict[str, tuple[bool, str]]:
    return {line["device"]: (line["possible"], line["reason"] or "") for line in verdicts}


def test_form_api_and_execution_give_the_same_verdicts(app, sessions, make):
    database.use_sessions(sessions)
    database.become(SYSTEM)
    house = House(app, sessions, make)
    seen = set()

    @settings(
        max_examples=40,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(actions, fleets, fleets, blocks)
    def agree(action, facts, later, wanted) -> None:
        house.set(facts, wanted)
        database.use_sessions(app.extensions["sqlalchemy"].session)
        form = house.form_says(action)
        assert set(form) == set(house.reference)
        reference, drafted = house.api_says(action)
        assert drafted == form
        house.set(later, wanted)  # devices change between the asking and the doing
        database.use_sessions(app.extensions["sqlalchemy"].session)
        now = house.form_says(action)
        commanded, given = house.executed(action, reference)
        able = {device for device, (possible, _) in now.items() if possible}
        assert commanded == able
        if commanded:
            assert given == now
        seen.update(reason for _, reason in (*form.values(), *now.values()))

    agree()
    assert len(seen) > 8, "the dice met many reasons"
