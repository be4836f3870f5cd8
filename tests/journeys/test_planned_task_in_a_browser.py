"""An agent plans a message for a group, tries it, runs it now and sees it end."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.policy_story import group_of


def test_an_agent_plans_a_weekly_message_tries_it_and_sees_a_run_end(desk, sign_in):
    make = desk.make
    client = make.client(name="Weekly Ltd")
    agent, contact = make.agent(), make.contact(client)
    phones = make.fleet(client, 3)
    desk.enrol(*phones)
    group_of(client, "Drivers", *phones)

    page = sign_in(agent)
    page.get_by_role("link", name="Planning", exact=True).click()
    page.get_by_role("link", name="Tasks", exact=True).click()
    page.get_by_role("link", name="Plan a task").click()
    page.get_by_label("Title").fill("Weekly word")
    page.get_by_label("For which client?").select_option(label="Weekly Ltd")
    page.get_by_label("Which?").select_option(label="Push message")
    page.get_by_label("Text").fill("Drive safely.")
    page.get_by_label("Drivers").check()
    page.get_by_label("How often?").select_option(label="By a cron expression")
    page.get_by_label("Cron expression").fill("30 9 * * 1")
    expect(page.get_by_text("It runs every Monday at 09:30 (Europe/Madrid).")).to_be_visible()

    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("Dry run: so it would be. Nothing is saved yet.")).to_be_visible()
    expect(page.get_by_text("3 of 3 devices can do it.").first).to_be_visible()
    expect(page.get_by_label("Text")).to_have_value("Drive safely.")
    expect(page.get_by_label("Drivers")).to_be_checked()

    page.get_by_role("button", name="Plan it").click()
    expect(page.get_by_text("Switched on", exact=True)).to_be_visible()
    page.get_by_role("button", name="Run now").click()
    # the page asks by itself until the run is over
    expect(page.get_by_role("heading", name="How it went")).to_be_visible()
    expect(page.get_by_text("3 of 3 answered")).to_be_visible()
    expect(page.get_by_role("button", name="Run again")).to_be_visible()
    order = page.locator("#order a").inner_text()
    page.get_by_role("link", name=order).click()
    expect(page.get_by_text("Of the planned task")).to_be_visible()
    received = desk.received()
    assert [received[phone.external_id] for phone in phones] == [(1, 1)] * 3

    reading = sign_in(contact)
    reading.get_by_role("link", name="Planning", exact=True).click()
    reading.get_by_role("link", name="Tasks", exact=True).click()
    reading.get_by_role("link", name="Weekly word").click()
    expect(reading.get_by_text("every Monday at 09:30 (Europe/Madrid)").first).to_be_visible()
    assert reading.get_by_role("button", name="Run now").count() == 0
