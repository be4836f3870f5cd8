"""The contact's five actions from the portal: each becomes a ticket with its work order."""

from __future__ import annotations

from playwright.sync_api import expect

from servicedesk.devices.catalogue import POINT_ACTIONS

FILLED = {
    "device.lock": {"Message": "Please call us", "Telephone number": "+34 600 123 456"},
    "device.locate": {"Purpose": "Lost on the way to a customer"},
    "device.push_message": {"Title": "Notice", "Text": "Please charge the device"},
    "device.enterprise_wipe": {},
    "device.full_wipe": {},
}


def test_each_of_the_five_actions_becomes_a_ticket_with_its_order(desk, sign_in):
    assert {action.code for action in POINT_ACTIONS} == set(FILLED)
    make = desk.make
    client = make.client()
    contact = make.contact(client)
    device, other = make.device(client, "ios"), make.device(client, "ios")
    page = sign_in(contact)
    for action in POINT_ACTIONS:
        page.goto(f"{desk.address}/portal/devices/{device.reference}")
        page.get_by_role("link", name=action.label, exact=True).click()
        expect(page.get_by_role("heading", name=action.label, level=1)).to_be_visible()
        expect(page.get_by_text("1 of 1 device can do it.")).to_be_visible()
        # one more device, found by its serial; nothing typed so far is lost
        page.get_by_label("What is it about?").fill("As agreed on the telephone.")
        page.get_by_label("Search for devices").fill(other.serial)
        page.get_by_role("button", name="Search").click()
        page.get_by_role("checkbox", name=other.serial).check()
        page.get_by_role("button", name="Update the list").click()
        expect(page.get_by_text("2 of 2 devices can do it.")).to_be_visible()
        expect(page.get_by_label("What is it about?")).to_have_value("As agreed on the telephone.")
        if action.is_destructive:
            expect(page.get_by_text("A second person has to approve it.")).to_be_visible()
            # one wipe of two devices is half of this fleet: one is enough
            page.get_by_role("checkbox", name=other.reference).uncheck()
        for label, value in FILLED[action.code].items():
            page.get_by_label(label, exact=True).fill(value)
        page.get_by_role("button", name="Send the request").click()
        expect(page.get_by_text("We keep you informed here and by mail.")).to_be_visible()
        order = page.locator("section.card", has=page.get_by_role("link", name="OT-"))
        expect(order.get_by_role("heading", name=action.label)).to_be_visible()
        waits = "Waiting for a second person" if action.is_destructive else "Ready to execute"
        expect(order.get_by_text(waits)).to_be_visible()
