"""The main job as people do it: the contact asks, the agent executes, the devices answer."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.desk_on_loopback import PASSWORD


def test_contact_asks_agent_executes_devices_answer_contact_confirms(desk, sign_in):
    make = desk.make
    client = make.client(name="Browser Ltd")
    contact, agent = make.contact(client), make.agent()
    devices = [make.device(client, kind) for kind in ("ios", "android", "old")]
    desk.enrol(*devices)

    asking = sign_in(contact)
    asking.get_by_role("link", name="Fleet", exact=True).click()
    for device in devices:
        asking.get_by_label(f"Select {device.name}").check()
    asking.get_by_role("button", name="Lock").click()
    expect(asking.get_by_text("2 of 3 devices can do it.")).to_be_visible()
    expect(asking.get_by_text("It needs Android 8 or later; the device has 7.1.")).to_be_visible()
    asking.get_by_label("Message").fill("Please call us")
    asking.get_by_label("What is it about?").fill("Left on the train this morning.")
    asking.get_by_role("button", name="Send the request").click()
    expect(asking.get_by_text("Received").first).to_be_visible()
    reference = asking.url.rsplit("/", 1)[1]

    working = sign_in(agent)
    working.get_by_role("link", name="Tickets", exact=True).click()
    working.get_by_label("Search").fill(reference)
    working.get_by_role("button", name="Search").click()
    working.get_by_role("link", name="Lock").click()
    assert working.url.endswith(reference)
    working.get_by_role("button", name="Take it").click()
    expect(working.get_by_text("2 devices, 67 % of the fleet of Browser Ltd")).to_be_visible()
    expect(working.get_by_text("1 · It needs Android 8 or later")).to_be_visible()
    working.get_by_label("I have read the list of devices").check()
    working.get_by_role("button", name="Execute").click()
    expect(working.get_by_text("Done").first).to_be_visible()

    asking.reload()
    expect(asking.get_by_text("Solved: please confirm").first).to_be_visible()
    expect(asking.get_by_text("The devices answered:")).to_be_visible()
    asking.get_by_label("Solved, thanks").check()
    asking.get_by_label("5 Very good").check()
    asking.get_by_role("button", name="Send my decision").click()
    expect(asking.get_by_text("Closed").first).to_be_visible()
    expect(asking.get_by_text("5 / 5 (Very good)")).to_be_visible()


def test_full_wipe_is_refused_to_its_own_author_on_the_page(desk, sign_in):
    make = desk.make
    client = make.client()
    make.contact(client)
    author, other = make.agent(), make.agent()
    device = make.device(client, "android")
    desk.enrol(device)
    ticket = make.request(author, "device.full_wipe", device)

    own = sign_in(author)
    own.goto(f"{desk.address}/desk/tickets/{ticket.reference}")
    own.get_by_role("link", name="OT-").first.click()
    order_url = own.url
    expect(own.get_by_text("not the one who asked for it")).to_be_visible()
    assert own.get_by_role("button", name="Approve as second person").count() == 0
    token = own.locator("input[name=csrf_token]").first.get_attribute("value")
    refused = own.request.post(f"{order_url}/approve", form={"csrf_token": token})
    assert refused.status == 403

    second = sign_in(other)
    second.goto(order_url)
    second.get_by_label("The last four characters of the serial").fill(device.serial[-4:])
    second.get_by_label("Your password, once more").fill(PASSWORD)
    second.get_by_role("button", name="Approve as second person").click()
    expect(second.get_by_text("Approved by")).to_be_visible()
