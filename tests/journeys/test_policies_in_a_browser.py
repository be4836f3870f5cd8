"""A policy from its first draft to reading what a second one would change."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.policy_story import bring, group_of


def test_an_agent_writes_a_policy_and_reads_in_what_its_second_draft_differs(desk, sign_in):
    make = desk.make
    client = make.client(name="Policy Ltd")
    agent, contact = make.agent(), make.contact(client)
    device = make.device(client, "android")
    group = group_of(client, "Drivers", device)

    page = sign_in(agent)
    page.get_by_role("link", name="Policies", exact=True).first.click()
    page.get_by_role("link", name="New policy").click()
    page.get_by_label("For which client?").select_option(label="Policy Ltd")
    page.get_by_label("Name").fill("Field work")
    page.get_by_role("button", name="Begin the draft").click()
    expect(page.get_by_text("Nobody has it until an order publishes it.")).to_be_visible()

    page.get_by_role("link", name="Wifi").click()
    page.get_by_label("Network name (SSID)").fill("Warehouse")
    page.get_by_label("Security").select_option(label="WPA2 Personal")
    page.get_by_label("Password").fill("very hidden words")
    page.get_by_label("The network is hidden").check()
    page.get_by_role("button", name="Put it into the draft").click()
    expect(page.get_by_text("Joins the wifi Warehouse with WPA2 Personal")).to_be_visible()
    page.get_by_role("link", name="Passcode").click()
    page.get_by_label("At least so many characters").fill("6")
    page.get_by_role("button", name="Put it into the draft").click()
    expect(page.get_by_text("Requires a passcode of at least 6 characters")).to_be_visible()

    reference = page.url.split("/policies/")[1].split("/")[0]
    bring(reference, 1, groups=(group,))

    page.goto(f"{desk.address}/desk/policies/{reference}")
    expect(page.get_by_text("1 device", exact=True).first).to_be_visible()
    page.get_by_role("button", name="New draft").click()
    page.get_by_role("link", name="Edit: Requires a passcode").click()
    page.get_by_label("At least so many characters").fill("8")
    page.get_by_role("button", name="Save in the draft").click()
    page.get_by_role("link", name="Edit: Joins the wifi Warehouse").click()
    expect(page.get_by_label("Password")).to_have_value("")
    page.get_by_label("Password").fill("other hidden words")
    page.get_by_role("button", name="Save in the draft").click()
    page.get_by_role("link", name="Compare").click()
    passcode = page.get_by_role("table", name="Passcode")
    expect(passcode.get_by_role("row", name="At least so many characters 6 8")).to_be_visible()
    wifi = page.get_by_role("table", name="Wifi · Warehouse")
    expect(wifi.get_by_role("row", name="Password ••• sealed changed")).to_be_visible()
    assert "hidden words" not in page.content()

    bring(reference, 2)
    reading = sign_in(contact)
    reading.get_by_role("link", name="Policies", exact=True).first.click()
    reading.get_by_role("link", name="Field work").click()
    expect(reading.get_by_text("Requires a passcode of at least 8 characters")).to_be_visible()
    expect(reading.get_by_text("Version 1", exact=True)).to_be_visible()
    assert reading.get_by_role("button", name="New draft").count() == 0
