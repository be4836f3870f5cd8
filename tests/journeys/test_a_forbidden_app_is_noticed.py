"""A user installs a forbidden app: the engine tells, the desk notices, and notices when it is gone."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx

from servicedesk.devices import fleet_engines
from servicedesk.devices.conformity.editing import RuleDraft, create_rule
from servicedesk.devices.inventory_walk import walk_inventory
from tests.desk_on_loopback import until
from tests.visitor import visiting

FORBIDDEN = {"identifier": "com.anydesk.anydeskandroid", "name": "AnyDesk", "version": "7.3"}


def test_from_the_device_to_the_page(desk):
    make = desk.make
    client = make.client()
    agent, contact = make.agent(), make.contact(client)
    device = make.device(client, "android")
    draft = RuleDraft(
        name="Sin AnyDesk",
        kind="app_forbidden",
        parameters={"app": FORBIDDEN["identifier"], "title": "AnyDesk"},
        consequences=["mark"],
    )
    rule = create_rule(agent, client.reference, draft)
    fleet_engines.use_engines({"sandbox": desk.engine})
    desk.engine.enrol(
        [
            {
                "id": device.external_id,
                "platform": "android",
                "last_contact": datetime.now(UTC).isoformat(),
                "inventory": {"os_version": "15", "has_passcode": True, "apps": []},
            }
        ]
    )

    def install(*apps: dict[str, str]) -> None:
        answer = httpx.put(
            f"{desk.sandbox}/v1/devices/{device.external_id}/inventory",
            json={"apps": list(apps)},
            headers={"Authorization": f"Bearer {desk.environment['SANDBOX_KEY']}"},
            trust_env=False,
        )
        assert answer.is_success
        assert walk_inventory("sandbox") >= 1

    with visiting(desk, contact) as visitor:

        def shows(words: str) -> bool:
            page = visitor.get(f"/portal/devices/{device.reference}").text
            return rule.name in page and words in page

        walk_inventory("sandbox")
        until(lambda: shows("Conforme"), what="the device to conform")
        install(FORBIDDEN)
        until(lambda: shows("No conforme"), what="the desk to notice")
        install()
        until(lambda: not shows("No conforme"), what="the desk to notice that it is gone")
