"""A wide order as an agent steers it: stages, live progress, pause, going on, cancelling the rest."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from servicedesk.core import database
from servicedesk.orders.jobs import advance_due

FLEET = 25


@pytest.fixture
def order(desk):
    """A message for 25 devices; the sixth in turn refuses it."""
    make = desk.make
    client = make.client(name="Staged Ltd")
    contact, agent = make.contact(client), make.agent()
    devices = make.fleet(client, FLEET)
    ticket = make.request(
        contact, "device.push_message", *devices, parameters={"text": "Drill tomorrow at ten"}
    )
    made = ticket.orders[0]
    rows = database.session().execute(
        text("SELECT device_id FROM order_target WHERE order_id = :order ORDER BY position"),
        {"order": made.id},
    )
    by_id = {device.id: device for device in devices}
    turn = [by_id[row[0]] for row in rows]
    database.session().rollback()
    desk.enrol(*turn[:5], *turn[6:])
    desk.enrol(turn[5], kind="refuses")
    return agent, made, turn


def test_an_agent_plans_executes_pauses_resumes_and_cancels_the_rest(desk, sign_in, order):
    agent, made, turn = order
    page = sign_in(agent)
    page.goto(f"{desk.address}/desk/orders/{made.reference}")

    page.get_by_text("Plan the stages").click()
    for row, (size, wait) in enumerate((("1", "0"), ("40 %", "0"), ("8", "60"), ("", "")), 1):
        page.get_by_label(f"Stage {row}: devices or %").fill(size)
        page.get_by_label("Minutes to wait afterwards").nth(row - 1).fill(wait)
    page.get_by_label("Stops when more than this share fails, in %").fill("50")
    page.get_by_role("button", name="Plan", exact=True).click()
    expect(page.get_by_text("The stages are planned.")).to_be_visible()
    stages = page.get_by_role("list", name="Stages")
    expect(stages.get_by_role("listitem")).to_have_count(4)
    expect(stages).to_contain_text("10 devices")

    page.get_by_label("I have read the list of devices").check()
    page.get_by_role("button", name="Execute").click()
    # nobody reloads the page: the first device answers, and the clock begins the second stage
    expect(page.get_by_text("1 of 1 answered")).to_be_visible()
    expect(page.get_by_text("24 wait for their stage")).to_be_visible()
    advance_due()
    expect(page.get_by_text("11 of 11 answered")).to_be_visible()
    expect(stages.get_by_role("listitem").nth(1)).to_contain_text("Running")
    failed = page.get_by_role("row").filter(has_text=turn[5].reference)
    expect(failed).to_contain_text("Failed")
    expect(failed).to_contain_text("low storage")

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Somebody paused it.")).to_be_visible()
    advance_due()
    page.reload()
    expect(page.get_by_text("11 of 11 answered")).to_be_visible()
    expect(page.get_by_text("14 wait for their stage")).to_be_visible()

    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("It goes on.")).to_be_visible()
    advance_due()
    expect(page.get_by_text("19 of 19 answered")).to_be_visible()
    advance_due()
    expect(page.get_by_text("6 wait for their stage")).to_be_visible()

    page.get_by_role("button", name="Cancel the rest").click()
    expect(page.get_by_text("Cancelled: nothing more is sent.")).to_be_visible()
    advance_due()
    page.reload()
    expect(page.get_by_text("6 were not sent to")).to_be_visible()
    expect(stages.get_by_role("listitem").last).to_contain_text("Not begun")
    last = page.get_by_role("row").filter(has_text=turn[-1].reference)
    expect(last).to_contain_text("Not sent")
    expect(page.get_by_role("row").filter(has_text=turn[0].reference)).to_contain_text("Done")

    page.get_by_role("link", name="Failed").click()
    expect(page.get_by_role("row")).to_have_count(2)  # the head, and the one that refused
    expect(page.get_by_role("row").last).to_contain_text(turn[5].reference)
    page.get_by_role("link", name="Show all").click()
    expect(page.get_by_role("row")).to_have_count(FLEET + 1)
